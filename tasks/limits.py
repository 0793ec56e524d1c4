"""Which limit of a task, its agent or the desk is reached: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from agentdesk.core.errors import DeskError, Invalid
from agentdesk.core.money import format_money, parse_money

MICROS_A_CENT = 10_000
MAX_DIGITS = 15


class Measure(StrEnum):
    """What is limited. The values are the keys of `Task.limits` and `AgentVersion.per_day`."""

    TURNS = "turns"
    TOOL_CALLS = "tool_calls"
    TOKENS = "tokens"
    SECONDS = "seconds"
    COST = "cost_micros"

    @property
    def noun(self) -> str:
        return _NOUNS[self]


_NOUNS = {
    Measure.TURNS: "turns",
    Measure.TOOL_CALLS: "tool calls",
    Measure.TOKENS: "tokens",
    Measure.SECONDS: "seconds of work",
    Measure.COST: "US dollars spent on models",
}


class Scope(StrEnum):
    """Whose limit it is: one task's, that of an agent's tasks on one day, or that of all tasks on one day."""

    TASK = "task"
    AGENT = "agent"
    DESK = "desk"


Amounts = Mapping[Measure, int]


@dataclass(frozen=True, slots=True)
class Reached:
    scope: Scope
    measure: Measure
    used: int
    limit: int
    most: int
    """By how much a person may extend it at once: the limit as it was set."""

    @property
    def key(self) -> str:
        """For example `task.turns`."""
        return f"{self.scope}.{self.measure}"

    @property
    def daily(self) -> bool:
        return self.scope != Scope.TASK

    @property
    def sentence(self) -> str:
        used, limit = in_words(self.measure, self.used), in_words(self.measure, self.limit)
        even = self.used == self.limit
        if self.scope == Scope.TASK:
            how = f"used up its limit of {limit}" if even else f"used {used}; its limit is {limit}"
            return f"This task has {how}. A lead, finance or an administrator may extend it."
        how = f"used up today’s limit of {limit}" if even else f"used {used} today; the limit is {limit}"
        return (
            f"All tasks of this {self.scope} together have {how}. This one goes on by itself tomorrow (UTC), "
            "or now if a lead, finance or an administrator extends the limit for it."
        )


class LimitReached(DeskError):
    """The task waits until a person extends a limit, or until the next day."""

    code = "limit"

    def __init__(self, reached: Reached) -> None:
        super().__init__(reached.sentence)
        self.reached = reached


def of_task(used: Amounts, own: Amounts, overrides: Mapping[str, Any]) -> Reached | None:
    """The first of a task's own limits that is reached; `overrides` (`Task.limits`) go before those of its agent."""
    for measure, most in own.items():
        limit = limit_of(measure, own, overrides)
        if _beyond(measure, used[measure], limit):
            return Reached(Scope.TASK, measure, used[measure], limit, most)
    return None


def of_day(
    scope: Scope,
    day: date,
    used_today: Amounts,
    limits: Amounts,
    *,
    used: Amounts,
    overrides: Mapping[str, Any],
) -> Reached | None:
    """The first limit of a day that is reached, and from which this task (which has `used` so much) is not exempt."""
    for measure, limit in limits.items():
        if used_today[measure] < limit:
            continue
        reached = Reached(scope, measure, used_today[measure], limit, limit)
        if used[measure] >= exempt_until(reached, day, overrides):
            return reached
    return None


def limit_of(measure: Measure, own: Amounts, overrides: Mapping[str, Any]) -> int:
    return int(overrides.get(measure, own[measure]))


def exempt_until(reached: Reached, day: date, overrides: Mapping[str, Any]) -> int:
    """How much this task itself may have used on `day` although the limit of all is reached; 0 without an exemption."""
    return int(overrides.get("days", {}).get(day.isoformat(), {}).get(reached.key, 0))


def extended(
    reached: Reached, amount: int, day: date, *, used: Amounts, overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """`Task.limits` with `amount` more than what is used. Raises Invalid unless 1 <= amount <= reached.most."""
    if not 1 <= amount <= reached.most:
        raise Invalid(
            f"Extend it by at least {in_words(reached.measure, 1)} and at most {in_words(reached.measure, reached.most)} at a time.",
            fields={"amount": "out of range"},
        )
    if reached.scope == Scope.TASK:
        return {**overrides, reached.measure.value: max(reached.used, reached.limit) + amount}
    today = {
        **overrides.get("days", {}).get(day.isoformat(), {}),
        reached.key: used[reached.measure] + amount,
    }
    return {**overrides, "days": {day.isoformat(): today}}  # exemptions of other days mean nothing any more


def in_words(measure: Measure, amount: int) -> str:
    """For example `30 turns`, `1 tool call`, `$2.50`."""
    if measure == Measure.COST:
        return format_money(-(-amount // MICROS_A_CENT), "USD")
    noun = measure.noun
    if amount == 1:
        noun = {Measure.SECONDS: "second of work"}.get(measure, noun.removesuffix("s"))
    return f"{amount:,} {noun}"


def typed(measure: Measure, text: str) -> int:
    """The amount that a person typed: dollars for money, a whole number otherwise. Raises Invalid."""
    if measure == Measure.COST:
        return parse_money(text, "USD") * MICROS_A_CENT
    plain = text.strip().replace(",", "")
    if not (plain.isascii() and plain.isdigit() and len(plain) <= MAX_DIGITS):
        raise Invalid(f"{text!r} is not a whole number. Write it like 20.", fields={"amount": "no number"})
    return int(plain)


def _beyond(measure: Measure, used: int, limit: int) -> bool:
    """Calls beyond the limit do not run and are counted; a task that used exactly its calls may still finish."""
    return used > limit if measure == Measure.TOOL_CALLS else used >= limit
