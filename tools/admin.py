"""Tool calls in the admin: exact arguments, what came out, and whom it was asked."""

from __future__ import annotations

from django.contrib import admin

from agentdesk.core.admin import HistoryAdmin
from agentdesk.core.admin_columns import block, json, link, links, moment, one, section, status, text
from tools.models import Attempt, ToolCall

EFFECTS = {
    relation.get_accessor_name() or "": str(relation.related_model._meta.verbose_name)  # noqa: SLF001 -- a model's options
    for relation in ToolCall._meta.related_objects  # noqa: SLF001 -- a model's options
    if relation.one_to_one
}
"""What a call can leave behind, attribute to name: each toolset's record that belongs to exactly one call, a refund for example."""


@admin.register(ToolCall)
class ToolCallAdmin(HistoryAdmin):
    list_display = [
        text("tool"),
        status(),
        link("task"),
        text("turn", "turn"),
        status("effect"),
        text("error_code", "error"),
        moment("proposed_at", "proposed"),
        moment("finished_at", "finished"),
    ]
    list_select_related = ["task", "turn"]
    list_filter = ["status", "tool", "effect", "proposed_at"]
    search_fields = ["=key", "=call_id", "=task__public_id", "task__title", "tool", "=arguments_hash"]
    search_help_text = "The call’s key or id, a task’s id or title, a tool, or the hash of the arguments"
    ordering = ["-id"]
    fieldsets = [
        section(
            None,
            text("tool"),
            status(),
            link("task"),
            link("turn"),
            status("effect"),
            links("approvals"),
            text("subject"),
            link("copy_of", "repeats in the journal"),
            *(one(name, kind) for name, kind in EFFECTS.items()),
        ),
        section(
            "Arguments",
            json("arguments", "as parsed"),
            text("arguments_hash", "their hash"),
            block("raw_arguments", "as written"),
        ),
        section(
            "Outside", json("request", "what it asks for"), moment("started_at", "began"), links("attempts")
        ),
        section(
            "Outcome", json("result"), block("output", "what the model was told"), text("error_code", "error")
        ),
        section(
            "As recorded",
            text("key"),
            text("call_id"),
            text("path"),
            "position",
            moment("proposed_at", "proposed"),
            moment("finished_at", "finished"),
        ),
    ]


@admin.register(Attempt)
class AttemptAdmin(HistoryAdmin):
    """What was exchanged with the outside about a call."""

    list_display = [
        "__str__",
        link("tool_call", "tool call"),
        link("tool_call__task", "task"),
        text("words"),
        link("by"),
        moment("at", "when"),
    ]
    list_select_related = ["tool_call__task", "by"]
    list_filter = ["kind", "came", "at"]
    search_fields = ["=tool_call__key", "=tool_call__task__public_id", "words"]
    search_help_text = "The call’s key, the task’s id, or words that came back"
    ordering = ["-id"]
    fieldsets = [
        section(
            None,
            status("kind", "what"),
            status("came", "what came back"),
            block("words"),
            link("by", "asked by"),
        ),
        section(
            "About",
            link("tool_call", "tool call"),
            link("tool_call__task", "task"),
            "number",
            moment("at", "when"),
        ),
    ]
