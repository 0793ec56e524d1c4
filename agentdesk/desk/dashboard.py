"""The first page: what needs the reader, what agents do now, what was finished, and how much was refunded today."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from django.db.models import Count, Prefetch, QuerySet, Sum
from django.db.models.functions import TruncDate
from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_GET

from agentdesk.core.money import Money
from agentdesk.desk import chart, waiting
from agentdesk.desk.access import DeskRequest, desk_page
from agentdesk.desk.fragments import answer
from approvals import queue
from tasks.models import TERMINAL, Task, TaskStatus, ToDo
from tools.store.models import Refund

ROWS = 6
MINE_ROWS = 4
CHART_DAYS = 7


@require_GET
@desk_page()
def dashboard(request: DeskRequest) -> HttpResponse:
    approvals = queue.waiting_for(request.user)
    today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    context = {
        "mine": approvals.mine[:MINE_ROWS],
        "mine_more": max(0, len(approvals.mine) - MINE_ROWS),
        "others_count": len(approvals.others),
        "needed": waiting.needed(),
        "counts": counts(today),
        "working": Task.objects.for_list()
        .filter(status=TaskStatus.RUNNING)
        .prefetch_related(Prefetch("todos", ToDo.objects.order_by("position")))[:ROWS],
        "finished": Task.objects.for_list()
        .filter(status__in=TERMINAL)
        .order_by("-finished_at", "-id")[:ROWS],
        "refunds": refunds_since(today),
        "chart": week(today),
        "anything": Task.objects.exists(),
    }
    return answer(request, "dashboard/page.html", {"dashboard": "dashboard/_dashboard.html"}, context)


def counts(today: datetime) -> list[tuple[TaskStatus, int, str]]:
    """Status, number of tasks, and a word of explanation; finished ones of today only."""
    numbers = dict(Task.objects.live().order_by().values_list("status").annotate(Count("id")))
    numbers |= dict(
        Task.objects.filter(finished_at__gte=today).order_by().values_list("status").annotate(Count("id"))
    )
    notes = {
        TaskStatus.QUEUED: "for a free agent",
        TaskStatus.RUNNING: "being worked on",
        TaskStatus.WAITING: "for a person",
        TaskStatus.DONE: "today",
        TaskStatus.FAILED: "today",
    }
    return [(status, numbers.get(status, 0), note) for status, note in notes.items()]


def refunds_since(today: datetime) -> list[tuple[Money, int]]:
    """Sum and number of today's refunds, one entry a currency, the most refunds first."""
    sums = (
        Refund.objects.done()
        .filter(refunded_at__gte=today)
        .order_by()
        .values("order__currency")
        .annotate(total=Sum("amount_minor"), number=Count("id"))
        .order_by("-number")
    )
    return [(Money(row["total"], row["order__currency"]), row["number"]) for row in sums]


def week(today: datetime) -> chart.Chart:
    since = today - timedelta(days=CHART_DAYS - 1)
    return chart.per_day(
        number_per_day(Task.objects.filter(created_at__gte=since), "created_at"),
        number_per_day(Task.objects.filter(finished_at__gte=since, status=TaskStatus.DONE), "finished_at"),
        days=CHART_DAYS,
    )


def number_per_day(tasks: QuerySet[Task], field: str) -> dict[date, int]:
    rows = tasks.order_by().annotate(day=TruncDate(field)).values("day").annotate(number=Count("id"))
    return {row["day"]: row["number"] for row in rows}
