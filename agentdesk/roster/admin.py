"""Versions of agents in the admin. The agents themselves are edited on the desk's side, where the tools are known."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from agentdesk.core.admin import HistoryAdmin, RecordAdmin
from agentdesk.core.admin_columns import block, dollars, json, link, moment, section, status, text
from agentdesk.roster.forms import ModelPriceForm
from agentdesk.roster.models import AgentVersion, ModelPrice


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
        section("What it is told", block("instructions"), json("tools")),
        section("Other agents", json("hand_offs"), json("consults")),
        section("What thinks", text("model"), status("model_api"), text("fallback_model"), "call_seconds"),
        section(
            "Limits",
            "max_turns",
            "max_tool_calls",
            "max_seconds",
            "max_tokens",
            dollars("max_cost_micros", "spent on models"),
            json("per_day", "of all its tasks on one day"),
        ),
    ]


@admin.register(ModelPrice)
class ModelPriceAdmin(RecordAdmin):
    form = ModelPriceForm
    list_display = [
        "model",
        dollars("input_micros", "input"),
        dollars("cached_input_micros", "cached input"),
        dollars("output_micros", "output"),
    ]
    search_fields = ["model"]
    fieldsets = [
        section(
            None,
            "model",
            *ModelPriceForm.DOLLARS,
            description="US dollars for a million tokens. Answers are priced as they come; what was counted stays.",
        )
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: ModelPrice | None = None) -> Any:
        """The name is what answers are priced by: it is chosen once."""
        return [*super().get_readonly_fields(request, obj), *(["model"] if obj else [])]
