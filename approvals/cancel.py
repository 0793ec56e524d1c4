"""End a task, and with it every question that is open about it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from agentdesk.core.errors import Forbidden, Invalid, Late
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from approvals.models import Approval, ApprovalKind, ApprovalStatus
from tasks import delegation, transitions
from tasks.models import LIVE, Task
from tools.calls import close
from tools.models import UNFINISHED, WITHDRAWN, CallStatus, ToolCall

CHILDREN = ("cancel", "keep")
"""What becomes of the tasks below a cancelled one."""
TRIES = 5


def cancel_task(task: Task, *, by: User, children: str = "cancel") -> Task:
    """End the task now, and with `children` “cancel” every live task below it, all in one transaction.

    With “keep” they go on. Raises Forbidden without the right, Late when the task has ended already (then nothing below it
    ends either), and Invalid on another word.
    """
    if not by.has_perm("tasks.cancel_task"):
        raise Forbidden("Your role may not cancel tasks. Ask an agent or a lead.")
    if children not in CHILDREN:
        raise Invalid(f"Choose {' or '.join(CHILDREN)}.", fields={"children": "unknown"})
    for _ in range(TRIES):
        with transaction.atomic():
            below = _lock_below(task) if children == "cancel" else []
            locked = transitions.lock(task.pk)
            # whoever starts a task below holds the lock of its parent, so what is new now came before ours was taken
            if children == "cancel" and _live_below(task) != [each.pk for each in below]:
                transaction.set_rollback(True)
                continue
            _cancel(locked, by=by, why="The task was cancelled.")
            for each in reversed(below):
                _cancel(each, by=by, why="The task above it was cancelled.")
            return locked
    raise Late("Tasks below this one start and end at this very moment. Try again.")


def _lock_below(task: Task) -> list[Task]:
    """Lock the live tasks below, the deeper ones first, as everybody does who needs several tasks of a tree."""
    live = Task.objects.filter(pk__in=_live_below(task))
    return list(live.select_for_update(of=("self",)).order_by("-depth", "pk"))


def _live_below(task: Task) -> list[int]:
    live = delegation.descendants(task).filter(status__in=LIVE)
    return list(live.order_by("-depth", "pk").values_list("pk", flat=True))


def _cancel(task: Task, *, by: User, why: str) -> None:
    transitions.cancel(task, by=by)
    withdraw(task, why=why)


def fail_task(task: Task, *, why: str, worked_ms: int = 0) -> None:
    """The worker gives up: `why` says what to do. Raises ClaimLost."""
    with transaction.atomic():
        transitions.fail(task, why=why, worked_ms=worked_ms)
        withdraw(task, why="The task failed.")


def withdraw(task: Task, *, why: str) -> None:
    """Close what is open about a task that has just ended. Needs the task's lock.

    A call that acts outside, or may have, stays what it is, and with it the question what became of it.
    """
    asked = Approval.objects.open().filter(task=task).exclude(kind=ApprovalKind.RECONCILIATION)
    for approval in asked.select_related("tool_call"):
        Approval.objects.filter(pk=approval.pk, status=ApprovalStatus.OPEN).update(
            status=ApprovalStatus.CANCELLED, closed_at=Now()
        )
        record(
            task,
            Fact(
                Kind.APPROVAL_CANCELLED,
                {"approval": approval.public_id, "call": approval.tool_call.key, "why": why},
            ),
        )
    for call in ToolCall.objects.filter(task=task, status__in=UNFINISHED):
        call.task = task
        close(call, CallStatus.REFUSED, {"refused": why}, code=WITHDRAWN)
