"""What a task resumes from: its turns and tool calls, read once at the start and written before anybody acts on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import F

from agentdesk.core.clock import database_now
from agentdesk.core.text import shortened
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from approvals.cancel import fail_task
from tasks import transitions
from tasks.models import Task, Turn
from tools.calls import Requested, propose
from tools.models import ToolCall

Item = dict[str, Any]
CONTINUED_TASKS = 5
"""How many earlier tasks of a continued conversation the model is shown."""


@dataclass(slots=True)
class Journal:
    """A claimed task as its run knows it."""

    task: Task
    turns: list[Turn]
    calls: dict[str, ToolCall]
    """By call id; kept as fresh as the run's own writes."""
    opening: list[Item] = field(default_factory=list)

    @property
    def last_turn(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    def transcript(self) -> list[Item]:
        """The model's input up to (not including) the last recorded turn, which is replayed."""
        items = list(self.opening)
        for turn in self.turns[:-1]:
            items.extend(turn.items)
            items.extend(
                {"type": "function_call_output", "call_id": call.call_id, "output": call.output}
                for call in sorted(self.calls.values(), key=lambda call: call.position)
                if call.turn_id == turn.pk
            )
        return items


@dataclass(frozen=True, slots=True)
class Answer:
    """One completed answer of a model, ready to be recorded."""

    agent_name: str
    model_name: str
    response_id: str
    items: list[Item]
    text: str
    reasoning: str
    input_tokens: int
    output_tokens: int
    duration_ms: int
    requested: list[Requested]


def load(task: Task) -> Journal:
    """Four statements, however long the task."""
    return Journal(
        task=task,
        turns=list(Turn.objects.filter(task=task, path="").order_by("number")),
        calls={call.call_id: call for call in ToolCall.objects.filter(task=task, path="")},
        opening=[*_earlier(task), {"role": "user", "content": task.goal}],
    )


def _earlier(task: Task) -> list[Item]:
    """What a continued task's model has to know: the goals before and how they ended."""
    chain: list[Task] = []
    previous = task.previous
    while previous is not None and len(chain) < CONTINUED_TASKS:
        chain.append(previous)
        previous = previous.previous
    items: list[Item] = []
    for earlier in reversed(chain):
        items.append({"role": "user", "content": earlier.goal})
        ended = earlier.result or earlier.failure or f"(This task is {earlier.get_status_display().lower()}.)"
        items.append({"role": "assistant", "content": ended})
    return items


def record_turn(journal: Journal, answer: Answer, *, worked_ms: int) -> Turn:
    """Store an answer and its proposed calls in one transaction, before the run sees them. Raises ClaimLost."""
    version = journal.task.agent_version
    with transaction.atomic():
        task = transitions.hold(journal.task.pk, fence=journal.task.fence)
        turn = Turn.objects.create(
            task=task,
            number=len(journal.turns) + 1,
            agent_name=answer.agent_name,
            model_name=answer.model_name,
            response_id=answer.response_id,
            items=answer.items,
            text=answer.text,
            reasoning=answer.reasoning,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            duration_ms=answer.duration_ms,
            fence=task.fence,
            recorded_at=database_now(),
        )
        room = max(0, version.max_tool_calls - task.tool_calls_used)
        calls = propose(task, turn, answer.requested, allowed_tools=version.tools, room=room)
        Task.objects.filter(pk=task.pk).update(
            turns_used=F("turns_used") + 1,
            tool_calls_used=F("tool_calls_used") + len(calls),
            tokens_used=F("tokens_used") + answer.input_tokens + answer.output_tokens,
            work_ms=F("work_ms") + worked_ms,
            model_name=answer.model_name,
            attempts=0,
        )
        data = {
            "turn": turn.number,
            "text": shortened(answer.text, 300),
            "calls": [call.tool for call in calls],
        }
        record(task, Fact(Kind.TURN_RECORDED, data))
    kept = journal.task
    kept.turns_used += 1
    kept.tool_calls_used += len(calls)
    kept.tokens_used += answer.input_tokens + answer.output_tokens
    kept.work_ms += worked_ms
    kept.attempts = 0
    journal.turns.append(turn)
    journal.calls.update({call.call_id: call for call in calls})
    return turn


def finish(journal: Journal, *, result: str, worked_ms: int) -> None:
    """Raises ClaimLost."""
    with transaction.atomic():
        task = transitions.hold(journal.task.pk, fence=journal.task.fence)
        _account(task, worked_ms)
        transitions.finish(task, result=result)


def fail(journal: Journal, *, why: str, worked_ms: int) -> None:
    """Raises ClaimLost."""
    with transaction.atomic():
        task = transitions.hold(journal.task.pk, fence=journal.task.fence)
        _account(task, worked_ms)
        fail_task(task, why=why)


def give_back(
    journal: Journal, *, why: str, worked_ms: int, after_seconds: float = 0, attempts: int = 0
) -> None:
    """Raises ClaimLost."""
    with transaction.atomic():
        task = transitions.hold(journal.task.pk, fence=journal.task.fence)
        _account(task, worked_ms)
        transitions.release(task, why=why, after_seconds=after_seconds, attempts=attempts)


def _account(task: Task, worked_ms: int) -> None:
    Task.objects.filter(pk=task.pk).update(work_ms=F("work_ms") + worked_ms)
