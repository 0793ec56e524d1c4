"""A task whose workers are lost one after another must not take all workers with it, and forgives what crashes do to it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from tasks import transitions
from tasks.models import Task, TaskStatus
from tests.scripted import MakeStory, Story, call, say, tell


@pytest.fixture
def story(transactional_db: None) -> MakeStory:
    return tell


def lose(story: Story, times: int) -> None:
    """Workers claim it and are never heard of again."""
    for _ in range(times):
        (task,) = transitions.claim(holder="worker", limit=1)
        assert task.pk == story.task.pk
        Task.objects.update(lease_until=timezone.now() - timedelta(seconds=1))


def test_after_ten_lost_workers_in_a_row_it_fails_and_says_why(story: MakeStory) -> None:
    s = story()
    s.script([say("Done.")])
    lose(s, 10)

    task = s.drive()

    assert task.status == TaskStatus.FAILED
    assert task.failure.startswith("Its worker was lost 10 times in a row")


def test_nine_lost_workers_are_forgiven_and_forgotten_with_the_next_turn(story: MakeStory) -> None:
    s = story()
    s.script([call("add_todos", "c1", todos=["Look"])], [say("Done.")])
    lose(s, 9)

    task = s.drive()

    assert (task.status, task.lost_claims) == (TaskStatus.DONE, 0)


def test_a_worker_that_gives_the_task_back_is_not_lost(story: MakeStory) -> None:
    s = story()
    for _ in range(3):
        (task,) = transitions.claim(holder="worker", limit=1)
        transitions.release(task, why="The worker stops")
    s.task.refresh_from_db()
    assert s.task.lost_claims == 0
