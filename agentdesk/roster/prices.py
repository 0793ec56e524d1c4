"""What an answer of a model costs, from the table of prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings

from agentdesk.roster.models import Agent, ModelPrice

A_MILLION = 1_000_000
FREE = {"offline"}
"""The built-in model."""


@dataclass(frozen=True, slots=True)
class Price:
    """Millionths of a US dollar for a million tokens of each kind."""

    input_micros: int
    cached_input_micros: int
    output_micros: int


def table() -> dict[str, Price]:
    """By the name of the model; one query."""
    rows = ModelPrice.objects.values_list("model", "input_micros", "cached_input_micros", "output_micros")
    return {model: Price(*price) for model, *price in rows}


def cost_micros(
    prices: Mapping[str, Price], model: str, *, input_tokens: int, cached_tokens: int, output_tokens: int
) -> int:
    """Millionths of a US dollar, rounded up; 0 for a model without a price. `cached_tokens` are among the input."""
    price = prices.get(model)
    if price is None:
        return 0
    cached = min(cached_tokens, input_tokens)
    total = (
        (input_tokens - cached) * price.input_micros
        + cached * price.cached_input_micros
        + output_tokens * price.output_micros
    )
    return -(-total // A_MILLION)


def unpriced() -> list[str]:
    """Models that agents may ask and whose answers count as free because nobody wrote down a price, by name."""
    asked = {settings.MODEL}
    for agent in Agent.objects.startable():
        assert agent.current is not None
        asked |= {agent.current.model or settings.MODEL, agent.current.fallback_model}
    priced = set(ModelPrice.objects.filter(model__in=asked).values_list("model", flat=True))
    return sorted(asked - priced - FREE - {""})
