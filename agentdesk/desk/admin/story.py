"""The whole story of one task on one page: plan, turns, tool calls, sign-offs, what came of them, and every event."""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db.models import Model, Prefetch

from agentdesk.core.admin_columns import admin_url, pairs
from agentdesk.events.models import Event
from approvals.models import Approval
from tasks.models import Task, ToDo, Turn
from tools.admin import EFFECTS
from tools.models import ToolCall
from tools.registry import label


@dataclass(frozen=True, slots=True)
class Effect:
    """A record that a call left behind, a refund for example."""

    kind: str
    record: Model
    url: str | None
    """Its page in the admin."""


@dataclass(frozen=True, slots=True)
class Step:
    call: ToolCall
    words: str
    approvals: list[Approval]
    effects: list[Effect]


@dataclass(frozen=True, slots=True)
class Answer:
    """One turn with what it led to."""

    turn: Turn
    steps: list[Step]


@dataclass(frozen=True, slots=True)
class Fact:
    event: Event
    by: User | None
    details: str


@dataclass(frozen=True, slots=True)
class Story:
    todos: list[ToDo]
    answers: list[Answer]
    facts: list[Fact]
    complete: bool
    """The events are numbered 1, 2, 3 … up to the task's counter, none missing."""
    effects: list[Effect]


def tell(task: Task) -> Story:
    """Everything that is recorded about `task`, in order; a fixed number of queries, whatever its length."""
    approvals = Approval.objects.order_by("opened_at", "id").prefetch_related("decisions__decided_by")
    calls = (
        ToolCall.objects.select_related(*EFFECTS)
        .prefetch_related(Prefetch("approvals", approvals))
        .order_by("position")
    )
    answers = [
        Answer(turn, [_step(call) for call in turn.tool_calls.all()])
        for turn in task.turns.prefetch_related(Prefetch("tool_calls", calls)).order_by("id")
    ]
    steps = [step for answer in answers for step in answer.steps]
    known: dict[str, Model] = {step.call.key: step.call for step in steps}
    known |= {approval.public_id: approval for step in steps for approval in step.approvals}
    events = list(task.events.select_related("by").order_by("number"))
    return Story(
        todos=list(task.todos.all()),
        answers=answers,
        facts=[Fact(event, event.by, pairs(event.data, known)) for event in events],
        complete=[event.number for event in events] == list(range(1, task.last_event + 1)),
        effects=[effect for step in steps for effect in step.effects],
    )


def _step(call: ToolCall) -> Step:
    effects = [
        Effect(kind, record, admin_url(record))
        for name, kind in EFFECTS.items()
        if (record := getattr(call, name, None)) is not None
    ]
    return Step(call, label(call.tool, call.arguments), list(call.approvals.all()), effects)
