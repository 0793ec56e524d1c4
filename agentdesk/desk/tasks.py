"""The task pages: the list, one task with everything that happened in it, and cancelling."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.paginator import Paginator
from django.db.models import Prefetch, Q
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods

from agentdesk.desk import family, standing, timeline
from agentdesk.desk.access import DeskRequest, desk_page, one
from agentdesk.desk.fragments import answer
from agentdesk.desk.query import asked
from agentdesk.roster.models import Agent
from approvals.cancel import cancel_task
from tasks.delegation import descendants
from tasks.models import LIVE, Task, TaskStatus, ToDo

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
    found = one(Task.objects.for_list().select_related("previous", "parent", "root"), public_id)
    todos = list(found.todos.order_by("position"))
    events = list(found.events.select_related("by").order_by("number"))
    asked = list(found.approvals.open().order_by("expires_at", "id"))
    context = {
        "task": found,
        "todos": todos,
        "todos_done": sum(todo.state == "done" for todo in todos),
        "events": events,
        "standing": standing.of(found, todos, asked),
        "moments": timeline.of(found, events),
        "next_turn": found.turns.filter(path="").count() + 1,
        "documents": found.documents.order_by("written_at"),
        "messages_sent": found.messages.order_by("written_at"),
        "refunds": [
            call.refund
            for call in found.tool_calls.filter(refund__isnull=False).select_related("refund__order")
        ],
        "usage": usage(found),
        "family": family.below(found, reader=request.user),
        "followed_by": found.followed_by.order_by("created_at"),
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


def usage(task: Task) -> list[Used]:
    version = task.agent_version
    amounts = [
        ("Turns", task.turns_used, version.max_turns),
        ("Tool calls", task.tool_calls_used, version.max_tool_calls),
        ("Tokens", task.tokens_used, version.max_tokens),
        ("Seconds of work", task.work_ms // 1000, version.max_seconds),
    ]
    return [
        Used(name, f"{used:,}", f"{limit:,}", min(100, round(100 * used / limit)))
        for name, used, limit in amounts
    ]
