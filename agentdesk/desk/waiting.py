"""What people do about tasks that wait for a model that answers or for a larger limit."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from agentdesk.core.errors import Invalid
from agentdesk.desk.access import DeskRequest, desk_page, one
from agentdesk.desk.fragments import answer
from tasks import park, usage
from tasks.limits import MICROS_A_CENT, Measure, Reached, in_words
from tasks.models import Task, TaskStatus, WaitingFor

AT_ONCE = 500
"""How many tasks one click sends on; another click sends on the next ones."""
NEEDED_ROWS = 6


@dataclass(frozen=True, slots=True)
class Extension:
    """The form for the one limit that a task reached."""

    reached: Reached
    label: str
    most: str
    suggested: str


@dataclass(frozen=True, slots=True)
class Needed:
    """Tasks that wait for something no approval asks about."""

    tasks: list[Task]
    count: int
    for_model: int
    """How many of them one click sends on."""


def needed() -> Needed:
    """The longest waiting ones first; two queries."""
    waiting = Task.objects.for_list().filter(
        status=TaskStatus.WAITING, waiting_for__in=[WaitingFor.LIMIT, WaitingFor.MODEL]
    )
    kinds = list(waiting.order_by().values_list("waiting_for", flat=True))
    return Needed(
        tasks=list(waiting.order_by("queued_at", "id")[:NEEDED_ROWS]) if kinds else [],
        count=len(kinds),
        for_model=kinds.count(WaitingFor.MODEL),
    )


def extension(task: Task) -> Extension | None:
    """What may be extended so that the task goes on; None when no limit keeps it."""
    reached = usage.reached(task) if task.waiting_for == WaitingFor.LIMIT else None
    if reached is None:
        return None
    return Extension(
        reached=reached,
        label=f"More {reached.measure.noun}",
        most=in_words(reached.measure, reached.most),
        suggested=f"{reached.most / MICROS_A_CENT / 100:.2f}"
        if reached.measure == Measure.COST
        else str(reached.most),
    )


@require_POST
@desk_page("tasks.start_task")
def try_again(request: DeskRequest, public_id: str) -> HttpResponse:
    found = one(Task.objects.all(), public_id)
    park.try_again(found, by=request.user)
    return redirect(found)


@require_POST
@desk_page("tasks.start_task")
def try_all_again(request: DeskRequest) -> HttpResponse:
    """Send on what waits for a model, the longest waiting first."""
    park.try_all_again(by=request.user, limit=AT_ONCE)
    return redirect("desk:dashboard")


@require_http_methods(["GET", "POST"])
@desk_page("tasks.extend_limit")
def extend(request: DeskRequest, public_id: str) -> HttpResponse:
    """302 to the task; refused, the form as it stands now with what is wrong with it."""
    found = one(Task.objects.for_list(), public_id)
    refusal: Invalid | None = None
    if request.method == "POST":
        try:
            park.extend(
                found,
                by=request.user,
                key=request.POST.get("limit", ""),
                amount=request.POST.get("amount", ""),
                reason=request.POST.get("reason", ""),
            )
        except Invalid as error:
            refusal = error
        else:
            return redirect(found)
    form = extension(found)
    context = {
        "task": found,
        "extension": form,
        "hindrance": park.may_not_extend(found, request.user),
        "refusal": refusal,
        "amount": request.POST.get("amount", form.suggested if form else ""),
        "reason": request.POST.get("reason", ""),
    }
    status = refusal.http_status if refusal else 200
    return answer(request, "tasks/extend.html", {}, context, status=status)
