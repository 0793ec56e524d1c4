"""The lifecycle of a task: each arrow is one conditional UPDATE with its event, in one transaction.

    queued ──claim──▶ running ──finish──▶ done          running ──wait──▶ waiting ──resume──▶ queued
                         ├─────fail─────▶ failed        running ──release──▶ queued (later)
    queued, running, waiting ──cancel──▶ cancelled      a running task whose lease ran out is claimed again

Whoever changes the story of a task locks its row first, so these changes have one order.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from agentdesk.core.clock import from_now
from agentdesk.core.errors import ClaimLost, Late
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from tasks import queue
from tasks.models import LIVE, Task, TaskStatus, WaitingFor

LEASE = timedelta(seconds=15)
HEARTBEAT_SECONDS = 5

_UNCLAIMED = {"holder": "", "lease_until": None}


def claim(*, holder: str, limit: int, only: int | None = None) -> list[Task]:
    """Take up to `limit` claimable tasks for LEASE, oldest first, or just the one with the id `only`.

    Tasks another worker takes meanwhile are left out.
    """
    claimed = []
    wanted = Task.objects.claimable() if only is None else Task.objects.claimable().filter(pk=only)
    for pk in wanted.values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            if (
                not Task.objects.claimable()
                .filter(pk=pk)
                .order_by()
                .update(
                    status=TaskStatus.RUNNING,
                    holder=holder,
                    lease_until=from_now(LEASE),
                    fence=F("fence") + 1,
                    started_at=Coalesce("started_at", Now()),
                    not_before=None,
                )
            ):
                continue  # another worker got there first
            task = Task.objects.select_related("agent_version__agent", "customer", "ticket", "previous").get(
                pk=pk
            )
            record(task, Fact(Kind.TASK_CLAIMED, {"fence": task.fence, "holder": holder}))
            claimed.append(task)
    return claimed


def renew(*, holder: str) -> set[int]:
    """Prolong every claim of `holder` by LEASE; return the ids it still holds."""
    with transaction.atomic():
        held = Task.objects.filter(holder=holder, status=TaskStatus.RUNNING)
        held.update(lease_until=from_now(LEASE))
        return set(held.values_list("pk", flat=True))


def hold(task_id: int, *, fence: int) -> Task:
    """Lock the task's row for this transaction, as the worker whose claim has this `fence`. Raises ClaimLost."""
    try:
        return Task.objects.select_for_update().get(pk=task_id, fence=fence, status=TaskStatus.RUNNING)
    except Task.DoesNotExist:
        raise ClaimLost("Another worker holds this task now, or a person ended it.") from None


def lock(task_id: int) -> Task:
    """Lock the task's row for this transaction, as anybody who changes its story."""
    return Task.objects.select_for_update().get(pk=task_id)


def finish(task: Task, *, result: str) -> None:
    """The agent gave its final answer. Raises ClaimLost."""
    with transaction.atomic():
        _move_held(task, status=TaskStatus.DONE, result=result, finished_at=Now(), attempts=0, **_UNCLAIMED)
        record(task, Fact(Kind.TASK_DONE))


def fail(task: Task, *, why: str) -> None:
    """It cannot go on; `why` is one sentence that says what to do. Raises ClaimLost."""
    with transaction.atomic():
        _move_held(task, status=TaskStatus.FAILED, failure=why, finished_at=Now(), **_UNCLAIMED)
        record(task, Fact(Kind.TASK_FAILED, {"why": why}))


def wait(task: Task, *, waiting_for: WaitingFor) -> None:
    """Let go of the task until a person acts. Call it inside the transaction that opens the question."""
    _move_held(task, status=TaskStatus.WAITING, waiting_for=waiting_for, **_UNCLAIMED)
    record(task, Fact(Kind.TASK_WAITING, {"waiting_for": waiting_for}))


def release(task: Task, *, why: str, after_seconds: float = 0, attempts: int = 0) -> None:
    """Give the task back to the queue, to be claimed not before `after_seconds` from now. Raises ClaimLost."""
    with transaction.atomic():
        _move_held(
            task,
            status=TaskStatus.QUEUED,
            queued_at=Now(),
            attempts=attempts,
            not_before=from_now(timedelta(seconds=after_seconds)) if after_seconds else None,
            **_UNCLAIMED,
        )
        record(task, Fact(Kind.TASK_RELEASED, {"why": why}))
        queue.wake()


def resume(task: Task) -> bool:
    """Queue a waiting task again; call it inside the transaction of the person's act. False when it was not waiting."""
    moved = Task.objects.filter(pk=task.pk, status=TaskStatus.WAITING).update(
        status=TaskStatus.QUEUED, waiting_for=WaitingFor.NOTHING, queued_at=Now()
    )
    if not moved:
        return False  # it is running and will see the answer itself, or it ended
    record(task, Fact(Kind.TASK_QUEUED))
    queue.wake()
    return True


def cancel(task: Task, *, by: User) -> None:
    """End the task now, whatever it does; a running worker loses its claim. Call it inside a transaction.

    Raises Late when the task has ended already.
    """
    moved = Task.objects.filter(pk=task.pk, status__in=LIVE).update(
        status=TaskStatus.CANCELLED,
        waiting_for=WaitingFor.NOTHING,
        finished_at=Now(),
        fence=F("fence") + 1,
        **_UNCLAIMED,
    )
    if not moved:
        task.refresh_from_db()
        raise Late(
            f"This task is {task.get_status_display().lower()} already; there is nothing left to cancel."
        )
    record(task, Fact(Kind.TASK_CANCELLED, by=by))


def _move_held(task: Task, **changes: object) -> None:
    moved = Task.objects.filter(pk=task.pk, fence=task.fence, status=TaskStatus.RUNNING).update(**changes)
    if not moved:
        raise ClaimLost("Another worker holds this task now, or a person ended it.")
