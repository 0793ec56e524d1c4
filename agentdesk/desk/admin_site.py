"""The Django admin of AgentDesk."""

from __future__ import annotations

from django.contrib.admin import AdminSite
from django.contrib.admin.apps import AdminConfig


class DeskAdminConfig(AdminConfig):
    default_site = "agentdesk.desk.admin_site.DeskAdminSite"


class DeskAdminSite(AdminSite):
    site_header = "AgentDesk"
    site_title = "AgentDesk admin"
    index_title = "What waits, and everything that happened"
    site_url = "/"
