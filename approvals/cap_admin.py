"""Caps in the admin: saving publishes a new version; versions and exemptions are history."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.models import User
from django.forms import ModelForm
from django.http import HttpRequest

from agentdesk.core.admin import HistoryAdmin, RecordAdmin
from agentdesk.core.admin_columns import json, link, links, moment, money, section, status, text
from approvals import caps
from approvals.cap import in_words
from approvals.cap_form import SAYS, CapForm
from approvals.models import Cap, CapVersion, Exemption


@admin.display(description="says")
def says(cap: Cap) -> str:
    if cap.current is None or not cap.current.in_force:
        return "Holds nothing back"
    return in_words(cap.current.limit)


@admin.register(Cap)
class CapAdmin(RecordAdmin):
    form = CapForm
    list_display = [
        "name",
        says,
        status("current__on_reach", "when reached"),
        text("current__reason", "because"),
        link("current__author", "by"),
        moment("current__created_at", "since"),
    ]
    list_select_related = ["current__cap", "current__author"]
    search_fields = ["name"]
    readonly_fields: ClassVar[list[Any]] = [
        (versions := links("versions")),
        (in_force := link("current", "in force")),
        says,
    ]
    fieldsets = [
        section(None, "name", in_force, says),
        section("A new version", *SAYS, "reason", "base"),
        section("Versions", versions),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Cap | None = None) -> Any:
        """Who may only look sees what the cap says, and no fields to fill in."""
        head, form, versions = self.fieldsets
        if obj is None:
            return [section(None, "name"), form]
        return [head, form, versions] if self.has_change_permission(request, obj) else [head, versions]

    def get_readonly_fields(self, request: HttpRequest, obj: Cap | None = None) -> list[Any]:
        """Brakes and events name a cap, so its name stays."""
        return [*self.readonly_fields, *(["name"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Cap, form: ModelForm[Cap], change: bool) -> None:
        assert isinstance(request.user, User)
        assert isinstance(form, CapForm)
        if not change:
            obj.save()
        obj.current = caps.publish(obj, by=request.user, reason=form.cleaned_data["reason"], **form.says)


@admin.register(CapVersion)
class CapVersionAdmin(HistoryAdmin):
    list_display = ["__str__", text("reason"), link("author"), moment("created_at", "written")]
    list_select_related = ["cap", "author"]
    list_filter = ["cap"]
    search_fields = ["cap__name", "reason", "author__username"]
    fieldsets = [
        section(
            None,
            link("cap"),
            "number",
            text("reason", limit=300),
            link("author"),
            moment("created_at", "written"),
        ),
        section(
            "What it says",
            "in_force",
            status("per"),
            json("tools"),
            "window_hours",
            text("currency"),
            "max_count",
            money("max_sum_minor", "max sum"),
            status("on_reach", "when reached"),
        ),
    ]


@admin.register(Exemption)
class ExemptionAdmin(HistoryAdmin):
    list_display = [
        "__str__",
        (amount := money("amount_minor")),
        link("by"),
        text("reason"),
        moment("at", "when"),
    ]
    list_select_related = ["cap", "tool_call", "by"]
    list_filter = ["cap", "at"]
    search_fields = ["cap__name", "=tool_call__key", "=tool_call__task__public_id", "by__username", "reason"]
    fieldsets = [
        section(None, link("by"), text("reason", limit=300), moment("at", "when")),
        section("What was let over", link("tool_call", "tool call"), link("tool_call__task", "task"), amount),
        section("Which cap", link("cap"), link("cap_version", "as it was")),
    ]
