"""What agents use each day, in UTC: counted with each turn, and read before the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import F, Sum

from agentdesk.core.clock import database_now
from agentdesk.roster.models import AgentVersion
from tasks import limits
from tasks.limits import MICROS_A_CENT, Amounts, Measure, Reached, Scope
from tasks.models import Task, Usage

# One statement that needs no row to be there. Where two transactions meet, the second one waits for the row, so
# `spend` is the last statement of its transaction.
_ADD = """
INSERT INTO tasks_usage (agent_id, day, turns, tool_calls, tokens, work_ms, cost_micros)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (agent_id, day) DO UPDATE SET
  turns = tasks_usage.turns + excluded.turns,
  tool_calls = tasks_usage.tool_calls + excluded.tool_calls,
  tokens = tasks_usage.tokens + excluded.tokens,
  work_ms = tasks_usage.work_ms + excluded.work_ms,
  cost_micros = tasks_usage.cost_micros + excluded.cost_micros
"""
_TAKE_TURN = """
INSERT INTO tasks_usage (agent_id, day, turns, tool_calls, tokens, work_ms, cost_micros)
VALUES (%s, %s, 1, 0, 0, 0, 0)
ON CONFLICT (agent_id, day) DO UPDATE SET turns = tasks_usage.turns + 1
WHERE tasks_usage.turns < %s
"""
_ANY = 2**62


@dataclass(frozen=True, slots=True)
class Taken:
    """A turn that was counted before its answer came, because its agent has a limit of turns a day."""

    agent_id: int
    day: date


def spend(
    agent_id: int,
    day: date,
    *,
    turns: int = 0,
    tool_calls: int = 0,
    tokens: int = 0,
    work_ms: int = 0,
    cost_micros: int = 0,
) -> None:
    """Add to what the agent used on `day`. Call it last in the transaction of what was used."""
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [agent_id, day.isoformat(), turns, tool_calls, tokens, work_ms, cost_micros])


def check(task: Task) -> None:
    """Raises LimitReached when one of the task's own limits is reached; asks no database."""
    if (standing := limits.of_task(used(task), own_limits(task.agent_version), task.limits)) is not None:
        raise limits.LimitReached(standing)


def has_limits_of_a_day(task: Task) -> bool:
    return bool(task.agent_version.per_day or desk_limits())


def take_turn(task: Task) -> Taken | None:
    """Before a model is asked: count the turn where its agent has a limit of turns a day, exactly under concurrency.

    Tokens, money and seconds are known only afterwards, so each task that is in flight may pass those limits by one
    answer. Raises LimitReached.
    """
    version = task.agent_version
    day = today()
    if (reached := _of_day(task, day)) is not None:
        raise limits.LimitReached(reached)
    most = _per_day(version).get(Measure.TURNS)
    if most is None:
        return None
    agent_id = version.agent_id
    if not _take(agent_id, day, most):
        standing = Reached(Scope.AGENT, Measure.TURNS, of_agent(agent_id, day)[Measure.TURNS], most, most)
        if used(task)[Measure.TURNS] >= limits.exempt_until(standing, day, task.limits):
            raise limits.LimitReached(standing)
        _take(agent_id, day, _ANY)
    return Taken(agent_id, day)


def settle(task: Task, taken: Taken | None, *, worked_ms: int) -> None:
    """After a try without an answer: count its time, and give back the turn that was taken for it.

    A worker that is killed before this leaves the turn counted: too much, never too little.
    """
    spend(task.agent_version.agent_id, today(), work_ms=worked_ms)
    if taken is not None:
        row = Usage.objects.filter(agent_id=taken.agent_id, day=taken.day, turns__gt=0)
        row.update(turns=F("turns") - 1)


def reached(task: Task) -> Reached | None:
    """The limit that keeps this task from its next turn, as things stand; None when none does."""
    own = limits.of_task(used(task), own_limits(task.agent_version), task.limits)
    return own or _of_day(task, today())


def used(task: Task) -> Amounts:
    return {
        Measure.TURNS: task.turns_used,
        Measure.TOOL_CALLS: task.tool_calls_used,
        Measure.TOKENS: task.tokens_used,
        Measure.SECONDS: task.work_ms // 1000,
        Measure.COST: task.cost_micros,
    }


def own_limits(version: AgentVersion) -> Amounts:
    return {
        Measure.TURNS: version.max_turns,
        Measure.TOOL_CALLS: version.max_tool_calls,
        Measure.TOKENS: version.max_tokens,
        Measure.SECONDS: version.max_seconds,
        Measure.COST: version.max_cost_micros,
    }


def limit(task: Task, measure: Measure) -> int:
    """The task's own limit, extensions included."""
    return limits.limit_of(measure, own_limits(task.agent_version), task.limits)


def desk_limits() -> Amounts:
    """Of all tasks of one day together, from the settings; empty where none is set."""
    wanted = {
        Measure.TOKENS: settings.MAX_TOKENS_PER_DAY,
        Measure.COST: settings.MAX_COST_CENTS_PER_DAY * MICROS_A_CENT,
    }
    return {measure: amount for measure, amount in wanted.items() if amount}


def of_agent(agent_id: int, day: date) -> Amounts:
    row = Usage.objects.filter(agent_id=agent_id, day=day).values(*_COLUMNS).first()
    return _amounts(row or {})


def of_desk(day: date) -> Amounts:
    sums = Usage.objects.filter(day=day).aggregate(**{name: Sum(name) for name in _COLUMNS})
    return _amounts(sums)


def today() -> date:
    return database_now().date()


def tomorrow(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), UTC)


_COLUMNS = ("turns", "tool_calls", "tokens", "work_ms", "cost_micros")


def _amounts(row: Mapping[str, Any]) -> Amounts:
    return {
        Measure.TURNS: row.get("turns") or 0,
        Measure.TOOL_CALLS: row.get("tool_calls") or 0,
        Measure.TOKENS: row.get("tokens") or 0,
        Measure.SECONDS: (row.get("work_ms") or 0) // 1000,
        Measure.COST: row.get("cost_micros") or 0,
    }


def _per_day(version: AgentVersion) -> Amounts:
    return {Measure(name): amount for name, amount in version.per_day.items()}


def _of_day(task: Task, day: date) -> Reached | None:
    mine = used(task)
    found: Reached | None = None
    if per_day := _per_day(task.agent_version):
        spent = of_agent(task.agent_version.agent_id, day)
        found = limits.of_day(Scope.AGENT, day, spent, per_day, used=mine, overrides=task.limits)
    if found is None and (of_all := desk_limits()):
        found = limits.of_day(Scope.DESK, day, of_desk(day), of_all, used=mine, overrides=task.limits)
    return found


def _take(agent_id: int, day: date, most: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_TURN, [agent_id, day.isoformat(), most])
        return bool(cursor.rowcount == 1)
