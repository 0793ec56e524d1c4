"""The form that publishes a new version of a cap, or a new cap."""

from __future__ import annotations

from typing import Any

from django import forms

from approvals.models import Cap, CapVersion
from tools.registry import all_tools

SAYS = ["in_force", "per", "tools", "window_hours", "currency", "max_count", "max_sum_minor", "on_reach"]
"""The fields of a version that people fill in."""
_OF_VERSION: dict[str, Any] = forms.fields_for_model(CapVersion, fields=SAYS)


class CapForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes no type parameter at run time
    in_force = _OF_VERSION["in_force"]
    per = _OF_VERSION["per"]
    window_hours = _OF_VERSION["window_hours"]
    currency = _OF_VERSION["currency"]
    max_count = _OF_VERSION["max_count"]
    max_sum_minor = _OF_VERSION["max_sum_minor"]
    on_reach = _OF_VERSION["on_reach"]
    tools = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="None: every tool that people may have to sign",
    )
    reason = forms.CharField(max_length=300, help_text="Why; it stays with the version for ever.")
    base = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Cap
        fields = ["name"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        tools: Any = self.fields.get("tools")  # who may only look gets a form without fields
        if tools is not None:
            tools.choices = sorted((spec.name, spec.name) for spec in all_tools().values() if spec.sensitive)
        version = self.instance.current if self.instance.pk else None
        if version is not None:
            self.initial.update({name: getattr(version, name) for name in SAYS}, base=version.number)

    @property
    def says(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in SAYS}

    def clean(self) -> None:
        """Refuse what the database would, and to overwrite what somebody else published meanwhile."""
        if self.errors:
            return
        says = self.says
        if says["max_count"] is None and says["max_sum_minor"] is None:
            self.add_error("max_count", "Give a number, a sum, or both; a cap without either holds nothing.")
        if says["max_sum_minor"] is not None and not says["currency"]:
            self.add_error("currency", "A sum needs a currency.")
        if not self.instance.pk:
            return
        present = Cap.objects.select_for_update(no_key=True, of=("self",)).get(pk=self.instance.pk).current
        if present is not None and self.cleaned_data["base"] != present.number:
            raise forms.ValidationError(
                f"Version {present.number} was published meanwhile ({present.reason}). Open this page again and make your change there."
            )
        if present is not None and all(getattr(present, name) == value for name, value in says.items()):
            raise forms.ValidationError("This is what the cap says already; nothing to publish.")
