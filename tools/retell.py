"""Tell an ended task again: go on from its journal, start it over, or fork it. Always a new task that names its origin.

What the origin did is never done again: its finished calls are copied with their results and under keys of their own,
and only calls that had no outcome are proposed anew, to pass the gate like any other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from agentdesk.core.errors import Forbidden, Invalid, Late
from agentdesk.core.ids import is_task_id
from agentdesk.core.text import checked, shortened
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from agentdesk.roster import edit
from agentdesk.roster.models import AgentVersion, Source
from tasks import queue, transitions
from tasks.models import TERMINAL, OriginKind, Task, TaskStatus, Turn
from tools.models import OUTSIDE
from tools.take_over import take_over

MAX_INSTRUCTIONS = 50_000
MAX_NOTE = 200


def retry(task: Task, *, by: User) -> Task:
    """Go on where a failed or cancelled task stopped: its whole journal is taken over, no model is asked again for it.

    A task is retried once; who comes second gets the retry there is (to go on from that one, retry that one). It runs
    on the version its agent has now, so that what made it fail can be mended there. Raises Forbidden, Late when
    the task is not ended, is done, or waits to hear whether something happened outside, and Invalid when its agent
    takes no tasks.
    """
    with transaction.atomic():
        origin = _ended(task, by)
        if origin.status == TaskStatus.DONE:
            raise Late(
                "This task is done: nothing is left to go on with. Start it again, or fork it from a turn."
            )
        there_is = origin.offspring.filter(origin_kind=OriginKind.RETRY).first()
        if there_is is not None:
            return there_is
        turns = list(origin.turns.order_by("id"))
        if turns and _leads_nowhere(turns[-1]):
            turns.pop()
        return begin(origin, _Wanted(by, OriginKind.RETRY, _version_in_force(origin)), turns)


def start_again(task: Task, *, by: User, public_id: str = "") -> Task:
    """Give the goal of an ended task to its agent once more, with nothing taken over.

    A `public_id` from `agentdesk.core.ids.task_id` makes it safe to ask twice: the second time gets the same task.
    Raises Forbidden, Late and Invalid as `retry` does.
    """
    with transaction.atomic():
        origin = _ended(task, by)
        wanted = _Wanted(by, OriginKind.AGAIN, _version_in_force(origin), public_id=public_id)
        return _made_before(origin, by, public_id) or begin(origin, wanted, [])


def fork(
    task: Task,
    *,
    turn: int,
    by: User,
    version: AgentVersion | None = None,
    model: str | None = None,
    instructions: str | None = None,
    note: str = "",
    public_id: str = "",
) -> Task:
    """Take over the turns before `turn` of an ended task and have that one told anew, perhaps differently.

    It runs on `version` (None: the task's own). Another `model` ("" is the desk's default) or other `instructions` than
    that version's make a version of their own that is not current. `public_id` as in `start_again`. Raises Forbidden,
    Late as `retry` does, and Invalid when there is no such turn, the agent takes no tasks, or a text cannot be used.
    """
    note = checked(note, field="note", max_length=MAX_NOTE) if note.strip() else ""
    with transaction.atomic():
        origin = _ended(task, by)
        made = _made_before(origin, by, public_id)
        if made is not None:
            return made
        cut = origin.turns.filter(path="", number=turn).first()
        if cut is None:
            raise Invalid(
                f"This task has no turn {turn}. Choose one of its turns.", fields={"turn": "unknown"}
            )
        base = version or origin.agent_version
        _refuse_disabled(base)
        chosen = _changed(base, model, instructions, by=by, reason=_reason(origin, turn, by, note))
        # by row, not by number: what agents called as tools said stands between the turns that called them
        turns = list(origin.turns.filter(pk__lt=cut.pk).order_by("id"))
        wanted = _Wanted(by, OriginKind.FORK, chosen, turn=turn, note=note, public_id=public_id)
        return begin(origin, wanted, turns)


@dataclass(frozen=True, slots=True)
class _Wanted:
    by: User
    kind: OriginKind
    version: AgentVersion
    turn: int | None = None
    note: str = ""
    public_id: str = ""


def begin(origin: Task, wanted: _Wanted, turns: Sequence[Turn]) -> Task:
    """Queue the new task with its copies; the origin's row is locked and stays as it is."""
    task = Task(
        ticket=origin.ticket,
        customer=origin.customer,
        title=origin.title,
        goal=origin.goal,
        agent_version=wanted.version,
        requested_by=wanted.by,
        previous=origin.previous,
        origin=origin,
        origin_kind=wanted.kind,
        origin_turn=wanted.turn,
        queued_at=timezone.now(),
    )
    if wanted.public_id:
        task.public_id = wanted.public_id
    task.save(force_insert=True)
    calls = take_over(origin, task, turns)
    task.tool_calls_used = sum(call.copy_of_id is None for call in calls)
    task.save(update_fields=["tool_calls_used"])
    data = {
        "agent": wanted.version.agent.name,
        "version": wanted.version.number,
        "origin": origin.public_id,
        "origin_kind": wanted.kind,
        "origin_turn": wanted.turn,
        "note": wanted.note,
    }
    record(task, Fact(Kind.TASK_QUEUED, {key: value for key, value in data.items() if value}, by=wanted.by))
    queue.wake()
    return task


def _ended(task: Task, by: User) -> Task:
    """The task, locked. Raises Forbidden, and Late while it is not certain what it did."""
    if not by.has_perm("tasks.start_task"):
        raise Forbidden("Your role looks on; it does not give agents new work. Ask an agent or a lead.")
    origin = transitions.lock(task.pk)
    if origin.status not in TERMINAL:
        raise Late(
            f"This task is {origin.get_status_display().lower()}. Wait until it has ended, or cancel it."
        )
    if origin.tool_calls.filter(status__in=OUTSIDE).exists():
        raise Late(
            "Nobody knows yet whether something this task started outside has happened. Find that out first, then come back.",
            code="outside",
        )
    return origin


def _made_before(origin: Task, by: User, public_id: str) -> Task | None:
    """What the same request made when it came the first time."""
    if not public_id:
        return None
    if not is_task_id(public_id):
        raise Invalid(
            "This is no id for a task. Load the page again and repeat.", fields={"new": "malformed"}
        )
    made = Task.objects.filter(public_id=public_id).first()
    if made is not None and (made.origin_id, made.requested_by_id) != (origin.pk, by.pk):
        raise Invalid(
            "This id belongs to another task. Load the page again and repeat.", fields={"new": "taken"}
        )
    return made


def _leads_nowhere(turn: Turn) -> bool:
    """An empty answer: replaying it would end the same way at once, so the model is asked again instead."""
    return not turn.text and not turn.tool_calls.exists()


def _version_in_force(origin: Task) -> AgentVersion:
    """The one its agent has now; a fork's own version was chosen for it and stays."""
    version = origin.agent_version
    _refuse_disabled(version)
    current = version.agent.current
    return version if version.source == Source.FORK or current is None else current


def _refuse_disabled(version: AgentVersion) -> None:
    if not version.agent.enabled:
        raise Invalid(
            f"The agent {version.agent.name!r} takes no new tasks. Choose another one, or enable it in the admin.",
            fields={"agent": "disabled"},
        )


def _changed(
    base: AgentVersion, model: str | None, instructions: str | None, *, by: User, reason: str
) -> AgentVersion:
    changes: dict[str, str] = {}
    if model is not None and model.strip() != base.model:
        changes["model"] = checked(model, field="model", max_length=100) if model.strip() else ""
    if instructions is not None:
        told = checked(instructions, field="instructions", max_length=MAX_INSTRUCTIONS)
        if told != base.instructions.strip():
            changes["instructions"] = told
    return edit.branch(base, by=by, reason=reason, **changes) if changes else base


def _reason(origin: Task, turn: int, by: User, note: str) -> str:
    name = by.get_full_name() or by.get_username()
    return shortened(f"Fork of {origin.public_id} at turn {turn} by {name}{': ' if note else ''}{note}", 300)
