"""Many tasks in flight in one worker process, with models that take their time: makespan and memory.

python -m tests.benchmarks.inflight [TASKS]
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from pathlib import Path

import django

django.setup()

from django.contrib.auth.models import User  # noqa: E402 -- Django first
from django.core.management import call_command  # noqa: E402

from agentdesk.runtime.drive import Driver  # noqa: E402
from approvals.decide import decide  # noqa: E402
from approvals.models import Approval  # noqa: E402
from tasks.models import Task, TaskStatus  # noqa: E402
from tests.benchmarks.say import say  # noqa: E402
from tests.benchmarks.story import TURNS, tell_many  # noqa: E402
from tests.factories import person  # noqa: E402

THINK_SECONDS = 2.0


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def drive(thinkers: object, tasks: int) -> tuple[float, float]:
    """Seconds it took, and the most memory on the way."""

    async def watched() -> float:
        most = resident_mb()
        driving = asyncio.create_task(
            Driver(thinkers=thinkers, capacity=tasks, linger_seconds=0, drive_seconds=200).drive()  # type: ignore[arg-type]
        )
        while not driving.done():
            most = max(most, resident_mb())
            await asyncio.sleep(0.2)
        await driving
        return most

    started = time.perf_counter()
    most = asyncio.run(watched())
    return time.perf_counter() - started, most


def main(tasks: int) -> None:
    call_command("migrate", verbosity=0)
    lead = person("lena", "lead")
    _, warm = tell_many(3)
    drive(warm, 3)  # loads what is loaded once a process
    Approval.objects.open().update(status="cancelled", closed_at="2026-01-01T00:00Z")
    stories, thinkers = tell_many(tasks, think_seconds=THINK_SECONDS)
    gc.collect()
    before = resident_mb()
    asked, most_asked = drive(thinkers, tasks)
    lead = User.objects.get(pk=lead.pk)
    for approval in Approval.objects.open():
        decide(approval, by=lead, verdict="approve", seen=approval.seen_hash)
    finished, most_finished = drive(thinkers, tasks)
    told = Task.objects.filter(pk__in=[story.task.pk for story in stories], status=TaskStatus.DONE)
    assert told.count() == tasks
    ideal, spent = TURNS * THINK_SECONDS, asked + finished
    say("inflight_efficiency", ideal / spent, "x", f"{tasks} tasks, {spent:.1f} s, ideal {ideal:.0f} s")
    say("inflight_mb_per_task", (max(most_asked, most_finished) - before) / tasks, "MB", f"{tasks} tasks")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
