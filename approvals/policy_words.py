"""A policy in words, for people who read it beside its JSON."""

from __future__ import annotations

from dataclasses import dataclass

from agentdesk.core.errors import Invalid
from agentdesk.core.money import format_money
from approvals.policy import Rule, in_words, parse
from tools.registry import find


@dataclass(frozen=True, slots=True)
class RuleWords:
    name: str
    tool: str
    asks: str
    """From which amount on people are asked."""
    bands: list[tuple[str, str]]
    """The amounts of a band, and who signs them."""
    expires: str


def described(rules: object) -> list[RuleWords]:
    """Each rule in words; nothing when the rules cannot be read."""
    try:
        return [_words(rule) for rule in parse(rules).rules]
    except Invalid:
        return []


def _words(rule: Rule) -> RuleWords:
    bands = []
    below: int | None = None
    for band in rule.bands:
        if band.up_to is not None:
            amounts = f"up to {format_money(band.up_to, rule.currency)}"
        elif below is None:
            amounts = "any amount"
        else:
            amounts = f"above {format_money(below, rule.currency)}"
        bands.append((amounts, in_words(band)))
        below = band.up_to
    always = rule.ask_from == 0
    return RuleWords(
        name=f"{rule.name} in {rule.currency}",
        tool=rule.tool if find(rule.tool) else f"{rule.tool} (no such tool)",
        asks="People are always asked."
        if always
        else f"People are asked from {format_money(rule.ask_from, rule.currency)} on.",
        bands=bands,
        expires=f"A sign-off runs out after {rule.expires_after_hours} hours; then nobody has answered, and nothing happens.",
    )
