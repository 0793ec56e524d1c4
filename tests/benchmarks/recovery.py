"""From kill -9 of the process that holds the tasks to the moment when one of them is claimed again.

python -m tests.benchmarks.recovery [KILLS]
"""

from __future__ import annotations

import os
import signal
import sys
import time

import django

django.setup()

from django.core.management import call_command  # noqa: E402 -- Django first

from agentdesk.events.models import Event, Kind  # noqa: E402
from tasks.models import Task, TaskStatus  # noqa: E402
from tests.benchmarks.running import until, workers  # noqa: E402
from tests.benchmarks.say import percentile, say  # noqa: E402
from tests.scripted import tell  # noqa: E402

PACE_MS = "120"
"""Slow enough that tasks are in the middle of something when they are hit."""


def main(kills: int) -> None:
    call_command("migrate", verbosity=0)
    delays = []
    with workers(AGENTDESK_OFFLINE_PACE_MS=PACE_MS):
        for _ in range(kills):
            tell()
            tell()
            until(lambda: Task.objects.filter(status=TaskStatus.RUNNING).exists(), seconds=60)
            held = Task.objects.filter(status=TaskStatus.RUNNING).first()
            assert held is not None
            claims = Event.objects.filter(task=held, kind=Kind.TASK_CLAIMED).count()
            os.kill(int(held.holder.split(":")[1]), signal.SIGKILL)
            killed = time.monotonic()
            until(
                lambda: Event.objects.filter(task=held, kind=Kind.TASK_CLAIMED).count() > claims, seconds=60
            )
            delays.append(time.monotonic() - killed)
    note = f"{kills} kills of a worker with tasks in hand"
    say("recovery_p95_s", percentile(delays, 95), "s", note)
    say("recovery_max_s", max(delays), "s", note)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
