"""Agents in the admin: the form shows the current version; saving it publishes a new one."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest

from agentdesk.core.admin import RecordAdmin
from agentdesk.core.admin_columns import link, links, moment, section, text
from agentdesk.roster import edit
from agentdesk.roster.forms import DollarsField
from agentdesk.roster.models import Agent, AgentVersion
from tools.registry import all_tools

OWN_FIELDS = {"tools", "hand_offs", "consults", "max_cost_micros"}
"""Fields of a version that the form has a widget of its own for."""


def _of_day(noun: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=noun.capitalize(),
        required=False,
        min_value=1,
        max_value=edit.MAX_PER_DAY,
        help_text="Empty for no limit",
    )


class AgentForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes no type parameter at run time
    """The profile, the fields of a version, and why it changes. A version is published only where its fields changed."""

    tools = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple, required=False, help_text="What it may call"
    )
    hand_offs = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Agents it may hand the whole task to; they go on with everything said so far",
    )
    consults = forms.MultipleChoiceField(
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text="Agents it may ask one question at a time, like a tool",
    )
    max_cost_micros = DollarsField(
        label="Max cost", initial=10_000_000, help_text="US dollars that a task may spend on models"
    )
    day_turns = _of_day("turns")
    day_tool_calls = _of_day("tool calls")
    day_tokens = _of_day("tokens")
    day_seconds = _of_day("seconds of work")
    day_cost_micros = DollarsField(
        label="US dollars spent on models", required=False, help_text="Empty for no limit"
    )
    reason = forms.CharField(
        max_length=300, help_text="Why this changes; it stays with the version for ever."
    )
    base = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Agent
        fields = ["name", "title", "description", "enabled"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        version_fields = forms.fields_for_model(
            AgentVersion,
            fields=[name for name in edit.FIELDS if name not in {*OWN_FIELDS, "per_day"}],
            widgets={"instructions": forms.Textarea(attrs={"rows": 24, "class": "vLargeTextField"})},
        )
        self.fields.update(version_fields)
        tools: Any = self.fields["tools"]
        tools.choices = [(name, f"{name}: {spec.description}") for name, spec in sorted(all_tools().items())]
        for name in ("hand_offs", "consults"):
            others: Any = self.fields[name]
            rows = Agent.objects.exclude(pk=self.instance.pk).order_by("name")
            others.choices = [(agent.name, f"{agent.name}: {agent.description}") for agent in rows]
        current = self.instance.current
        others = Agent.objects.filter(enabled=True).exclude(pk=self.instance.pk).order_by("name")
        for name in edit.OTHERS:
            # one that was disabled since stays in sight, so that it can be taken out
            named = {other: other for other in (getattr(current, name) if current else [])}
            named |= {other.name: f"{other.name}: {other.title}" for other in others}
            field: Any = self.fields[name]
            field.choices = list(named.items())
        for name in edit.FIELDS if current else ():
            self.initial.setdefault(name, getattr(current, name))
        for name, limit in (current.per_day if current else {}).items():
            self.initial.setdefault(f"day_{name}", limit)
        self.initial.setdefault("base", current.pk if current else None)

    def clean(self) -> None:
        own = self.instance.name or self.cleaned_data.get("name", "")
        for name, problem in edit.problems(AgentVersion(**self.version_fields()), own=own).items():
            if name not in self.errors:
                self.add_error(name if name in self.fields else None, problem)
        if self.instance.pk:
            present = Agent.objects.select_for_update().get(pk=self.instance.pk)
            if present.current_id != self.cleaned_data.get("base"):
                raise forms.ValidationError(
                    "Somebody published another version meanwhile. Open this page again and make your change there."
                )

    def version_fields(self) -> dict[str, Any]:
        of_day = {name: self.cleaned_data.get(f"day_{name}") for name in edit.PER_DAY}
        return {
            **{name: self.cleaned_data.get(name) for name in edit.FIELDS},
            "per_day": {name: limit for name, limit in of_day.items() if limit is not None},
        }

    def version_changed(self) -> bool:
        return self.instance.current is None or any(
            getattr(self.instance.current, name) != value for name, value in self.version_fields().items()
        )


current, versions = link("current", "current version"), links("versions")


@admin.register(Agent)
class AgentAdmin(RecordAdmin):
    form = AgentForm
    list_display = [
        text("title"),
        "name",
        "enabled",
        current,
        text("current__reason", "because"),
        link("current__author", "by"),
        moment("current__created_at", "since"),
    ]
    list_select_related = ["current__agent", "current__author"]
    search_fields = ["name", "title", "description"]
    readonly_fields: ClassVar[list[Any]] = [current, versions]

    def get_fieldsets(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        profile = section("Profile", "name", "title", "description", "enabled")
        if obj is not None and not self.has_change_permission(request, obj):
            return [profile, section("Versions", current, versions)]
        told = section("What it is told and may do", "instructions", "tools", "hand_offs", "consults")
        thinks = section("What thinks", "model", "model_api", "fallback_model", "call_seconds")
        limits = section(
            "Limits of one task",
            "max_turns",
            "max_tool_calls",
            "max_seconds",
            "max_tokens",
            "max_cost_micros",
            description="What reaches one waits, and a person may extend it.",
        )
        of_day = section(
            "Limits of all its tasks together on one day",
            *(f"day_{name}" for name in edit.PER_DAY),
            description="Days are those of UTC. What reaches one waits until the next day, or until a person lets it go on.",
        )
        why = section(
            "Publish",
            "reason",
            "base",
            description="Saving publishes a new version. Running tasks keep the one they started with.",
        )
        return [profile, told, thinks, limits, of_day, why] + (
            [section("Versions", current, versions)] if obj else []
        )

    def get_form(
        self, request: HttpRequest, obj: Agent | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """The version's fields are the form's own, so Django's factory is told only about the agent's."""
        return super().get_form(request, obj, change, **{**kwargs, "fields": AgentForm.Meta.fields})

    def get_readonly_fields(self, request: HttpRequest, obj: Agent | None = None) -> Any:
        """The name is what the API and imports call it by: it is chosen once."""
        return [*super().get_readonly_fields(request, obj), *(["name"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Agent, form: AgentForm, change: bool) -> None:
        assert isinstance(request.user, User)
        super().save_model(request, obj, form, change)
        if form.version_changed():
            edit.publish(obj, by=request.user, reason=form.cleaned_data["reason"], **form.version_fields())

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> Any:
        return f"Changed {', '.join(name for name in form.changed_data if name != 'reason') or 'nothing'}: {form.cleaned_data['reason']}"
