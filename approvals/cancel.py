"""End a task, and with it every question that is open about it."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from agentdesk.core.errors import Forbidden
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from approvals.models import Approval, ApprovalKind, ApprovalStatus
from tasks import transitions
from tasks.models import Task
from tools.calls import close
from tools.models import UNFINISHED, WITHDRAWN, CallStatus, ToolCall


def cancel_task(task: Task, *, by: User) -> Task:
    """End the task now. Raises Forbidden without the right and Late when it has ended already."""
    if not by.has_perm("tasks.cancel_task"):
        raise Forbidden("Your role may not cancel tasks. Ask an agent or a lead.")
    with transaction.atomic():
        locked = transitions.lock(task.pk)
        transitions.cancel(locked, by=by)
        withdraw(locked, why="The task was cancelled.")
    return locked


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
