"""Names AgentDesk's admin site to Django; the site itself is in `admin_pages`, loaded once the models are."""

from __future__ import annotations

from django.contrib.admin.apps import AdminConfig


class DeskAdminConfig(AdminConfig):
    default_site = "agentdesk.desk.admin_pages.DeskAdminSite"
