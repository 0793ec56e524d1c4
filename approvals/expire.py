"""Nobody answered in time: that is neither yes nor no, and the agent is told exactly that."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from approvals.models import Approval, ApprovalStatus
from tasks import transitions
from tools.calls import close
from tools.models import CallStatus


def expire_due(limit: int = 100) -> int:
    """Expire up to `limit` open approvals whose time is over; return how many. Safe to run anywhere, at any time."""
    expired = 0
    for pk, task_id in (
        Approval.objects.open().filter(expires_at__lte=Now()).values_list("pk", "task_id")[:limit]
    ):
        with transaction.atomic():
            task = transitions.lock(task_id)
            approval = Approval.objects.select_related("tool_call").get(pk=pk)
            approval.task = approval.tool_call.task = task
            expired += expire(approval)
    return expired


def expire(approval: Approval) -> bool:
    """Close one approval as unanswered and let its task go on; False when somebody was first. Needs the task's lock."""
    moved = Approval.objects.filter(pk=approval.pk, status=ApprovalStatus.OPEN).update(
        status=ApprovalStatus.EXPIRED, closed_at=Now()
    )
    if not moved:
        return False
    record(
        approval.task,
        Fact(Kind.APPROVAL_EXPIRED, {"approval": approval.public_id, "call": approval.tool_call.key}),
    )
    close(approval.tool_call, CallStatus.REFUSED, {"expired": "nobody answered in time"}, code="expired")
    transitions.resume(approval.task)
    return True
