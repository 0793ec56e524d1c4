"""Tasks in the admin: their list, and a page that tells the whole story of one."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import dollars, json, link, links, moment, section, status, text
from agentdesk.desk.admin.story import tell
from tasks.models import Task


@admin.register(Task)
class TaskAdmin(HistoryAdmin):
    change_form_template = "admin/tasks/task/change_form.html"
    list_display = [
        text("title", limit=80),
        status(),
        status("waiting_for", "for"),
        link("customer"),
        link("agent_version", "agent"),
        link("requested_by", "asked by"),
        moment("created_at", "created"),
        moment("finished_at", "finished"),
    ]
    list_select_related = ["customer", "agent_version__agent", "requested_by"]
    list_filter = ["status", "waiting_for", "origin_kind", "agent_version__agent", "model_name"]
    search_fields = [
        "=public_id",
        "title",
        "=ticket__public_id",
        "=ticket__external_id",
        "=customer__number",
        "customer__name",
    ]
    search_help_text = "An id, words of the title, or the customer"
    date_hierarchy = "created_at"
    fieldsets = [
        section(
            None,
            status(),
            status("waiting_for", "waiting for"),
            text("waiting_note", "why it waits", limit=400),
            text("failure", limit=2000),
            link("customer"),
            link("ticket", limit=200),
            link("requested_by", "asked by"),
            link("agent_version", "agent"),
            link("previous", "continues"),
            link("parent", "started by"),
            link("root", "on behalf of"),
            links("children", "started"),
            status("origin_kind", "how it was made"),
            link("origin", "made from"),
            "origin_turn",
            links("offspring", "made from it"),
        ),
        section(
            "Used",
            "turns_used",
            "tool_calls_used",
            "tokens_used",
            "work_ms",
            dollars("cost_micros", "spent on models"),
            text("model_name", "model"),
            json("limits", "limits of its own"),
        ),
        section(
            "Time and claim",
            moment("created_at", "created"),
            moment("queued_at", "last queued"),
            moment("started_at", "started"),
            moment("finished_at", "finished"),
            text("holder", "worker"),
            moment("lease_until", "claim holds until"),
            "fence",
            "attempts",
            moment("not_before", "not before"),
            text("public_id", "id"),
        ),
    ]

    def beside(self, request: HttpRequest, obj: Task) -> dict[str, Any]:
        return {"story": tell(obj)}
