"""The library in the admin: staff keep the runbooks, agents' documents are history."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import F
from django.forms import ModelForm
from django.http import HttpRequest

from agentdesk.core.admin import HistoryAdmin, RecordAdmin
from agentdesk.core.admin_columns import block, link, moment, section, text
from tools.library.models import Document, Runbook


@admin.register(Runbook)
class RunbookAdmin(RecordAdmin):
    list_display = [text("title"), "category", "version", moment("updated_at", "updated")]
    search_fields = ["title", "body"]
    readonly_fields: ClassVar[list[Any]] = ["version", (updated := moment("updated_at", "updated"))]
    fieldsets = [section(None, "category", "title", "body"), section("Version", "version", updated)]

    def save_model(self, request: HttpRequest, obj: Runbook, form: ModelForm[Runbook], change: bool) -> None:
        """A changed body is a new version: agents' documents quote clauses of one."""
        if change and "body" in form.changed_data:
            obj.version = F("version") + 1
        super().save_model(request, obj, form, change)
        obj.refresh_from_db(fields=["version"])

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """The category is what agents look a runbook up by: it is chosen once."""
        return [*super().get_readonly_fields(request, obj), *(["category"] if obj else [])]


@admin.register(Document)
class DocumentAdmin(HistoryAdmin):
    list_display = [text("title"), link("task"), moment("written_at", "written")]
    list_select_related = ["task"]
    list_filter = ["written_at"]
    search_fields = ["=task__public_id", "title", "body"]
    fieldsets = [
        section(
            None,
            text("title", limit=200),
            block("body"),
            link("task"),
            link("tool_call", "tool call"),
            moment("written_at", "written"),
        )
    ]
