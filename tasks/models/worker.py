"""The worker processes there are, as they say themselves: for those who ask whether anybody works."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

SEEN_EVERY_SECONDS = 5.0
ALIVE = timedelta(seconds=20)
"""One that did not say so for longer is taken for dead."""
FORGOTTEN = timedelta(days=1)


class WorkerQuerySet(models.QuerySet["WorkerProcess"]):
    def alive(self) -> WorkerQuerySet:
        return self.filter(seen_at__gt=Now() - ALIVE)

    def silent(self) -> WorkerQuerySet:
        """Those that ended without a word, or hang."""
        return self.filter(seen_at__lte=Now() - ALIVE)


class WorkerProcess(models.Model):
    name = models.CharField(max_length=80, unique=True, help_text="Host, process id and a random part")
    host = models.CharField(max_length=60)
    pid = models.PositiveIntegerField()
    version = models.CharField(max_length=40, help_text="Version and fingerprint of the code it runs")
    started_at = models.DateTimeField()
    seen_at = models.DateTimeField(help_text="When it last said that it lives, by the database's clock")
    tasks_held = models.PositiveIntegerField(default=0)
    capacity = models.PositiveIntegerField(help_text="How many tasks it takes at once")

    objects = WorkerQuerySet.as_manager()

    class Meta:
        ordering = ["host", "pid"]
        indexes = [models.Index(fields=["seen_at"], name="worker_by_seen")]

    def __str__(self) -> str:
        return f"{self.host}, process {self.pid}"
