"""Ticks to-dos off in the same turns as other calls, so that whoever watches sees where the work stands."""

from __future__ import annotations

import enum
from dataclasses import replace

from agentdesk.runtime.offline.answer import Answer, Wish
from agentdesk.runtime.offline.conversation import Outcome
from agentdesk.runtime.offline.facts import Facts


class Phase(enum.IntEnum):
    """The five steps of every plan, in order."""

    LOOK = 0
    CHECK = 1
    ACT = 2
    RECORD = 3
    TELL = 4


def ticked(
    facts: Facts,
    phase: Phase,
    answer: Answer,
    *,
    also: tuple[Phase, ...] = (),
    skipped: tuple[Phase, ...] = (),
) -> Answer:
    """`answer` with to-dos before `phase` closed, and that of `phase` (and `also`) begun."""
    wishes = [
        wish
        for past in Phase
        if past < phase
        for wish in _move(facts, past, "skipped" if past in skipped else "done")
    ]
    wishes += [wish for begun in (phase, *also) for wish in _move(facts, begun, "doing")]
    return replace(answer, calls=(*wishes, *answer.calls))


def closing(facts: Facts, *, skipped: tuple[Phase, ...] = ()) -> tuple[Wish, ...]:
    """What is left to tick before the final answer."""
    return tuple(
        wish for phase in Phase for wish in _move(facts, phase, "skipped" if phase in skipped else "done")
    )


def _move(facts: Facts, phase: Phase, state: str) -> list[Wish]:
    positions = _positions(facts)
    if "set_todo_state" not in facts.conversation.tools or phase >= len(positions):
        return []
    position = positions[phase]
    now = facts.conversation.todos.get(position, "pending")
    if now == state or now in ("done", "skipped"):
        return []
    if any(
        call.outcome is not Outcome.DONE
        for call in facts.conversation.of("set_todo_state", position=position, state=state)
    ):
        return []  # ticking is a courtesy: what failed once is left alone
    return [Wish("set_todo_state", {"position": position, "state": state})]


def _positions(facts: Facts) -> list[int]:
    plan = facts.conversation.done("add_todos")
    return [int(todo["position"]) for todo in plan.result.get("todos", [])] if plan else []
