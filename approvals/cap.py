"""The arithmetic of caps as pure functions of values: what a cap counts, whether there is room, and all of it in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from agentdesk.core.money import Money, format_money

DAY_HOURS = 24


class Per(StrEnum):
    """What is counted together."""

    ORDER = "order"
    CUSTOMER = "customer"
    APPROVER = "approver"
    AGENT = "agent"
    DESK = "desk"


class OnReach(StrEnum):
    """What becomes of the call that finds no room."""

    ASK = "ask"
    BRAKE = "brake"


PER_WORDS = {
    Per.ORDER: "one order",
    Per.CUSTOMER: "one customer",
    Per.APPROVER: "one person's signatures",
    Per.AGENT: "one agent",
    Per.DESK: "the whole desk",
}
ON_REACH_WORDS = {
    OnReach.ASK: "The task waits for a person who may let it over",
    OnReach.BRAKE: "The brake on these tools is pulled",
}


@dataclass(frozen=True, slots=True)
class Limit:
    """One cap: at most `max_count` calls or `max_sum_minor` together, of what `per` says, within the window."""

    per: Per
    tools: frozenset[str]
    """Empty: every tool that people may have to sign."""
    window_hours: int | None
    """Back from now; None for ever."""
    currency: str
    """Empty: any currency, by number only."""
    max_count: int | None
    max_sum_minor: int | None
    on_reach: OnReach


@dataclass(frozen=True, slots=True)
class Used:
    """What has happened, or may have, within the window."""

    count: int
    sum_minor: int


def applies(limit: Limit, *, tool: str, currency: str) -> bool:
    return (not limit.tools or tool in limit.tools) and limit.currency in {"", currency}


def has_room(limit: Limit, used: Used, amount: Money) -> bool:
    """Whether one more call of `amount` stays within the limit; exactly reaching it does."""
    if limit.max_count is not None and used.count + 1 > limit.max_count:
        return False
    return limit.max_sum_minor is None or used.sum_minor + amount.minor <= limit.max_sum_minor


def in_words(limit: Limit) -> str:
    """For example `at most 3 for one order, ever`, `at most 200 or $20,000.00 for the whole desk in 1 hour`."""
    return f"at most {_most(limit)} for {PER_WORDS[limit.per]}{_window(limit.window_hours)}"


def reached_in_words(name: str, limit: Limit, used: Used, *, whose: str) -> str:
    """For example `“Refunds of an order”: at most 3 for one order, ever; A-1042 has had 3.`"""
    had = str(used.count)
    if limit.max_sum_minor is not None:
        had = f"{had}, {format_money(used.sum_minor, limit.currency)} together"
    return f"“{name}”: {in_words(limit)}; {whose} has had {had}."


def _most(limit: Limit) -> str:
    parts = []
    if limit.max_count is not None:
        parts.append(f"{limit.max_count:,}{f' in {limit.currency}' if limit.currency else ''}")
    if limit.max_sum_minor is not None:
        parts.append(format_money(limit.max_sum_minor, limit.currency))
    return " or ".join(parts)


def _window(hours: int | None) -> str:
    if hours is None:
        return ", ever"
    if hours % DAY_HOURS == 0 and hours > DAY_HOURS:
        return f" in {hours // DAY_HOURS} days"
    return f" in {hours} hour{'' if hours == 1 else 's'}"
