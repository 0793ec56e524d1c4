"""/healthz and /readyz: no login, tiny, honest."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from tests.factories import TaskFactory
from tools.braking import pull


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def test_healthz_says_up_to_anybody(client, db):
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "up"})
    assert "no-cache" in response["Cache-Control"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_a_database_that_does_not_answer_is_said(client, db, path):
    def refuse(*_):
        raise OperationalError("gone")

    with connection.execute_wrapper(refuse):
        response = client.get(path)

    assert response.status_code == 503
    assert response.json()["problems"] == ["The database does not answer."]


def test_an_idle_desk_is_ready(client, db):
    TaskFactory(status="done")
    assert client.get("/readyz").json() == {
        "status": "ready",
        "problems": [],
        "tasks_waiting_for_a_worker": 0,
        "oldest_waiting_seconds": 0,
        "tasks_held_by_workers": 0,
        "brakes": [],
    }


def test_a_desk_with_a_pulled_brake_is_ready_and_says_what_is_stopped_but_not_who_did_it(client, lena):
    TaskFactory(queued_at=ago(300))
    pull("take", by=lena, reason="Upgrade.")
    answer = client.get("/readyz").json()
    assert answer["status"] == "ready", "nobody is to be woken because tasks wait for a brake"
    assert answer["brakes"] == ["A brake is pulled: Agents take up no tasks."]


def test_a_task_that_waits_for_half_a_minute_is_fine(client, db):
    TaskFactory(queued_at=ago(30))
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["tasks_waiting_for_a_worker"] == 1
    assert 29 <= response.json()["oldest_waiting_seconds"] <= 40


def test_a_task_that_nobody_takes_for_over_a_minute_makes_it_not_ready(client, db):
    TaskFactory(queued_at=ago(90))
    response = client.get("/readyz")

    assert response.status_code == 503
    assert "start the workers" in response.json()["problems"][0]


def test_busy_workers_are_told_apart_from_missing_ones(client, db):
    TaskFactory(queued_at=ago(90))
    TaskFactory(status="running")
    response = client.get("/readyz")

    assert response.status_code == 503
    assert "start more workers" in response.json()["problems"][0]
    assert response.json()["tasks_held_by_workers"] == 1


def test_a_lost_claim_counts_from_when_it_ended(client, db):
    TaskFactory(status="running", queued_at=ago(1000), lease_until=ago(20))
    assert client.get("/readyz").status_code == 200

    TaskFactory(status="running", queued_at=ago(1000), lease_until=ago(70))
    assert client.get("/readyz").status_code == 503


def test_a_task_put_off_counts_from_when_it_may_be_tried(client, db):
    TaskFactory(queued_at=ago(1000), not_before=ago(20))
    TaskFactory(queued_at=ago(1000), not_before=ago(-500))
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["tasks_waiting_for_a_worker"] == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_they_only_read(client, db, path):
    assert client.post(path).status_code == 405
