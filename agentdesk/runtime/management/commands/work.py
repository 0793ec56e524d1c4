"""`manage.py work`: the background workers. Exit code 0 after a stop, 75 when it has to be started again."""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connections, transaction
from django.utils import timezone
from django_q.models import Schedule

from agentdesk.runtime import cluster, job, stop
from tasks import queue


class Command(BaseCommand):
    tree: Any
    help = "Run the workers that let agents work through the tasks. Stop with Ctrl-C or SIGTERM."

    def handle(self, **_: Any) -> None:
        self.stdout.write(f"worker: loaded {job.__name__}")  # before the fork: the children share its memory
        ensure_wake_ups()
        connections.close_all()
        if os.environ.get("AGENTDESK_SUPERVISED"):
            cluster.die_with_parent()
        self.tree = cluster.start()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self.stdout.write(
            f"worker: ready, up to {settings.WORKER_TASKS_IN_FLIGHT} tasks at once (pid {os.getpid()})"
        )
        self.stdout.flush()
        self.tree.sentinel.join()
        if not stop.requested():
            sys.exit(cluster.EXIT_TRY_AGAIN)
        self.stdout.write("worker: stopped")

    def _stop(self, _: int, __: FrameType | None) -> None:
        stop.request()
        self.tree.stop_event.set()


def ensure_wake_ups() -> None:
    """A wake-up now, and one a minute for what waits for its time or lost its worker."""
    with transaction.atomic():
        Schedule.objects.update_or_create(
            name="agentdesk: look for work",
            defaults={
                "func": queue.JOB,
                "schedule_type": Schedule.MINUTES,
                "minutes": 1,
                "repeats": -1,
                "next_run": timezone.now(),
            },
        )
        queue.wake()
