"""What worker processes say about themselves, and when a task has waited too long for one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models import Case, DateTimeField, F, When
from django.db.models.functions import Coalesce, Greatest, Now

from agentdesk.core.clock import database_now
from tasks.models import Task, TaskStatus, WorkerProcess
from tasks.models.worker import FORGOTTEN


def say_alive(*, name: str, host: str, pid: int, version: str, tasks_held: int, capacity: int) -> None:
    """Write the row of one worker process, and forget those that were not heard of for a day."""
    with transaction.atomic():
        heard = WorkerProcess.objects.filter(name=name).update(seen_at=Now(), tasks_held=tasks_held)
        if heard:
            return
        WorkerProcess.objects.filter(seen_at__lt=Now() - FORGOTTEN).delete()
        WorkerProcess.objects.create(
            name=name,
            host=host,
            pid=pid,
            version=version,
            started_at=Now(),
            seen_at=Now(),
            tasks_held=tasks_held,
            capacity=capacity,
        )


def say_goodbye(*, name: str) -> None:
    WorkerProcess.objects.filter(name=name).delete()


@dataclass(frozen=True, slots=True)
class Waiting:
    """The tasks that a worker could take now."""

    count: int
    oldest: timedelta
    """How long the oldest of them has been free to take; zero when there is none."""


def waiting() -> Waiting:
    free = Task.objects.claimable().annotate(claimable_since=_claimable_since()).order_by("claimable_since")
    since = free.values_list("claimable_since", flat=True).first()
    age = max(database_now() - since, timedelta()) if since else timedelta()
    return Waiting(count=free.count(), oldest=age)


def held() -> int:
    """How many tasks workers have a living claim on."""
    return Task.objects.filter(status=TaskStatus.RUNNING, lease_until__gte=Now()).count()


def _claimable_since() -> Case:
    queued = Greatest("queued_at", Coalesce("not_before", "queued_at"))
    return Case(
        When(status=TaskStatus.RUNNING, then=F("lease_until")), default=queued, output_field=DateTimeField()
    )
