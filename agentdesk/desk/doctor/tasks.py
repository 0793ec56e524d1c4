"""Tasks that do not go on: for whom or what they wait, and since when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db.models import Count, Exists, Max, OuterRef

from agentdesk.core.clock import database_now
from agentdesk.desk.doctor.finding import Finding, note, problem, spoken
from agentdesk.events.models import Event, Kind
from approvals.models import Approval
from tasks import workers
from tasks.models import Task, TaskStatus, WaitingFor
from tools.models import CallStatus, ToolCall

SLOW = timedelta(seconds=60)
MANY_LOST = 3


def are_taken_up() -> Iterator[Finding]:
    waiting = workers.waiting()
    if waiting.oldest > SLOW:
        yield problem(
            f"{waiting.count} tasks could be worked on, and the oldest has waited {spoken(waiting.oldest)} for a worker.",
            "Start the workers if none shows life; otherwise start more, or raise AGENTDESK_TASKS_IN_FLIGHT.",
        )


def keep_their_workers() -> Iterator[Finding]:
    for task in Task.objects.live().filter(lost_claims__gte=MANY_LOST)[:3]:
        yield problem(
            f"Task {task.public_id} lost its worker {task.lost_claims} times in a row.",
            "Look into the workers' log for what ends them; cancel the task if it is the cause.",
        )


def wait_for_something_that_can_come() -> Iterator[Finding]:
    """Waiting for a sign-off or an answer that nobody is asked for is waiting for ever."""
    asked = Exists(Approval.objects.open().filter(task=OuterRef("pk")))
    orphaned = Task.objects.filter(
        ~asked, status=TaskStatus.WAITING, waiting_for__in=[WaitingFor.APPROVAL, WaitingFor.QUESTION]
    )
    for task in orphaned[:3]:
        yield problem(
            f"Task {task.public_id} waits for {task.get_waiting_for_display().lower()}, and nobody is asked for it.",
            "Cancel it, start it again, and report how it came to this.",
        )


def have_known_outcomes() -> Iterator[Finding]:
    unknown = ToolCall.objects.filter(status=CallStatus.UNKNOWN).count()
    if unknown:
        yield problem(
            f"Of {unknown} calls nobody knows whether they happened.",
            "Somebody from finance has to find out and say so on the desk.",
        )


def wait_for_people() -> Iterator[Finding]:
    now = database_now()
    waiting = Task.objects.filter(status=TaskStatus.WAITING)
    for what, count in waiting.order_by("waiting_for").values_list("waiting_for").annotate(Count("pk")):
        came_to_it = Event.objects.filter(
            kind=Kind.TASK_WAITING, task_id__in=waiting.filter(waiting_for=what).values("pk")
        )
        latest = came_to_it.order_by().values("task_id").annotate(since=Max("at")).order_by("since").first()
        age = f", the first of them for {spoken(now - latest['since'])}" if latest else ""
        yield note(f"Waiting for {WaitingFor(what).label.lower()}: {count} tasks{age}.")
