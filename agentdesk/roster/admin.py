"""Versions of agents in the admin. The agents themselves are edited on the desk's side, where the tools are known."""

from __future__ import annotations

from django.contrib import admin

from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import block, json, link, moment, section, status, text
from agentdesk.roster.models import AgentVersion


@admin.register(AgentVersion)
class AgentVersionAdmin(HistoryAdmin):
    list_display = [
        "__str__",
        status("source"),
        text("reason"),
        link("author"),
        moment("created_at", "written"),
    ]
    list_select_related = ["agent", "author"]
    list_filter = ["agent", "source"]
    search_fields = ["agent__name", "agent__title", "reason", "author__username", "instructions"]
    fieldsets = [
        section(
            None,
            link("agent"),
            "number",
            status("source"),
            text("reason", limit=300),
            link("author"),
            moment("created_at", "written"),
        ),
        section("What it is told", block("instructions"), json("tools"), text("model"), status("model_api")),
        section("Other agents", json("hand_offs"), json("consults")),
        section("Limits", "max_turns", "max_tool_calls", "max_seconds", "max_tokens"),
    ]
