"""Retry, again and fork over the API."""

from __future__ import annotations

import pytest

from tasks.models import OriginKind, Task, TaskStatus
from tests.factories import (
    AgentFactory,
    AgentVersionFactory,
    TaskFactory,
    ToolCallFactory,
    TurnFactory,
    support_version,
)
from tools.models import CallStatus

BASE = "/api/v1/tasks"


@pytest.fixture
def failed(db):
    return TurnFactory(task=TaskFactory(status=TaskStatus.FAILED)).task


def post(program, task, verb, body=None, key=None):
    headers = {"Idempotency-Key": key} if key else {}
    return program.client.post(
        f"{BASE}/{task.public_id}/{verb}", body, content_type="application/json", headers=headers
    )


def made(response):
    return Task.objects.get(public_id=response.json()["id"])


def test_a_retry_is_answered_like_a_start_and_is_one_however_often_it_is_sent(program, ada, failed):
    first, second = post(program, failed, "retry"), post(program, failed, "retry")
    again = made(first)
    assert (first.status_code, again.origin, again.origin_kind) == (202, failed, OriginKind.RETRY)
    assert first["Location"].endswith(f"{BASE}/{again.public_id}")
    assert made(second) == again
    assert again.requested_by == ada


@pytest.mark.parametrize(("verb", "body"), [("again", None), ("fork", {"turn": 1})])
def test_a_key_makes_one_task(program, failed, verb, body):
    first, second = (post(program, failed, verb, body, key="once") for _ in range(2))
    assert made(first) == made(second)
    assert made(post(program, failed, verb, body)) != made(first)
    other = TurnFactory(task=TaskFactory(status=TaskStatus.FAILED)).task
    assert post(program, other, verb, body, key="once").json()["error"]["code"] == "key_reused"


def test_a_fork_takes_agent_version_model_and_instructions(program, failed):
    old = support_version()
    AgentVersionFactory(agent=old.agent, instructions="Newer.")
    other = AgentVersionFactory(agent=AgentFactory(name="second", title="Second"), instructions="Second.")

    def version(**changes):
        return made(post(program, failed, "fork", {"turn": 1, **changes})).agent_version

    assert version() == failed.agent_version == old
    assert version(agent="support").instructions == "Newer."
    assert version(agent="support", version=1) == version(version=1) == old
    assert version(agent="second") == other
    changed = version(agent="second", model="gpt-other", instructions="Third.")
    assert (changed.agent, changed.model, changed.instructions) == (other.agent, "gpt-other", "Third.")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "turn"),
        ({"turn": 0}, "turn"),
        ({"turn": 2}, "turn"),
        ({"turn": "1"}, "turn"),
        ({"turn": 1, "agent": "nobody"}, "agent"),
        ({"turn": 1, "version": 77}, "version"),
        ({"turn": 1, "instructions": " "}, "instructions"),
        ({"turn": 1, "model": "m" * 101}, "model"),
        ({"turn": 1, "note": "n" * 201}, "note"),
        ({"turn": 1, "surprise": 1}, "surprise"),
    ],
)
def test_a_fork_that_cannot_be_made_names_the_field(program, failed, body, field):
    response = post(program, failed, "fork", body)
    assert response.status_code == 422, response.content
    assert list(response.json()["error"]["fields"]) == [field]
    assert Task.objects.count() == 1


@pytest.mark.parametrize(("verb", "body"), [("retry", None), ("again", None), ("fork", {"turn": 1})])
def test_what_is_not_there_not_ended_or_not_certain_is_refused(program, failed, verb, body):
    assert post(program, Task(public_id="tsk_0"), verb, body).status_code == 404
    assert post(program, TaskFactory(status=TaskStatus.RUNNING), verb, body).status_code == 409
    ToolCallFactory(turn=failed.turns.get(), status=CallStatus.UNKNOWN)
    response = post(program, failed, verb, body)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "outside")


def test_a_done_task_cannot_be_retried(program):
    assert post(program, TaskFactory(status=TaskStatus.DONE), "retry").status_code == 409


def test_a_task_is_read_with_its_origin_and_its_offspring(program, failed):
    forked = made(post(program, failed, "fork", {"turn": 1}))
    told = program.get(f"{BASE}/{forked.public_id}").json()
    assert (told["origin"], told["origin_kind"], told["origin_turn"]) == (failed.public_id, "fork", 1)
    assert program.get(f"{BASE}/{failed.public_id}").json()["offspring"] == [forked.public_id]
