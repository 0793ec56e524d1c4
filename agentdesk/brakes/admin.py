"""Brakes in the admin, for reading: they are pulled and released on the desk or with `manage.py brake`."""

from __future__ import annotations

from django.contrib import admin

from agentdesk.brakes.models import Brake
from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import link, moment, section, status, text


@admin.register(Brake)
class BrakeAdmin(HistoryAdmin):
    list_display = [
        "__str__",
        status("depth"),
        text("reason"),
        link("pulled_by", "pulled by"),
        text("tripped_by", "by the cap"),
        moment("pulled_at", "pulled"),
        moment("released_at", "released"),
        link("released_by", "by"),
    ]
    list_select_related = ["agent", "pulled_by", "released_by"]
    list_filter = ["depth", "agent", "pulled_at", "released_at"]
    search_fields = ["=public_id", "=tool", "reason", "released_because", "pulled_by__username"]
    fieldsets = [
        section(None, status("depth"), text("tool"), link("agent"), text("reason", limit=300)),
        section(
            "Pulled",
            link("pulled_by", "by"),
            text("tripped_by", "by the cap"),
            moment("pulled_at", "when"),
        ),
        section(
            "Released",
            link("released_by", "by"),
            moment("released_at", "when"),
            text("released_because", "because", limit=300),
        ),
        section("Names", text("public_id", "id")),
    ]
