"""Parents and children that move at the same moment: nobody waits for a task that has ended, nobody escapes a cancellation."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from agentdesk.core.canonical import digest
from agentdesk.core.errors import Invalid
from approvals.ask import pause
from approvals.cancel import cancel_task
from tasks import delegation, transitions
from tasks.models import LIVE, MAX_TREE, Task, TaskStatus, WaitingFor
from tests.factories import TaskFactory, ToolCallFactory, support_version
from tests.races.conftest import at_once
from tests.races.test_decisions_race import gapless
from tools.models import Effect, ToolCall

ROUNDS = 12

pytestmark = pytest.mark.django_db(transaction=True)


def family(*, depth: int = 1) -> list[Task]:
    """A running task, a running one below it, and so on."""
    tasks = [TaskFactory(status=TaskStatus.RUNNING, agent_version=support_version())]
    for _ in range(depth):
        tasks.append(TaskFactory(status=TaskStatus.RUNNING, parent=tasks[-1], customer=tasks[0].customer))
    return tasks


def wait_call(waiting: Task, other: Task) -> ToolCall:
    arguments = {"task": other.public_id}
    return ToolCallFactory(
        given_task=waiting,
        tool="wait_for_task",
        arguments=arguments,
        arguments_hash=digest(arguments),
        effect=Effect.READ,
    )


def start_below(task: Task) -> Task:
    with transaction.atomic():
        held = transitions.hold(task.pk, fence=task.fence)
        return delegation.start_child(held, agent=held.agent_version.agent, goal="Do this part.")


@pytest.mark.parametrize("ending", ["done", "failed", "cancelled"])
@pytest.mark.parametrize("depth", [1, 2])
def test_a_task_that_ends_while_another_begins_to_wait_for_it_is_not_missed(
    ending: str, depth: int, ada: User
) -> None:
    for _ in range(ROUNDS):
        waiting, *_, ended = family(depth=depth)
        call = wait_call(waiting, ended)
        end = {
            "done": lambda: transitions.finish(ended, result="Done."),
            "failed": lambda: transitions.fail(ended, why="It could not be done."),
            "cancelled": lambda: cancel_task(ended, by=ada),
        }[ending]

        outcomes = at_once(lambda: pause(waiting, [call]), end)

        assert not [each for each in outcomes if isinstance(each, Exception)], outcomes
        waiting.refresh_from_db()
        assert (waiting.status, waiting.waiting_for) == (TaskStatus.QUEUED, WaitingFor.NOTHING)
        assert gapless(waiting)
        assert gapless(ended)


def test_two_that_take_the_last_place_of_a_tree_get_one(ada: User) -> None:
    for _ in range(ROUNDS):
        root, child = family()
        for _ in range(MAX_TREE - 2):
            TaskFactory(parent=root, status=TaskStatus.DONE)

        outcomes = at_once(lambda: start_below(root), lambda: start_below(child))

        assert root.tree.count() == MAX_TREE
        assert sorted(type(each).__name__ for each in outcomes) == ["Invalid", "Task"], outcomes
        (refused,) = [each for each in outcomes if isinstance(each, Invalid)]
        assert refused.code == "too_many_tasks"


def test_what_starts_while_its_tree_is_cancelled_ends_with_it_or_never_starts(ada: User) -> None:
    for _ in range(ROUNDS):
        root, child, grandchild = family(depth=2)

        outcomes = at_once(
            lambda: cancel_task(root, by=ada), lambda: start_below(child), lambda: start_below(grandchild)
        )

        assert not isinstance(outcomes[0], Exception), outcomes[0]
        assert {type(each).__name__ for each in outcomes[1:]} <= {"Task", "ClaimLost"}, outcomes
        assert not Task.objects.filter(root=root, status__in=LIVE).exists()
        root.refresh_from_db()
        assert root.status == TaskStatus.CANCELLED


def test_a_tree_that_is_cancelled_while_its_tasks_end_is_over_without_a_deadlock(ada: User) -> None:
    for _ in range(ROUNDS):
        root, child, grandchild = family(depth=2)

        outcomes: list[Any] = at_once(
            lambda: cancel_task(root, by=ada),
            lambda: transitions.finish(grandchild, result="Done."),
            lambda: transitions.finish(child, result="Done."),
            lambda: cancel_task(child, by=ada),
        )

        assert not isinstance(outcomes[0], Exception), outcomes[0]
        assert {type(each).__name__ for each in outcomes[1:]} <= {"NoneType", "Task", "ClaimLost", "Late"}, (
            outcomes
        )
        assert not Task.objects.filter(pk__in=[root.pk, child.pk, grandchild.pk], status__in=LIVE).exists()
        assert all(gapless(each) for each in (root, child, grandchild))
