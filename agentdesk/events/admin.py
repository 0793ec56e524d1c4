"""Events in the admin: every fact about every task, in order."""

from __future__ import annotations

from django.contrib import admin

from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import facts, json, link, moment, section, status, text
from agentdesk.events.models import Event, Signal


@admin.register(Event)
class EventAdmin(HistoryAdmin):
    list_display = ["__str__", link("task"), facts("data", "facts"), link("by"), moment("at")]
    list_select_related = ["task", "by"]
    list_filter = ["kind", ("by", admin.RelatedOnlyFieldListFilter)]
    search_fields = ["=task__public_id", "task__title"]
    search_help_text = "A task’s id, or words of its title"
    date_hierarchy = "at"
    ordering = ["-at", "-id"]
    fieldsets = [
        section(
            None,
            "number",
            status("kind"),
            link("task"),
            link("by"),
            moment("at"),
            json("data", "facts"),
            text("transaction"),
        )
    ]


@admin.register(Signal)
class SignalAdmin(HistoryAdmin):
    """What is on its way to open pages at this moment; pruned after a minute."""

    list_display = ["groups", json("payload"), moment("at")]
    ordering = ["-id"]
    fieldsets = [section(None, "groups", json("payload"), moment("at"))]
