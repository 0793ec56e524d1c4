"""Fields of forms that people fill in with dollars, or with names in a list."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms

from agentdesk.core.money import MICROS_A_DOLLAR
from agentdesk.roster.models import ModelPrice


class DollarsField(forms.DecimalField):
    """Typed and shown in US dollars, cleaned to millionths of one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_digits=12, decimal_places=6, **options)

    def prepare_value(self, value: Any) -> Any:
        return dollars_of(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        amount = super().clean(value)
        return None if amount is None else int(amount * MICROS_A_DOLLAR)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(dollars_of(initial) if isinstance(initial, int) else initial, data)


class ModelPriceForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes no type parameter at run time
    DOLLARS = ("input_micros", "cached_input_micros", "output_micros")

    input_micros = DollarsField(label="Input")
    cached_input_micros = DollarsField(label="Cached input")
    output_micros = DollarsField(label="Output")

    class Meta:
        model = ModelPrice
        fields = ["model", "input_micros", "cached_input_micros", "output_micros"]


def dollars_of(micros: int) -> str:
    """For example `10`, `1.75`, `0.005`."""
    return f"{(Decimal(micros) / MICROS_A_DOLLAR).normalize():f}"
