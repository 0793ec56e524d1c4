"""The form that publishes a new version of the policy."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from agentdesk.core.canonical import parse_object
from agentdesk.core.errors import Invalid
from approvals import policies
from approvals.models import Policy
from tools.registry import find


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes no type parameter at run time
    rules = forms.CharField(
        strip=True,
        max_length=50_000,
        widget=forms.Textarea(attrs={"rows": 28, "spellcheck": "false", "class": "code"}),
        help_text="JSON. Amounts are in the currency’s smallest unit: 25000 is $250.00. The last band of a rule has up_to null.",
    )
    reason = forms.CharField(
        max_length=300, help_text="Why the rules change; it stays with the version for ever."
    )
    base = forms.IntegerField(widget=forms.HiddenInput, help_text="The version these changes start from")

    class Meta:
        model = Policy
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        version = self.instance.current
        if version is not None:
            self.initial["rules"] = json.dumps(version.rules, indent=2, ensure_ascii=False)
            self.initial["base"] = version.number

    def clean_rules(self) -> dict[str, Any]:
        try:
            rules = parse_object(self.cleaned_data["rules"])
            policy = policies.parsed(rules)
        except Invalid as error:
            raise forms.ValidationError(error.sentence.replace("The arguments", "The rules")) from None
        unasked = [
            rule.tool for rule in policy.rules if (spec := find(rule.tool)) is None or spec.sensitive is None
        ]
        if unasked:
            raise forms.ValidationError(
                f"No tool that people are asked about is called {', '.join(unasked)}. Correct the name."
            )
        return rules

    def clean(self) -> None:
        """Refuse to overwrite what somebody else published meanwhile. The admin holds a transaction around this."""
        present = (
            Policy.objects.select_for_update(of=("self",))
            .select_related("current")
            .get(pk=self.instance.pk)
            .current
        )
        if present is not None and self.cleaned_data.get("base") != present.number:
            raise forms.ValidationError(
                f"Version {present.number} was published meanwhile ({present.reason}). Open this page again and make your change there."
            )
        if present is not None and self.cleaned_data.get("rules") == present.rules:
            raise forms.ValidationError("These are the rules in force already; nothing to publish.")
