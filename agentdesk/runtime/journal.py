"""What a task resumes from: its turns and tool calls, read once at the start and written before anybody acts on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from agentdesk.core import rows
from agentdesk.core.clock import database_now
from agentdesk.core.text import shortened, storable
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact
from agentdesk.roster import prices
from agentdesk.roster.prices import Price
from approvals.gate import never_asks
from tasks import transitions, usage
from tasks.limits import Measure
from tasks.models import Task, Turn
from tools import crew
from tools.calls import MAX_CALLS_PER_TURN, Requested, propose
from tools.models import OUTSIDE, ToolCall
from tools.registry import find

Item = dict[str, Any]
CONTINUED_TASKS = 5
"""How many earlier tasks of a continued conversation the model is shown."""


@dataclass(slots=True)
class Journal:
    """A claimed task as its run knows it: its own conversation, or that of an agent which is consulted."""

    task: Task
    turns: list[Turn]
    calls: dict[str, ToolCall]
    """By call id; kept as fresh as the run's own writes."""
    opening: list[Item] = field(default_factory=list)
    path: str = ""
    """The chain of the calls around it; empty for the task's own."""
    prices: dict[str, Price] | None = None
    """What models cost; read before the first answer of this claim that costs anything."""
    taken: usage.Taken | None = None
    """The turn that is being thought about, where it was counted for the day beforehand."""

    @property
    def last_turn(self) -> Turn | None:
        return self.turns[-1] if self.turns else None

    def runnable_with(self, call: ToolCall) -> list[ToolCall]:
        """`call` and those behind it in its turn that need nobody either, up to the first that may: they run together.

        What acts outside runs alone: it begins when its turn comes, not before.
        """
        if not _runs_here(call):
            return [call]
        turn = sorted(
            (other for other in self.calls.values() if other.turn_id == call.turn_id),
            key=lambda other: other.position,
        )
        together = [call]
        for other in turn[turn.index(call) + 1 :]:
            if not _runs_here(other):
                break
            together.append(other)
        return together

    def hand_off(self) -> ToolCall:
        """The hand-off of the last turn that counts: its first."""
        last = self.last_turn
        return min(
            (call for call in self.calls.values() if last and call.turn_id == last.pk and _hands_over(call)),
            key=lambda call: call.position,
        )

    def transcript(self) -> list[Item]:
        """The model's input up to (not including) the last recorded turn, which is replayed."""
        items = list(self.opening)
        for turn in self.turns[:-1]:
            items.extend(turn.items)
            items.extend(
                {"type": "function_call_output", "call_id": call.call_id, "output": call.output}
                for call in sorted(self.calls.values(), key=_as_told)
                if call.turn_id == turn.pk
            )
        return items


def _as_told(call: ToolCall) -> tuple[int, int]:
    """The SDK tells of hand-offs after everything else of the turn, and of the one that counts last."""
    if not _hands_over(call):
        return 0, call.position
    return (1 if call.output == crew.IGNORED else 2), call.position


def _hands_over(call: ToolCall) -> bool:
    """Whether it is a hand-off that was offered to the agent."""
    return call.tool.startswith(crew.HAND_OFF) and call.error_code != "unknown_tool"


def _runs_here(call: ToolCall) -> bool:
    """Whether it needs nobody and ends in the transaction in which it begins."""
    if crew.agent_of(call.tool):
        return False
    spec = find(call.tool)
    return never_asks(call) and call.status not in OUTSIDE and (spec is None or not spec.acts_outside)


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
    cached_tokens: int = 0
    """Of the input, what the server had cached and charges less for."""


def load(task: Task) -> Journal:
    """At most four statements, however long the task; none of its journal for a task that was never claimed before."""
    return _read(Journal(task, [], {}, opening_of(task)))


def load_consultation(task: Task, *, path: str, question: str) -> Journal:
    """What an agent that was consulted has said and done about `question` so far; two statements at most."""
    return _read(Journal(task, [], {}, [{"role": "user", "content": question}], path))


def _read(journal: Journal) -> Journal:
    task, path = journal.task, journal.path
    if task.fence > 1 or task.origin_id is not None:
        of_task = {"task_id": task.pk, "path": path}
        journal.turns = rows.read(Turn, of_task, order_by=["number"])
        journal.calls = {call.call_id: call for call in rows.read(ToolCall, of_task, order_by=["id"])}
    return journal


def opening_of(task: Task) -> list[Item]:
    """What stands before the first turn: the earlier tasks that this one continues, and its goal."""
    return [*_earlier(task), {"role": "user", "content": task.goal}]


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


def record_turn(journal: Journal, answer: Answer, *, allowed_tools: Sequence[str], worked_ms: int) -> Turn:
    """Store an answer and its proposed calls in one transaction, before the run sees them. Raises ClaimLost.

    `allowed_tools` are those of the agent that speaks.
    """
    task, number = journal.task, len(journal.turns) + 1
    tokens, called = (
        answer.input_tokens + answer.output_tokens,
        min(len(answer.requested), MAX_CALLS_PER_TURN),
    )
    cost_micros = _cost_micros(journal, answer)
    data = {
        "turn": number,
        "text": shortened(answer.text, 300),
        "calls": [shortened(storable(request.tool), 80) for request in answer.requested],
    }
    with transaction.atomic():
        transitions.progress(
            task,
            Fact(Kind.TURN_RECORDED, data),
            put={"model_name": answer.model_name, "attempts": 0},
            add={
                "turns_used": 1,
                "tool_calls_used": called,
                "tokens_used": tokens,
                "work_ms": worked_ms,
                "cost_micros": cost_micros,
            },
        )
        turn = Turn(
            task=task,
            path=journal.path,
            number=number,
            agent_name=answer.agent_name,
            model_name=answer.model_name,
            response_id=answer.response_id,
            items=answer.items,
            text=answer.text,
            reasoning=answer.reasoning,
            input_tokens=answer.input_tokens,
            cached_tokens=answer.cached_tokens,
            output_tokens=answer.output_tokens,
            cost_micros=cost_micros,
            duration_ms=answer.duration_ms,
            fence=task.fence,
            recorded_at=database_now(),
        )
        (turn.pk,) = rows.insert(Turn, [vars(turn)])
        version = task.agent_version
        room = max(0, usage.limit(task, Measure.TOOL_CALLS) - task.tool_calls_used)
        calls = propose(task, turn, answer.requested, allowed_tools=allowed_tools, room=room)
        usage.spend(
            version.agent_id,
            turn.recorded_at.date(),
            turns=0 if journal.taken else 1,
            tool_calls=called,
            tokens=tokens,
            work_ms=worked_ms,
            cost_micros=cost_micros,
        )
    journal.taken = None
    task.turns_used += 1
    task.tool_calls_used += called
    task.tokens_used += tokens
    task.work_ms += worked_ms
    task.cost_micros += cost_micros
    task.attempts = 0
    journal.turns.append(turn)
    journal.calls.update({call.call_id: call for call in calls})
    return turn


def _cost_micros(journal: Journal, answer: Answer) -> int:
    if answer.model_name in prices.FREE or not answer.input_tokens + answer.output_tokens:
        return 0
    if journal.prices is None:
        journal.prices = prices.table()
    return prices.cost_micros(
        journal.prices,
        answer.model_name,
        input_tokens=answer.input_tokens,
        cached_tokens=answer.cached_tokens,
        output_tokens=answer.output_tokens,
    )
