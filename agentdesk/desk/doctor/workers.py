"""Whether workers live, run the code that is here, and are woken."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone
from django_q.models import Schedule

from agentdesk.core.clock import database_now
from agentdesk.core.version import version
from agentdesk.desk.doctor.finding import Finding, note, problem, spoken
from tasks import queue
from tasks.models import WorkerProcess

LATE = timedelta(minutes=3)
START = "Start them with “manage.py work”."


def show_life() -> Iterator[Finding]:
    if not WorkerProcess.objects.alive().exists():
        yield problem("No worker shows life, so no task goes on.", START)
    now = database_now()
    for worker in WorkerProcess.objects.silent()[:5]:
        yield note(
            f"The worker on {worker} has said nothing for {spoken(now - worker.seen_at)}: it was killed, or its machine is gone.",
            "Nothing has to be done when another one took its place; its row is forgotten after a day.",
        )


def run_this_code() -> Iterator[Finding]:
    for worker in WorkerProcess.objects.alive().exclude(version=version()):
        yield problem(
            f"The worker on {worker} runs {worker.version}, and the code here is {version()}.",
            "Restart it, so that web and workers agree.",
        )


def are_woken_by_the_clock() -> Iterator[Finding]:
    schedule = Schedule.objects.filter(name=queue.SCHEDULE).first()
    if schedule is None or schedule.func != queue.JOB:
        yield problem(
            "The wake-up of every minute is missing, so tasks that wait for their time may wait for ever.",
            "Restart the workers: they set it up when they start.",
        )
    elif WorkerProcess.objects.alive().exists() and timezone.now() - schedule.next_run > LATE:
        yield problem(
            f"The wake-up of every minute is {spoken(timezone.now() - schedule.next_run)} late.",
            "Restart the workers.",
        )
