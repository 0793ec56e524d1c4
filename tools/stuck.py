"""Close a tool call that hung so badly that its whole process had to be killed: nothing of it happened, and the model is told."""

from __future__ import annotations

from django.db import transaction

from tasks import transitions
from tasks.models import TaskStatus
from tools.calls import close
from tools.models import UNFINISHED, CallStatus, ToolCall


def close_by_force(call_id: int) -> str:
    """Close the call as failed and give its task back to the queue; return what the model is told, empty when it had ended.

    Only after the process that ran it is dead: its transaction is rolled back then. The claim is the dead worker's; when
    another one has taken the task over meanwhile, the call is left to it.
    """
    with transaction.atomic():
        call = ToolCall.objects.select_related("task").get(pk=call_id)
        task = transitions.lock(call.task_id)
        call.task = task
        if (
            call.status not in UNFINISHED
            or task.status != TaskStatus.RUNNING
            or task.fence != call.task.fence
        ):
            return ""
        told = too_slow(call.tool)
        close(call, CallStatus.FAILED, {"error": told}, code="too_slow")
        transitions.release(
            task, why=f"{call.tool} hung and its worker had to be ended", attempts=task.attempts
        )
        return told


def too_slow(tool: str, seconds: float | None = None) -> str:
    """What the model is told about a call that was cut."""
    after = "hung" if seconds is None else f"took longer than {seconds:g} seconds"
    return f"{tool} {after}, so it was cut and nothing was changed. Do without it, or ask a person."
