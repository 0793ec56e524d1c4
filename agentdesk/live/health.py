"""Whether the desk is up (/healthz) and whether its work moves (/readyz), derived from what the database says."""

from __future__ import annotations

from datetime import timedelta

from django.db import Error, connection
from django.db.models import Case, DateTimeField, F, When
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from agentdesk.brakes.pulled import headlines
from agentdesk.core.clock import database_now
from tasks.models import Task, TaskStatus

PATIENCE = timedelta(seconds=60)


@never_cache
@require_safe
def healthz(_: HttpRequest) -> JsonResponse:
    """200 while this process and its database answer."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return JsonResponse({"status": "down", "problems": ["The database does not answer."]}, status=503)
    return JsonResponse({"status": "up"})


@never_cache
@require_safe
def readyz(_: HttpRequest) -> JsonResponse:
    """200 while tasks are taken up; 503 with sentences when one has waited over a minute for a worker."""
    try:
        now = database_now()
        waiting = (
            Task.objects.claimable().annotate(claimable_since=_claimable_since()).order_by("claimable_since")
        )
        oldest, count = waiting.values_list("claimable_since", flat=True).first(), waiting.count()
        brakes = headlines()
        held = Task.objects.filter(status=TaskStatus.RUNNING, lease_until__gte=now).count()
    except Error:
        return JsonResponse(
            {"status": "not ready", "problems": ["The database does not answer."]}, status=503
        )
    age = max(now - oldest, timedelta()) if oldest else timedelta()
    problems = [_too_slow(age, held)] if age > PATIENCE else []
    answer = {
        "status": "not ready" if problems else "ready",
        "problems": problems,
        "tasks_waiting_for_a_worker": count,
        "oldest_waiting_seconds": round(age.total_seconds()),
        "tasks_held_by_workers": held,
        "brakes": brakes,
    }
    return JsonResponse(answer, status=503 if problems else 200)


def _claimable_since() -> Case:
    queued = Greatest("queued_at", Coalesce("not_before", "queued_at"))
    return Case(
        When(status=TaskStatus.RUNNING, then=F("lease_until")), default=queued, output_field=DateTimeField()
    )


def _too_slow(age: timedelta, held: int) -> str:
    seconds = round(age.total_seconds())
    if held:
        return (
            f"A task has waited {seconds} s for a worker, although workers hold {held}: start more workers."
        )
    return f"A task has waited {seconds} s and no worker holds any: start the workers with “manage.py work”."
