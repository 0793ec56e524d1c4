"""A task that is stopped at any moment and retried does everything once; two who retry at once make one retry."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from agentdesk.core.errors import DeskError
from agentdesk.core.ids import task_id
from agentdesk.roster.models import AgentVersion, Source
from agentdesk.runtime.thinking import Thinkers
from approvals.cancel import cancel_task
from approvals.decide import decide
from approvals.models import Approval
from tasks.models import Task, TaskStatus, Turn
from tests.factories import TaskFactory, TurnFactory
from tests.races.conftest import at_once
from tests.scripted import MakeStory, Story, drive
from tools.library.models import Document
from tools.messages.models import OutgoingMessage
from tools.retell import fork, retry, start_again
from tools.store.models import Order, Refund

ROUNDS = 6


@contextmanager
def cancelled_after(commit: int, task: Task, by: User) -> Iterator[list[int]]:
    """Somebody else cancels the task right after the given commit of what runs meanwhile. Gives the commits so far."""
    made: list[int] = []
    original = BaseDatabaseWrapper._commit

    def cancel() -> None:
        try:
            cancel_task(task, by=by)
        except DeskError:
            pass  # it had ended by then
        finally:
            connection.close()

    def counted(self: BaseDatabaseWrapper) -> None:
        original(self)
        if threading.current_thread().name != "canceller":
            made.append(1)
            if len(made) == commit:
                canceller = threading.Thread(target=cancel, name="canceller")
                canceller.start()
                canceller.join()

    BaseDatabaseWrapper._commit = counted  # type: ignore[method-assign]
    try:
        yield made
    finally:
        BaseDatabaseWrapper._commit = original  # type: ignore[method-assign]


def work(task: Task, signer: User) -> Task:
    """Until it has ended, with everything signed that it asks for."""
    drive(Thinkers())
    while approval := Approval.objects.open().filter(task=task).first():
        decide(approval, by=signer, verdict="approve", seen=approval.seen_hash)
        drive(Thinkers())
    task.refresh_from_db()
    return task


def check_once(s: Story, first: Task, second: Task) -> None:
    line = [first, second]
    assert second.status == TaskStatus.DONE
    assert Refund.objects.filter(order=s.order).count() == 1
    assert Order.objects.get(pk=s.order.pk).refunded_minor == 2900
    assert Document.objects.filter(task__in=line).count() == 1
    assert OutgoingMessage.objects.filter(task__in=line).count() == 1
    own = Counter(Turn.objects.filter(task__in=line, fence__gt=0).values_list("number", flat=True))
    assert own == dict.fromkeys(range(1, second.turns.count() + 1), 1), "each turn was told once"


@pytest.mark.crash
def test_cancelled_after_any_commit_and_retried_the_story_ends_with_each_effect_once(
    story: MakeStory, ada: User, lena: User
) -> None:
    stopped = Counter[str]()
    commit = 0
    while True:
        commit += 1
        s = story(by=ada)
        with cancelled_after(commit, s.task, ada) as made:
            ended = work(s.task, lena)
        if len(made) < commit:
            break
        if ended.status == TaskStatus.DONE:
            continue  # the last commits come behind its end
        assert ended.status == TaskStatus.CANCELLED
        asked = ended.tool_calls.filter(error_code="cancelled").exists()
        stopped["with calls" if asked else "between calls"] += 1
        check_once(s, ended, work(retry(ended, by=ada), lena))
    assert sum(stopped.values()) >= 12
    assert set(stopped) == {"with calls", "between calls"}


def test_two_people_who_retry_at_once_get_the_same_task(
    transactional_db: None, ada: User, lena: User
) -> None:
    for _ in range(ROUNDS):
        failed = TurnFactory(task=TaskFactory(status=TaskStatus.FAILED), text="Well.").task
        first, second = at_once(lambda: retry(failed, by=ada), lambda: retry(failed, by=lena))
        assert first == second == failed.offspring.get()
        assert first.turns.count() == 1


def test_a_form_that_arrives_twice_at_once_makes_one_task(transactional_db: None, ada: User) -> None:
    for _ in range(ROUNDS):
        failed = TurnFactory(task=TaskFactory(status=TaskStatus.FAILED)).task
        new, other = task_id(), task_id()
        first, second = at_once(*[lambda: start_again(failed, by=ada, public_id=new)] * 2)
        assert first == second
        first, second = at_once(
            *[lambda: fork(failed, turn=1, by=ada, instructions=f"As {other}.", public_id=other)] * 2
        )
        assert first == second
        assert AgentVersion.objects.filter(source=Source.FORK, instructions=f"As {other}.").count() == 1
        assert failed.offspring.count() == 2
