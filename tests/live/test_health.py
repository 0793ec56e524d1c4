"""/healthz and /readyz: no login, tiny, honest."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ

from tasks import queue, workers
from tests.factories import TaskFactory, WorkerProcessFactory
from tools.braking import pull


@pytest.fixture
def worker(db):
    return WorkerProcessFactory()


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


def test_an_idle_desk_whose_worker_shows_life_is_ready(client, worker):
    TaskFactory(status="done")
    assert client.get("/readyz").json() == {
        "status": "ready",
        "problems": [],
        "workers_alive": 1,
        "tasks_waiting_for_a_worker": 0,
        "oldest_waiting_seconds": 0,
        "tasks_held_by_workers": 0,
        "brakes": [],
    }


def test_a_desk_with_a_pulled_brake_is_ready_and_says_what_is_stopped_but_not_who_did_it(
    client, worker, lena
):
    TaskFactory(queued_at=ago(300))
    pull("take", by=lena, reason="Upgrade.")
    answer = client.get("/readyz").json()
    assert answer["status"] == "ready", "nobody is to be woken because tasks wait for a brake"
    assert answer["brakes"] == ["A brake is pulled: Agents take up no tasks."]


@pytest.mark.parametrize("seen_at", [None, ago(40)])
def test_without_a_worker_that_shows_life_it_is_not_ready_even_if_nothing_waits(client, db, seen_at):
    if seen_at:
        WorkerProcessFactory(seen_at=seen_at)
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["problems"] == ["No worker shows life: start them with “manage.py work”."]


def test_a_worker_that_said_goodbye_is_not_counted(client, worker):
    workers.say_goodbye(name=worker.name)
    assert client.get("/readyz").json()["workers_alive"] == 0


def test_a_queue_that_does_not_move_is_said(client, worker, settings):
    with transaction.atomic():
        queue.wake()
    assert client.get("/readyz").status_code == 200
    OrmQ.objects.update(lock=ago(400))
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["problems"] == [
        "The queue does not move: a wake-up has waited 400 s. Restart the workers."
    ]


def test_a_task_that_waits_for_half_a_minute_is_fine(client, worker):
    TaskFactory(queued_at=ago(30))
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["tasks_waiting_for_a_worker"] == 1
    assert 29 <= response.json()["oldest_waiting_seconds"] <= 40


def test_a_task_that_nobody_takes_for_over_a_minute_makes_it_not_ready(client, db):
    TaskFactory(queued_at=ago(90))
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["problems"][0].startswith("No worker shows life")
    assert response.json()["problems"][1] == "A task has waited 90 s for a worker."


def test_busy_workers_are_told_apart_from_missing_ones(client, worker):
    TaskFactory(queued_at=ago(90))
    TaskFactory(status="running")
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["problems"] == [
        "A task has waited 90 s although workers show life: start more of them."
    ]
    assert response.json()["tasks_held_by_workers"] == 1


def test_a_lost_claim_counts_from_when_it_ended(client, worker):
    TaskFactory(status="running", queued_at=ago(1000), lease_until=ago(20))
    assert client.get("/readyz").status_code == 200

    TaskFactory(status="running", queued_at=ago(1000), lease_until=ago(70))
    assert client.get("/readyz").status_code == 503


def test_a_task_put_off_counts_from_when_it_may_be_tried(client, worker):
    TaskFactory(queued_at=ago(1000), not_before=ago(20))
    TaskFactory(queued_at=ago(1000), not_before=ago(-500))
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["tasks_waiting_for_a_worker"] == 1


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_they_only_read(client, db, path):
    assert client.post(path).status_code == 405
