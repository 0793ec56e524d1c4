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

LOOK_SECONDS = 0.2
STOP_SECONDS = 10.0


class Command(BaseCommand):
    help = "Run the workers that let agents work through the tasks. Stop with Ctrl-C or SIGTERM."

    def handle(self, **_: Any) -> None:
        self.stdout.write(f"worker: loaded {job.__name__}")  # before the fork: the children share its memory
        ensure_wake_ups()
        connections.close_all()
        if os.environ.get("AGENTDESK_SUPERVISED"):
            cluster.die_with_parent()
        tree = cluster.start()
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        self.stdout.write(
            f"worker: ready, up to {settings.WORKER_TASKS_IN_FLIGHT} tasks at once (pid {os.getpid()})"
        )
        self.stdout.flush()
        sentinel = tree.sentinel
        while sentinel.is_alive() and not stop.requested():
            sentinel.join(timeout=LOOK_SECONDS)
        if not stop.requested():
            sys.exit(cluster.EXIT_TRY_AGAIN)
        if sentinel.is_alive():
            tree.stop_event.set()
            sentinel.join(timeout=STOP_SECONDS)
        if sentinel.is_alive():
            sentinel.kill()  # its children go with it; their tasks go back to the queue when the leases run out
        self.stdout.write("worker: stopped")

    def _stop(self, _: int, __: FrameType | None) -> None:
        stop.request()


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
