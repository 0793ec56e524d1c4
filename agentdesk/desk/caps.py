"""What becomes of a call that a cap holds back: the form on the task's page, and its answer."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from agentdesk.core.errors import Forbidden, Invalid, Late
from agentdesk.desk.access import DeskRequest, desk_page, one
from agentdesk.desk.fragments import answer
from approvals import exempt
from tasks.models import Task


@require_POST
@desk_page()
def task_cap(request: DeskRequest, public_id: str) -> HttpResponse:
    """302 to the task; refused, the form with the reason: 403, 409 or 422."""
    task = one(Task.objects.for_list(), public_id)
    act = {"let_over": exempt.let_over, "uphold": exempt.uphold}.get(request.POST.get("verdict", ""))
    try:
        if act is None:
            raise Invalid("Choose whether to let it over the cap.", fields={"verdict": "unknown"})
        act(
            task,
            by=request.user,
            reason=request.POST.get("reason", ""),
            seen=request.POST.get("seen", ""),
        )
    except (Forbidden, Late, Invalid) as refusal:
        context = {"task": task, **shown(task, request.user), "refusal": refusal}
        context["reason"] = request.POST.get("reason", "")
        return answer(request, "tasks/cap.html", {}, context, status=refusal.http_status)
    return redirect(task)


def shown(task: Task, viewer: User) -> dict[str, Any]:
    """What the form needs: the held call, and why the viewer may not let it over."""
    held = exempt.held_call(task)
    if held is None:
        return {"held": None}
    obstacle = exempt.obstacle(held.call, viewer)
    may_uphold = obstacle not in {exempt.Obstacle.INACTIVE, exempt.Obstacle.NO_PERMISSION}
    return {"held": held, "obstacle": obstacle, "may_uphold": may_uphold}
