"""Whether the desk is up (/healthz) and whether its work moves (/readyz), derived from what the database says."""

from __future__ import annotations

from datetime import timedelta

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from agentdesk.brakes.pulled import headlines
from tasks import queue, workers
from tasks.models import WorkerProcess
from tasks.workers import Waiting

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
    """200 while workers show life, take up tasks and wake up for new ones; otherwise 503 with a sentence for each problem."""
    try:
        alive = WorkerProcess.objects.alive().count()
        waiting, held = workers.waiting(), workers.held()
        stuck = queue.oldest_untaken()
        brakes = headlines()
    except Error:
        return JsonResponse(
            {"status": "not ready", "problems": ["The database does not answer."]}, status=503
        )
    problems = [*_no_workers(alive), *_too_slow(waiting, alive), *_stuck(stuck, alive)]
    answer = {
        "status": "not ready" if problems else "ready",
        "problems": problems,
        "workers_alive": alive,
        "tasks_waiting_for_a_worker": waiting.count,
        "oldest_waiting_seconds": round(waiting.oldest.total_seconds()),
        "tasks_held_by_workers": held,
        "brakes": brakes,
    }
    return JsonResponse(answer, status=503 if problems else 200)


def _no_workers(alive: int) -> list[str]:
    return [] if alive else ["No worker shows life: start them with “manage.py work”."]


def _too_slow(waiting: Waiting, alive: int) -> list[str]:
    if waiting.oldest <= PATIENCE:
        return []
    cure = "although workers show life: start more of them" if alive else "for a worker"
    return [f"A task has waited {waiting.oldest.total_seconds():.0f} s {cure}."]


def _stuck(age: timedelta, alive: int) -> list[str]:
    if not alive or age <= queue.STUCK:
        return []
    return [
        f"The queue does not move: a wake-up has waited {age.total_seconds():.0f} s. Restart the workers."
    ]
