"""Tasks that wait for a larger limit or for a model that answers: let go by their worker, sent on by a person or the next day."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.functions import Now

from agentdesk.core.errors import Forbidden, Late
from agentdesk.core.text import checked, shortened
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from tasks import limits, transitions, usage
from tasks.limits import Reached
from tasks.models import Task, TaskStatus, WaitingFor

MAX_NOTE = 400
NO_STARTER = "Your role does not start tasks. Ask an agent or a lead."


def for_model(task: Task, *, why: str, worked_ms: int = 0) -> None:
    """Nothing answers; `why` is one sentence that says what to mend. Raises ClaimLost."""
    with transaction.atomic():
        transitions.wait(
            task, waiting_for=WaitingFor.MODEL, note=shortened(why, MAX_NOTE), worked_ms=worked_ms
        )


def for_limit(task: Task, *, reached: Reached, worked_ms: int = 0) -> None:
    """Raises ClaimLost. A limit of a day lets the task go on by itself when that day is over."""
    if reached.key == "task.seconds":  # its clock ran out, whatever the laps were rounded to
        worked_ms = max(worked_ms, reached.limit * 1000 - task.work_ms)
    until: datetime | None = usage.tomorrow(usage.today()) if reached.daily else None
    with transaction.atomic():
        transitions.wait(
            task, waiting_for=WaitingFor.LIMIT, note=reached.sentence, worked_ms=worked_ms, until=until
        )


def try_again(task: Task, *, by: User) -> Task:
    """Send a task on that waits for a model, with as many tries as the first time.

    One that waits for a limit goes on as well, and waits again if that is still reached. Raises Forbidden without the
    right to start tasks, and Late when the task waits for neither.
    """
    if not by.has_perm("tasks.start_task"):
        raise Forbidden(NO_STARTER)
    with transaction.atomic():
        locked = transitions.lock(task.pk)
        _check_waits(locked, WaitingFor.MODEL, WaitingFor.LIMIT)
        transitions.resume(locked, by=by, attempts=0)
    return locked


def try_all_again(*, by: User, limit: int) -> int:
    """Send up to `limit` tasks on that wait for a model, the longest waiting first; return how many.

    One transaction each, so that a click holds up no worker. Raises Forbidden without the right to start tasks.
    """
    if not by.has_perm("tasks.start_task"):
        raise Forbidden(NO_STARTER)
    waiting = Task.objects.filter(status=TaskStatus.WAITING, waiting_for=WaitingFor.MODEL)
    sent_on = 0
    for pk in list(waiting.order_by("queued_at", "id").values_list("pk", flat=True)[:limit]):
        with transaction.atomic():
            task = transitions.lock(pk)
            if task.waiting_for == WaitingFor.MODEL:
                sent_on += transitions.resume(task, by=by, attempts=0)
    return sent_on


def extend(task: Task, *, by: User, key: str, amount: str, reason: str) -> Task:
    """Extend the limit that a task waits for by what `by` typed, and send it on.

    `key` names the limit that was shown, as `Reached.key`. For a limit of a day, this one task is exempt by the amount.
    Raises Forbidden without the right or for the requester of the task, Invalid for an amount or reason that cannot
    be taken, and Late when the task does not wait for this limit any more.
    """
    if hindrance := may_not_extend(task, by):
        raise Forbidden(hindrance)
    with transaction.atomic():
        locked = Task.objects.select_for_update(of=("self",)).select_related("agent_version").get(pk=task.pk)
        _check_waits(locked, WaitingFor.LIMIT)
        reached = usage.reached(locked)
        if reached is None or reached.key != key:
            raise Late("This limit is not reached any more. Look at the task, and try it again.")
        by_amount = limits.typed(reached.measure, amount)
        why = checked(reason, field="reason", max_length=300)
        changed = limits.extended(
            reached, by_amount, usage.today(), used=usage.used(locked), overrides=locked.limits
        )
        Task.objects.filter(pk=locked.pk).update(limits=changed)
        said = {
            "limit": reached.key,
            "was": limits.in_words(reached.measure, reached.limit),
            "more": limits.in_words(reached.measure, by_amount),
            "reason": why,
        }
        record(locked, Fact(Kind.TASK_EXTENDED, said, by=by))
        transitions.resume(locked, by=by)
    return locked


def may_not_extend(task: Task, by: User) -> str:
    """Why `by` may not extend this task's limits; empty when they may."""
    if not by.has_perm("tasks.extend_limit"):
        return "Your role does not extend limits. Ask a lead, finance or an administrator."
    if task.requested_by_id == by.pk:
        return "You asked for this task yourself, so somebody else has to extend its limits."
    return ""


def resume_due(limit: int = 100) -> int:
    """Send up to `limit` tasks on whose day is over; return how many. Safe to run anywhere, at any time."""
    due = Task.objects.filter(
        status=TaskStatus.WAITING, waiting_for=WaitingFor.LIMIT, not_before__lte=Now()
    ).order_by("not_before", "id")
    resumed = 0
    for pk in due.values_list("pk", flat=True)[:limit]:
        with transaction.atomic():
            task = transitions.lock(pk)
            if task.waiting_for == WaitingFor.LIMIT:
                resumed += transitions.resume(task)
    return resumed


def _check_waits(task: Task, *for_any: WaitingFor) -> None:
    if task.waiting_for not in for_any:
        raise Late(
            f"This task is {task.get_status_display().lower()} now; somebody or something sent it on before you."
        )
