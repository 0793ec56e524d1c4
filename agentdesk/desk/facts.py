"""The stored facts of an approval as label and value: what a decision rested on, whatever has happened since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agentdesk.core.money import EXPONENTS, format_money


def told(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return for example `[("Order", "A-1001"), ("Captured", "$58.00"), ("Charges", "CH-1 $29.00, CH-2 $29.00")]`."""
    currency = facts.get("currency")
    return list(_lines(facts, currency if currency in EXPONENTS else ""))


def _lines(facts: Mapping[str, Any], currency: str) -> Iterator[tuple[str, str]]:
    for key, value in facts.items():
        label = key.removesuffix("_minor").replace("_", " ").capitalize()
        if isinstance(value, Mapping):
            yield label, ", ".join(words for _, words in _lines(value, currency)) or "none"
        elif isinstance(value, list):
            yield label, ", ".join(_item(item, currency) for item in value) or "none"
        else:
            yield label, _words(value, currency if key.endswith("_minor") else "")


def _item(item: Any, currency: str) -> str:
    parts = item if isinstance(item, list) else [item]
    return " ".join(_words(part, currency) for part in parts)


def _words(value: Any, currency: str) -> str:
    if value is None:
        return "none"
    if isinstance(value, int) and not isinstance(value, bool) and currency:
        return format_money(value, currency)
    return str(value)
