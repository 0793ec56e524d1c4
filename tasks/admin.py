"""Customers, tickets, to-dos and turns in the admin. Tasks have theirs on the desk's side: their page tells the whole story."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin

from agentdesk.core.admin import HistoryAdmin, RecordAdmin
from agentdesk.core.admin_columns import (
    block,
    counted_relations,
    dollars,
    json,
    link,
    links,
    moment,
    section,
    status,
    text,
)
from tasks.models import Customer, Ticket, ToDo, Turn, Usage, WorkerProcess


@admin.register(Customer)
class CustomerAdmin(RecordAdmin):
    list_display = ["number", text("name"), text("email"), "tier", "since"]
    list_filter = ["tier"]
    search_fields = ["=number", "name", "email"]
    search_help_text = "A number such as C-1007, a name or an e-mail address"
    with_us = counted_relations(Customer)
    readonly_fields: ClassVar[list[Any]] = with_us
    fieldsets = [
        section(None, "number", "name", "email", "tier", "since", "notes"),
        section("With us", *with_us),
    ]


@admin.register(Ticket)
class TicketAdmin(HistoryAdmin):
    list_display = [
        text("subject", limit=80),
        link("customer"),
        status("source"),
        text("external_id"),
        moment("created_at", "opened"),
    ]
    list_select_related = ["customer"]
    list_filter = ["source"]
    search_fields = ["=public_id", "=external_id", "subject", "body", "=customer__number", "customer__name"]
    search_help_text = "An id, words of the ticket, or the customer"
    date_hierarchy = "created_at"
    fieldsets = [
        section(None, text("subject", limit=200), block("body"), link("customer"), links("tasks")),
        section(
            "Where it came from",
            status("source"),
            text("external_id"),
            link("created_by", "opened by"),
            moment("created_at", "opened"),
            text("public_id", "id"),
        ),
    ]


@admin.register(ToDo)
class ToDoAdmin(HistoryAdmin):
    list_display = ["position", text("text"), status("state"), link("task")]
    list_display_links = ["position"]
    list_select_related = ["task"]
    list_filter = ["state"]
    search_fields = ["=task__public_id", "text"]
    ordering = ["-task", "position"]
    fieldsets = [section(None, "position", text("text", limit=200), status("state"), link("task"))]


@admin.register(Turn)
class TurnAdmin(HistoryAdmin):
    list_display = [
        "__str__",
        link("task"),
        text("agent_name", "agent"),
        text("model_name", "model"),
        text("text", "said", limit=80),
        "input_tokens",
        "output_tokens",
        "duration_ms",
        moment("recorded_at", "recorded"),
    ]
    list_select_related = ["task"]
    list_filter = ["model_name", "agent_name", "recorded_at"]
    search_fields = ["=task__public_id", "task__title", "=response_id"]
    search_help_text = "A task’s id, words of its title, or a response id"
    ordering = ["-id"]
    fieldsets = [
        section(
            None,
            "number",
            link("task"),
            text("agent_name", "agent"),
            text("model_name", "model"),
            moment("recorded_at", "recorded"),
        ),
        section(
            "What it said",
            block("text", "said"),
            block("reasoning", "reasoning summary"),
            links("tool_calls", "tool calls"),
        ),
        section(
            "Cost",
            "input_tokens",
            "cached_tokens",
            "output_tokens",
            dollars("cost_micros", "cost"),
            "duration_ms",
        ),
        section("As recorded", text("path"), text("response_id"), "fence", json("items")),
    ]


@admin.register(Usage)
class UsageAdmin(HistoryAdmin):
    list_display = [
        "day",
        link("agent"),
        "turns",
        "tool_calls",
        "tokens",
        dollars("cost_micros", "spent on models"),
        "work_ms",
    ]
    list_select_related = ["agent"]
    list_filter = ["agent", "day"]
    search_fields = ["agent__name", "agent__title"]
    date_hierarchy = "day"
    fieldsets = [
        section(
            None,
            "day",
            link("agent"),
            "turns",
            "tool_calls",
            "tokens",
            dollars("cost_micros", "spent on models"),
            "work_ms",
        )
    ]


@admin.register(WorkerProcess)
class WorkerProcessAdmin(HistoryAdmin):
    list_display = [
        "__str__",
        text("version"),
        "tasks_held",
        "capacity",
        moment("seen_at", "last seen"),
        moment("started_at", "started"),
    ]
    list_filter = ["host", "version"]
    search_fields = ["name"]
    fieldsets = [
        section(
            None,
            text("host"),
            "pid",
            text("name"),
            text("version"),
            "tasks_held",
            "capacity",
            moment("seen_at", "last seen"),
            moment("started_at", "started"),
        )
    ]
