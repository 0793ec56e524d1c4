"""The task pages: the list, one task with everything that happened in it, and cancelling."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from agentdesk.desk import caps, family, standing, timeline, waiting
from agentdesk.desk.access import DeskRequest, desk_page, one
from agentdesk.desk.fragments import answer
from agentdesk.desk.query import asked
from agentdesk.roster.models import Agent
from approvals import lineage
from approvals.cancel import cancel_task
from tasks import park, usage
from tasks.delegation import descendants
from tasks.limits import Measure, in_words
from tasks.models import LIVE, OriginKind, Task, TaskStatus, ToDo
from tools.models import OUTSIDE
from tools.store.models import Refund

PAGE_ROWS = 30
FILTERS = {"live": "Not finished", **dict(TaskStatus.choices)}


@require_GET
@desk_page()
def tasks(request: DeskRequest) -> HttpResponse:
    status, agent, text = asked(request, "status"), asked(request, "agent"), asked(request, "q")
    rows = Task.objects.for_list().prefetch_related(Prefetch("todos", ToDo.objects.order_by("position")))
    if status in FILTERS:
        rows = rows.filter(status__in=LIVE) if status == "live" else rows.filter(status=status)
    if agent:
        rows = rows.filter(agent_version__agent__name=agent)
    if text:
        rows = rows.filter(
            Q(title__icontains=text)
            | Q(goal__icontains=text)
            | Q(public_id=text)
            | Q(customer__name__icontains=text)
            | Q(customer__number__iexact=text)
        )
    context = {
        "page": Paginator(rows, PAGE_ROWS).get_page(request.GET.get("page")),
        "filters": FILTERS,
        "status": status,
        "agent": agent,
        "agents": Agent.objects.order_by("title"),
        "q": text,
        "filtered": bool(status or agent or text),
    }
    return answer(request, "tasks/list.html", {"task-list": "tasks/_list.html"}, context)


@require_GET
@desk_page()
def task(request: DeskRequest, public_id: str) -> HttpResponse:
    found = one(Task.objects.for_list().select_related("previous", "origin", "parent", "root"), public_id)
    todos = list(found.todos.order_by("position"))
    events = list(found.events.select_related("by").order_by("number"))
    moments = timeline.of(found, events)
    may_start = not found.is_live and request.user.has_perm("tasks.start_task")
    in_doubt = may_start and found.tool_calls.filter(status__in=OUTSIDE).exists()
    asked = list(found.approvals.open().in_order())
    context = {
        "task": found,
        "todos": todos,
        "todos_done": sum(todo.state == "done" for todo in todos),
        "events": events,
        "standing": standing.of(found, todos, asked),
        "moments": [moment for moment in moments if not moment.taken_over],
        "taken_over": [moment for moment in moments if moment.taken_over],
        "next_turn": found.turns.filter(path="").count() + 1,
        "documents": found.documents.order_by("written_at"),
        "messages_sent": found.messages.order_by("written_at"),
        "refunds": Refund.objects.counted().filter(tool_call__task=found).select_related("order"),
        "usage": used_of(found),
        "family": family.below(found, reader=request.user),
        "followed_by": found.followed_by.order_by("created_at"),
        **caps.shown(found, request.user),
        "extension": waiting.extension(found),
        "may_not_extend": park.may_not_extend(found, request.user),
        "elsewhere": list(lineage.rows(found)),
        "offspring": found.offspring.order_by("created_at", "id"),
        "retried": found.offspring.filter(origin_kind=OriginKind.RETRY).first(),
        "may_tell_again": may_start and not in_doubt,
        "in_doubt": in_doubt,
        "may_cancel": found.is_live and request.user.has_perm("tasks.cancel_task"),
    }
    regions = {"task": "tasks/_task.html"}
    if (target := request.htmx.target or "").startswith("below-"):
        regions[target] = "tasks/_family.html"
    return answer(request, "tasks/detail.html", regions, context)


@require_http_methods(["GET", "POST"])
@desk_page("tasks.cancel_task")
def task_cancel(request: DeskRequest, public_id: str) -> HttpResponse:
    found = one(Task.objects.for_list(), public_id)
    if request.method == "GET":
        below = descendants(found).filter(status__in=LIVE).select_related("agent_version__agent")
        return answer(request, "tasks/cancel.html", {}, {"task": found, "below": below})
    cancel_task(found, by=request.user, children=request.POST.get("children", "cancel"))
    return redirect(found)


@dataclass(frozen=True, slots=True)
class Used:
    """How much of one limit a task has used."""

    name: str
    used: str
    limit: str
    share: int
    """Percent of the limit, 0 to 100."""


def used_of(task: Task) -> list[Used]:
    """Each measure with its limit, extensions included; money last."""
    return [
        Used(
            "Spent on models" if measure == Measure.COST else measure.noun.capitalize(),
            in_words(measure, amount) if measure == Measure.COST else f"{amount:,}",
            in_words(measure, limit) if measure == Measure.COST else f"{limit:,}",
            min(100, round(100 * amount / limit)) if limit else 100,
        )
        for measure, amount in usage.used(task).items()
        for limit in [usage.limit(task, measure)]
    ]
