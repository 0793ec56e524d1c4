"""A worker that is told to stop: tasks come to a safe point and are free for others at once."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from agents.testing import ModelStep
from django.utils import timezone

from agentdesk.runtime import stop
from tasks.models import Task, TaskStatus
from tests.scripted import MakeStory, call, say
from tools.models import CallStatus, ToolCall


@pytest.fixture(autouse=True)
def go_on_afterwards() -> Iterator[None]:
    yield
    stop.withdraw()


def free_for_others(task: Task) -> bool:
    return Task.objects.claimable().filter(pk=task.pk, holder="").exists()


def test_the_turn_that_is_being_thought_of_is_recorded_with_its_calls_and_then_the_task_is_let_go(
    story: MakeStory,
) -> None:
    s = story()

    async def think(_: Any) -> Any:
        stop.request()
        await asyncio.sleep(0.3)
        return [call("add_todos", "c1", todos=["Look"])]

    thinkers = s.script(ModelStep.respond(think), [say("Done.")])

    task = s.drive()

    assert task.status == TaskStatus.QUEUED
    assert free_for_others(task)
    assert (task.turns_used, ToolCall.objects.get().status) == (1, CallStatus.DONE)
    stop.withdraw()
    assert s.drive().status == TaskStatus.DONE
    assert len(thinkers.model.calls) == 2, "no answer of a model was asked for twice"
    assert json.loads(thinkers.outputs()["c1"])


def test_what_reaches_no_safe_point_in_time_is_given_back(
    story: MakeStory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stop, "DRAIN_SECONDS", 0.3)
    s = story()

    async def think(_: Any) -> Any:
        stop.request()
        await asyncio.sleep(60)

    s.script(ModelStep.respond(think))
    started = time.monotonic()

    task = s.drive()

    assert time.monotonic() - started < 5
    assert free_for_others(task)


def test_a_second_request_hurries(story: MakeStory) -> None:
    s = story()

    async def think(_: Any) -> Any:
        stop.request()
        stop.request()
        await asyncio.sleep(60)

    s.script(ModelStep.respond(think))
    started = time.monotonic()

    task = s.drive()

    assert time.monotonic() - started < stop.DRAIN_SECONDS / 2
    assert free_for_others(task)


def test_nothing_new_is_taken(story: MakeStory) -> None:
    s = story()
    s.script([say("Done.")])
    stop.request()

    task = s.drive()

    assert (task.status, task.fence) == (TaskStatus.QUEUED, 0)
    assert task.queued_at <= timezone.now()
