"""The lifecycle of a task: each arrow is one conditional UPDATE with its event, in one transaction.

    queued ──claim──▶ running ──finish──▶ done          running ──wait──▶ waiting ──resume──▶ queued
                         ├─────fail─────▶ failed        running ──release──▶ queued (later)
    queued, running, waiting ──cancel──▶ cancelled      a running task whose lease ran out is claimed again

Whoever changes the story of a task locks its row first, so these changes have one order. Who needs several tasks of a
tree locks the deeper ones first.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case, F, IntegerField, When
from django.db.models.functions import Coalesce, Now

from agentdesk.core import rows
from agentdesk.core.clock import from_now
from agentdesk.core.errors import ClaimLost, DeskError, Late
from agentdesk.core.text import shortened
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, move, write
from tasks import queue
from tasks.models import LIVE, Task, TaskStatus, WaitingFor

LEASE = timedelta(seconds=10)
HEARTBEAT_SECONDS = 2.5
MAX_NOTE = 400
MAX_LOST_CLAIMS = 10
"""In a row and without a turn: far beyond what crashes and restarts do to one task, so that it must be the task itself."""

_UNCLAIMED = {"holder": "", "lease_until": None}


def claim(*, holder: str, limit: int, only: int | None = None) -> list[Task]:
    """Take up to `limit` claimable tasks for LEASE, oldest first, or just the one with the id `only`, in one transaction.

    Tasks another worker takes meanwhile are left out.
    """
    wanted = Task.objects.claimable() if only is None else Task.objects.claimable().filter(pk=only)
    if not wanted.exists():
        return []  # without a look first, idle workers would take SQLite's write lock many times a second
    with transaction.atomic():
        free = list(wanted.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
        Task.objects.filter(pk__in=free).update(
            status=TaskStatus.RUNNING,
            holder=holder,
            lease_until=from_now(LEASE),
            fence=F("fence") + 1,
            last_event=F("last_event") + 1,
            started_at=Coalesce("started_at", Now()),
            not_before=None,
            lost_claims=Case(
                When(status=TaskStatus.RUNNING, then=F("lost_claims") + 1),
                default=F("lost_claims"),
                output_field=IntegerField(),
            ),
        )
        taken = Task.objects.select_related("agent_version__agent", "customer", "ticket", "previous")
        claimed = list(taken.filter(pk__in=free).order_by("queued_at", "id"))
        write((task, (Fact(Kind.TASK_CLAIMED, {"fence": task.fence, "holder": holder}),)) for task in claimed)
    return claimed


def renew(*, holder: str, worked_on: Collection[int]) -> set[int]:
    """Prolong the claims of `holder` on the tasks it works on by LEASE; return the ids it still holds.

    A claim it does not work on, because the answer to a commit was lost, must run out.
    """
    with transaction.atomic():
        held = Task.objects.filter(pk__in=worked_on, holder=holder, status=TaskStatus.RUNNING)
        # a row that somebody locks is left for the next beat: waiting for several in any order could deadlock
        free = list(held.select_for_update(skip_locked=True).values_list("pk", flat=True))
        Task.objects.filter(pk__in=free).update(lease_until=from_now(LEASE))
        return set(held.values_list("pk", flat=True))


def refuse_worker_killer(task: Task) -> None:
    """Raises DeskError when one worker after another was lost while it held this task: it must not take all of them."""
    if task.lost_claims >= MAX_LOST_CLAIMS:
        raise DeskError(
            f"Its worker was lost {task.lost_claims} times in a row while it worked on this turn. "
            "Look into the workers' log, mend what stops them, then start the task again."
        )


def hold(task_id: int, *, fence: int) -> Task:
    """Lock and read the task's row for this transaction, as the worker whose claim has this `fence`. Raises ClaimLost."""
    try:
        return Task.objects.select_for_update().get(pk=task_id, fence=fence, status=TaskStatus.RUNNING)
    except Task.DoesNotExist:
        raise _lost() from None


def confirm(task: Task) -> None:
    """Lock the row of a `task` that this worker has claimed, for this transaction. Raises ClaimLost.

    What the worker has in memory stays; only `last_event` is read afresh, because people move it too.
    """
    last = rows.lock(Task, task.pk, where=_claim_of(task), returning="last_event")
    if last is None:
        raise _lost()
    task.last_event = last


def lock(task_id: int) -> Task:
    """Lock the task's row for this transaction, as anybody who changes its story."""
    (task,) = rows.read(Task, {"id": task_id}, lock=True)
    return task


def progress(task: Task, *facts: Fact, put: dict[str, Any], add: dict[str, int]) -> None:
    """Note what a claimed task did: set and add up columns of its row, and record `facts`. Raises ClaimLost.

    Call it first in the transaction: it locks the row.
    """
    if not move(task, *facts, where=_claim_of(task), put={**put, "lost_claims": 0}, add=add):
        raise _lost()


def finish(task: Task, *, result: str, worked_ms: int = 0) -> None:
    """The agent gave its final answer. Raises ClaimLost."""
    _end(task, Fact(Kind.TASK_DONE), worked_ms, status=TaskStatus.DONE, result=result, attempts=0)


def fail(task: Task, *, why: str, worked_ms: int = 0) -> None:
    """It cannot go on; `why` is one sentence that says what to do. Raises ClaimLost."""
    _end(task, Fact(Kind.TASK_FAILED, {"why": why}), worked_ms, status=TaskStatus.FAILED, failure=why)


def _end(task: Task, fact: Fact, worked_ms: int, **put: Any) -> None:
    with transaction.atomic():
        ended = move(
            task,
            fact,
            where=_claim_of(task),
            put={**put, **_UNCLAIMED},
            add={"work_ms": worked_ms},
            computed={"finished_at": rows.now()},
        )
        if not ended:
            raise _lost()
        _wake_those_above(task)


def wait(
    task: Task, *, waiting_for: WaitingFor, note: str = "", worked_ms: int = 0, until: datetime | None = None
) -> None:
    """Let go of the task until a person acts, or `until` then; `note` says why in one sentence, where no approval does.

    Call it inside the transaction that opens the question. Raises ClaimLost.
    """
    note = shortened(note, MAX_NOTE)
    waits = move(
        task,
        Fact(Kind.TASK_WAITING, {"waiting_for": waiting_for, **({"why": note} if note else {})}),
        where=_claim_of(task),
        put={
            "status": TaskStatus.WAITING,
            "waiting_for": waiting_for,
            "waiting_note": note,
            "not_before": until,
            **_UNCLAIMED,
        },
        add={"work_ms": worked_ms},
    )
    if not waits:
        raise _lost()


def release(task: Task, *, why: str, after_seconds: float = 0, attempts: int = 0, worked_ms: int = 0) -> None:
    """Give the task back to the queue, to be claimed not before `after_seconds` from now. Raises ClaimLost."""
    with transaction.atomic():
        later = {"not_before": rows.now(in_seconds=after_seconds)} if after_seconds else {}
        released = move(
            task,
            Fact(Kind.TASK_RELEASED, {"why": why}),
            where=_claim_of(task),
            put={"status": TaskStatus.QUEUED, "attempts": attempts, **_UNCLAIMED},
            add={"work_ms": worked_ms},
            computed={"queued_at": rows.now(), **later},
        )
        if not released:
            raise _lost()
        queue.wake()


def resume(task: Task, *, by: User | None = None, **put: Any) -> bool:
    """Queue a waiting task again; call it inside the transaction of the person's act. False when it was not waiting.

    `put` are further columns of its row to set.
    """
    moved = move(
        task,
        Fact(Kind.TASK_QUEUED, by=by),
        where={"status": TaskStatus.WAITING},
        put={
            "status": TaskStatus.QUEUED,
            "waiting_for": WaitingFor.NOTHING,
            "waiting_note": "",
            "not_before": None,
            **put,
        },
        computed={"queued_at": rows.now()},
    )
    if not moved:
        return False  # it is running and will see the answer itself, or it ended
    queue.wake()
    return True


def cancel(task: Task, *, by: User) -> None:
    """End the task now, whatever it does; a running worker loses its claim. Call it inside a transaction.

    Raises Late when the task has ended already.
    """
    moved = move(
        task,
        Fact(Kind.TASK_CANCELLED, by=by),
        where={"status": LIVE},
        put={
            "status": TaskStatus.CANCELLED,
            "waiting_for": WaitingFor.NOTHING,
            "waiting_note": "",
            **_UNCLAIMED,
        },
        add={"fence": 1},
        computed={"finished_at": rows.now()},
    )
    if not moved:
        task.refresh_from_db()
        raise Late(
            f"This task is {task.get_status_display().lower()} already; there is nothing left to cancel."
        )
    _wake_those_above(task)


def _wake_those_above(task: Task) -> None:
    """Queue the tasks above one that has just ended, where they wait for another task; the gate looks for which."""
    above = task.parent_id
    while above is not None:
        # locked before it is read: a conditional UPDATE would pass over one that is about to wait at this moment
        ancestor = lock(above)
        if ancestor.waiting_for == WaitingFor.TASK:
            resume(ancestor)
        above = ancestor.parent_id


def _claim_of(task: Task) -> dict[str, Any]:
    return {"fence": task.fence, "status": TaskStatus.RUNNING}


def _lost() -> ClaimLost:
    return ClaimLost("Another worker holds this task now, or a person ended it.")
