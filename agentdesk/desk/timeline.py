"""What happened in a task, in the order people read it: events, turns, their tool calls, and who signed what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from agentdesk.events.models import Event, Kind
from approvals.models import Approval
from tasks.models import Task, Turn, WaitingFor
from tools import crew, registry
from tools.models import ToolCall
from tools.planning.plan import PLANNING

_TOLD_BY_EVENTS = {
    Kind.TASK_QUEUED: "Queued",
    Kind.TASK_CLAIMED: "An agent took it up",
    Kind.TASK_RELEASED: "Interrupted; it will be tried again",
    Kind.TASK_DONE: "Done",
    Kind.TASK_FAILED: "Failed",
    Kind.TASK_CANCELLED: "Cancelled",
    Kind.CAP_LIFTED: "Let over a cap",
    Kind.CAP_UPHELD: "A cap was kept: the call did not run",
}
_ONLY_FIRST = {
    Kind.TASK_QUEUED,
    Kind.TASK_CLAIMED,
}  # a task is queued and claimed again after each wait: no news


@dataclass(frozen=True, slots=True)
class Step:
    """One tool call in words, with the approvals it needed, oldest first."""

    call: ToolCall
    label: str
    approvals: list[Approval]


@dataclass(frozen=True, slots=True)
class Moment:
    """Either an event with its words or a turn with its steps, those of planning apart."""

    at: datetime
    words: str = ""
    event: Event | None = None
    turn: Turn | None = None
    inside: int = 0
    """How many agents around it asked the one that speaks; 0 for the task's own conversation."""
    speaker: str = ""
    """The agent's name where it is not the one the task was given to."""
    planning: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)

    @property
    def taken_over(self) -> bool:
        """Told in the task's origin, and nothing of it is left for this one to do."""
        copies = all(step.call.copy_of_id is not None for step in [*self.planning, *self.steps])
        return self.turn is not None and self.turn.taken_over and copies


def of(task: Task, events: list[Event]) -> list[Moment]:
    """The moments of `task`, oldest first. Four queries besides the events."""
    approvals: defaultdict[int, list[Approval]] = defaultdict(list)
    for approval in task.approvals.prefetch_related("decisions__decided_by").order_by("opened_at", "id"):
        approvals[approval.tool_call_id].append(approval)
    steps: defaultdict[int, list[Step]] = defaultdict(list)
    depths = {"": 0}
    own = task.agent_version.agent.name
    for call in task.tool_calls.order_by("turn", "position"):
        if call.tool.startswith(crew.CONSULT):
            depths[crew.within(call)] = depths.get(call.path, 0) + 1
        steps[call.turn_id].append(Step(call, registry.label(call.tool, call.arguments), approvals[call.pk]))
    moments = [
        Moment(
            turn.recorded_at,
            turn=turn,
            inside=depths.get(turn.path, 1),
            speaker=turn.agent_name if turn.path or turn.agent_name != own else "",
            planning=[step for step in steps[turn.pk] if step.call.tool in PLANNING],
            steps=[step for step in steps[turn.pk] if step.call.tool not in PLANNING],
        )
        for turn in task.turns.all()
    ]
    return sorted([*moments, *_told(events)], key=lambda moment: moment.at)


def _told(events: list[Event]) -> Iterator[Moment]:
    seen: set[Kind] = set()
    for event in events:
        kind = Kind(event.kind)
        words = _words(kind, event)
        if words and not (kind in _ONLY_FIRST and kind in seen and words == _TOLD_BY_EVENTS[kind]):
            yield Moment(event.at, words=words, event=event)
        seen.add(kind)


def _words(kind: Kind, event: Event) -> str:
    """What people read, or nothing where a turn or an approval tells it."""
    data = event.data
    match kind:
        case Kind.TASK_WAITING if data.get("waiting_for") in (WaitingFor.LIMIT, WaitingFor.MODEL):
            return f"Waits: {data.get('why', '')}"
        case Kind.TASK_EXTENDED:
            return f"Limit of {data['was']} extended by {data['more']}: {data['reason']}"
        case Kind.TASK_QUEUED if event.by_id and event.number > 1:
            return "Sent on its way again"
        case Kind.TASK_RELEASED if data.get("why"):
            return f"Interrupted: {data['why']}"
        case _:
            return _TOLD_BY_EVENTS.get(kind, "")
