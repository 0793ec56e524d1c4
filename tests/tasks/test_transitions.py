"""The lifecycle as a table: every move from every status; a legal one is one event, an illegal one changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from agentdesk.core.errors import ClaimLost, Late
from agentdesk.events.models import Kind
from tasks import transitions
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import TaskFactory

pytestmark = pytest.mark.django_db

Q, R, W, D, F, C = TaskStatus.values


def wait(task: Task, _: User) -> None:
    with transaction.atomic():
        transitions.wait(task, waiting_for=WaitingFor.APPROVAL)


def resume(task: Task, _: User) -> None:
    with transaction.atomic():
        if not transitions.resume(task):
            raise ClaimLost("it was not waiting")


def cancel(task: Task, by: User) -> None:
    with transaction.atomic():
        transitions.cancel(task, by=by)


def claim(task: Task, _: User) -> None:
    if not transitions.claim(holder="me", limit=5, only=task.pk):
        raise ClaimLost("nothing was claimable")


Move = Callable[[Task, User], None]
MOVES: dict[str, tuple[Move, dict[str, str], Kind]] = {
    # the move, where it leads from each status it is legal in, and its event
    "claim": (claim, {Q: R}, Kind.TASK_CLAIMED),
    "finish": (lambda task, _: transitions.finish(task, result="Done."), {R: D}, Kind.TASK_DONE),
    "fail": (lambda task, _: transitions.fail(task, why="No model."), {R: F}, Kind.TASK_FAILED),
    "wait": (wait, {R: W}, Kind.TASK_WAITING),
    "release": (lambda task, _: transitions.release(task, why="Away."), {R: Q}, Kind.TASK_RELEASED),
    "resume": (resume, {W: Q}, Kind.TASK_QUEUED),
    "cancel": (cancel, {Q: C, R: C, W: C}, Kind.TASK_CANCELLED),
}


def row(task: Task) -> dict[str, Any]:
    return Task.objects.filter(pk=task.pk).values().get()


@pytest.mark.parametrize("status", TaskStatus.values)
@pytest.mark.parametrize("name", MOVES)
def test_a_legal_move_is_one_event_and_an_illegal_one_changes_nothing(
    ada: User, name: str, status: str
) -> None:
    move, legal, kind = MOVES[name]
    task: Task = TaskFactory(status=status)
    before = row(task)

    if status in legal:
        move(task, ada)
        task.refresh_from_db()
        event = task.events.get()
        assert (task.status, event.kind) == (legal[status], kind)
        assert (event.number, task.last_event) == (1, 1)
    else:
        with pytest.raises((ClaimLost, Late)):
            move(task, ada)
        assert row(task) == before
        assert not task.events.exists()


@pytest.mark.parametrize("name", ["finish", "fail", "wait", "release"])
def test_a_claim_that_was_overtaken_writes_nothing(ada: User, name: str) -> None:
    task: Task = TaskFactory(status=R)
    Task.objects.filter(pk=task.pk).update(fence=task.fence + 1)
    before = row(task)
    with pytest.raises(ClaimLost):
        MOVES[name][0](task, ada)
    assert row(task) == before
    assert not task.events.exists()


@pytest.mark.parametrize("name", MOVES)
def test_a_move_and_its_event_are_undone_together(ada: User, name: str) -> None:
    move, legal, _ = MOVES[name]
    task: Task = TaskFactory(status=next(iter(legal)))
    before = row(task)
    with transaction.atomic():
        move(task, ada)
        transaction.set_rollback(True)
    assert row(task) == before
    assert not task.events.exists()


def test_cancelling_a_running_task_takes_the_claim_away(ada: User) -> None:
    task: Task = TaskFactory(status=R)
    with transaction.atomic():
        transitions.cancel(task, by=ada)
    with pytest.raises(ClaimLost):
        transitions.finish(task, result="too late")
    task.refresh_from_db()
    assert (task.status, task.holder, task.lease_until, task.result) == (C, "", None, "")


def test_what_ended_says_how_when_it_is_cancelled_again(ada: User) -> None:
    for status, words in [(D, "done already"), (F, "failed already"), (C, "cancelled already")]:
        with pytest.raises(Late, match=words), transaction.atomic():
            transitions.cancel(TaskFactory(status=status), by=ada)


def test_oldest_first_and_no_more_than_the_limit() -> None:
    start = timezone.now()
    tasks = [TaskFactory(queued_at=start - timedelta(minutes=minutes)) for minutes in (1, 3, 2)]
    assert [task.pk for task in transitions.claim(holder="me", limit=2)] == [tasks[1].pk, tasks[2].pk]
    assert [task.pk for task in transitions.claim(holder="me", limit=2)] == [tasks[0].pk]
    assert transitions.claim(holder="me", limit=2) == []


def test_a_claim_is_the_lease_a_new_fence_and_the_first_start() -> None:
    task: Task = TaskFactory()
    (claimed,) = transitions.claim(holder="me", limit=1)
    left = claimed.lease_until - timezone.now()
    assert transitions.LEASE - timedelta(seconds=5) < left <= transitions.LEASE + timedelta(seconds=1)
    assert (claimed.holder, claimed.fence) == ("me", task.fence + 1)
    assert claimed.started_at is not None
    assert claimed.events.get().data == {"fence": 1, "holder": "me"}


def test_a_lease_that_ran_out_is_claimed_by_the_next_one_and_one_that_holds_is_not() -> None:
    held: Task = TaskFactory(status=R)
    lost: Task = TaskFactory(status=R, lease_until=timezone.now() - timedelta(seconds=1))
    (claimed,) = transitions.claim(holder="other", limit=5)
    assert (claimed.pk, claimed.holder, claimed.fence) == (lost.pk, "other", lost.fence + 1)
    with pytest.raises(ClaimLost):
        transitions.finish(lost, result="from the dead")
    held.refresh_from_db()
    assert held.holder == "worker-1"


def test_renewing_keeps_what_one_works_on_and_holds_and_says_what_is_left() -> None:
    mine = TaskFactory(status=R, holder="me", lease_until=timezone.now() + timedelta(seconds=1))
    other = TaskFactory(status=R, holder="you")
    unknown = TaskFactory(status=R, holder="me")
    waiting = TaskFactory(status=W)
    assert transitions.renew(holder="me", worked_on={mine.pk, other.pk, waiting.pk}) == {mine.pk}
    before = other.lease_until
    mine.refresh_from_db()
    other.refresh_from_db()
    assert mine.lease_until > timezone.now() + timedelta(seconds=5)
    assert other.lease_until == before
    before = unknown.lease_until
    unknown.refresh_from_db()
    assert unknown.lease_until == before


def test_a_released_task_waits_its_time_and_then_is_claimable() -> None:
    task: Task = TaskFactory(status=R)
    transitions.release(task, why="The model was away.", after_seconds=60, attempts=2)
    assert transitions.claim(holder="me", limit=1) == []
    Task.objects.filter(pk=task.pk).update(not_before=timezone.now() - timedelta(seconds=1))
    (claimed,) = transitions.claim(holder="me", limit=1)
    assert (claimed.attempts, claimed.not_before) == (2, None)


def test_holding_is_for_the_present_claim_alone() -> None:
    task: Task = TaskFactory(status=R)
    with transaction.atomic():
        assert transitions.hold(task.pk, fence=task.fence) == task
    for fence, status in [(task.fence + 1, R), (task.fence - 1, R), (task.fence, W)]:
        other = TaskFactory(status=status)
        with pytest.raises(ClaimLost), transaction.atomic():
            transitions.hold(other.pk, fence=fence)
