"""Starting and reading tasks over the API."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from tasks.models import Task
from tests.api.conftest import Program
from tests.factories import (
    AgentFactory,
    ApprovalFactory,
    CustomerFactory,
    TaskFactory,
    ToDoFactory,
    UserFactory,
    person,
)

TASKS = "/api/v1/tasks"


def error_of(response):
    return response.json()["error"]


def test_a_goal_starts_a_task_and_is_answered_at_once(program, ada):
    response = program.start(goal="Find out why A-1001 is late.")

    task = Task.objects.get()
    url = f"http://testserver/api/v1/tasks/{task.public_id}"
    assert response.status_code == 202
    assert response.json() == {
        "id": task.public_id,
        "status": "queued",
        "url": url,
        "events_url": f"{url}/events",
    }
    assert response["Location"] == url
    assert (task.goal, task.requested_by, task.customer) == ("Find out why A-1001 is late.", ada, None)


def test_customer_agent_and_previous_task_are_taken_by_their_names(program):
    customer, earlier, agent = CustomerFactory(), TaskFactory(status="done"), AgentFactory(name="second")
    agent.current = earlier.agent_version
    agent.save()

    response = program.start(
        goal="Go on.", customer=customer.email.upper(), agent="second", previous_response_id=earlier.public_id
    )

    task = Task.objects.get(public_id=response.json()["id"])
    assert (task.customer, task.previous) == (customer, earlier)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("goal", ""),
        ("goal", "   "),
        ("goal", 7),
        ("goal", None),
        ("goal", "x" * 24_001),
        ("goal", "refund\x00me"),
        ("goal", "refund\ud800me"),
        ("customer", "C-0000"),
        ("customer", "C\x00"),
        ("agent", "nobody"),
        ("agent", "nobody\x00"),
        ("previous_response_id", "tsk_0"),
        ("previous_response_id", "tsk_\x00"),
        ("surprise", "extra"),
    ],
)
def test_input_that_cannot_be_used_is_refused_with_its_field_and_starts_nothing(program, field, value):
    response = program.start(**{"goal": "Help.", field: value})

    assert response.status_code == 422, response.content
    assert error_of(response)["code"] == "invalid"
    assert error_of(response)["message"]
    assert Task.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("customer", "C-0000"),
        ("agent", "nobody"),
        ("previous_response_id", "tsk_0"),
        ("surprise", "x"),
        ("goal", 1),
    ],
)
def test_the_refusal_names_the_field(program, field, value):
    assert list(error_of(program.start(**{"goal": "Help.", field: value}))["fields"]) == [field]


def test_a_name_that_two_customers_share_is_refused(program):
    CustomerFactory(name="Jo Doe")
    CustomerFactory(name="Jo Doe")
    assert "Several customers" in error_of(program.start(goal="Help.", customer="Jo Doe"))["message"]


@pytest.mark.parametrize(
    "body", [b"{", b"goal=x", b'{"goal": "a", "goal": "b"}', b'{"goal": NaN}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_body_that_is_not_json_is_malformed(program, body):
    response = program.client.post(TASKS, body, content_type="application/json")

    assert response.status_code == 400
    assert error_of(response)["code"] == "malformed"
    assert Task.objects.count() == 0


@pytest.mark.parametrize("body", [b"", b"[]", b'"goal"', b"null", b"7"])
def test_a_body_that_is_no_object_is_refused(program, body):
    assert program.client.post(TASKS, body, content_type="application/json").status_code == 422


def test_a_body_over_a_megabyte_is_too_large(program):
    response = program.start(goal="x" * 1_000_001)

    assert response.status_code == 413
    assert error_of(response)["code"] == "too_large"
    assert Task.objects.count() == 0


def test_a_task_is_read_with_its_plan_its_wait_and_its_use(program):
    approval = ApprovalFactory()
    task = approval.task
    ToDoFactory(task=task, text="Look up the customer", state="done")
    ToDoFactory(task=task, text="Refund")
    Task.objects.filter(pk=task.pk).update(
        turns_used=3, tool_calls_used=4, tokens_used=500, work_ms=1200, cost_micros=70
    )

    body = program.get(f"{TASKS}/{task.public_id}").json()

    assert body["status"] == "waiting"
    assert (body["waiting_for"], body["waiting_note"]) == ("approval", "")
    assert [todo["state"] for todo in body["todos"]] == ["done", "pending"]
    assert body["usage"] == {"turns": 3, "tool_calls": 4, "tokens": 500, "work_ms": 1200, "cost_micros": 70}
    assert [(one["id"], one["url"]) for one in body["approvals"]] == [
        (approval.public_id, f"http://testserver/approvals/{approval.public_id}/")
    ]
    assert (body["customer"], body["agent"]) == (task.customer.number, "support")


def test_result_and_failure_are_read(program):
    done, failed = TaskFactory(status="done", result="Refunded."), TaskFactory(status="failed")
    ApprovalFactory(status="rejected")

    assert program.get(f"{TASKS}/{done.public_id}").json()["result"] == "Refunded."
    assert program.get(f"{TASKS}/{failed.public_id}").json()["failure"] == "The model was away."
    assert program.get(f"{TASKS}/{done.public_id}").json()["approvals"] == []


def test_reading_a_task_takes_a_bounded_number_of_queries(program, django_assert_max_num_queries):
    task = ApprovalFactory().task
    for _ in range(10):
        ToDoFactory(task=task)
    program.get(f"{TASKS}/{task.public_id}")
    with django_assert_max_num_queries(9):
        program.get(f"{TASKS}/{task.public_id}")


def test_an_unknown_task_is_missing(program):
    response = program.get(f"{TASKS}/tsk_0")
    assert (response.status_code, error_of(response)["code"]) == (404, "missing")


def test_a_key_starts_one_task_however_often_it_is_sent(program):
    first, second = program.start(goal="Once.", key="k1"), program.start(goal="Once.", key="k1")

    assert first.json()["id"] == second.json()["id"]
    assert program.start(goal="Once.", key="k2").json()["id"] != first.json()["id"]
    assert Task.objects.count() == 2


def test_a_key_of_another_request_is_refused(program):
    program.start(goal="Once.", key="k1")
    response = program.start(goal="Something else.", key="k1")

    assert (response.status_code, error_of(response)["code"]) == (422, "key_reused")
    assert Task.objects.count() == 1


def test_keys_of_two_people_do_not_meet(program, lena):
    program.start(goal="Once.", key="k1")
    Program(lena).start(goal="Once.", key="k1")
    assert Task.objects.count() == 2


def test_a_refused_request_does_not_use_up_its_key(program):
    assert program.start(goal="Help.", customer="C-0000", key="k1").status_code == 422
    assert program.start(goal="Help.", key="k1").status_code == 202


@pytest.mark.parametrize(
    ("role", "reads", "starts"),
    [
        ("viewer", 200, 403),
        ("agent", 200, 202),
        ("lead", 200, 202),
        ("finance", 200, 403),
        ("auditor", 200, 403),
        ("admin", 200, 202),
        (None, 403, 403),
    ],
)
def test_a_session_has_the_rights_of_the_pages(db, role, reads, starts):
    client = Client()
    client.force_login(person("somebody", role) if role else UserFactory())
    task = TaskFactory()

    assert client.get(f"{TASKS}/{task.public_id}").status_code == reads
    assert client.post(TASKS, {"goal": "Help."}, content_type="application/json").status_code == starts


def test_a_session_needs_the_csrf_token_to_start_a_task_and_a_bearer_does_not(ada):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(ada)

    assert browser.post(TASKS, {"goal": "Help."}, content_type="application/json").status_code == 403
    assert Task.objects.count() == 0

    program = Client(enforce_csrf_checks=True, headers={"Authorization": f"Bearer {Program(ada).secret}"})
    assert program.post(TASKS, {"goal": "Help."}, content_type="application/json").status_code == 202


@pytest.mark.parametrize("path", [f"{TASKS}/tsk_0", f"{TASKS}/tsk_0/events", "/api/v1/events"])
def test_a_stranger_is_asked_to_say_who_they_are(db, path):
    response = Client().get(path)

    assert (response.status_code, error_of(response)["code"]) == (401, "unauthenticated")
    assert response["WWW-Authenticate"].startswith("Bearer")


def test_the_document_describes_every_operation(client, db):
    document = json.loads(client.get("/api/openapi.json").content)
    assert set(document["paths"]) == {
        "/api/v1/tasks",
        "/api/v1/tasks/{task_id}",
        "/api/v1/tasks/{task_id}/retry",
        "/api/v1/tasks/{task_id}/again",
        "/api/v1/tasks/{task_id}/fork",
        "/api/v1/tasks/{task_id}/cancel",
        "/api/v1/tasks/{task_id}/events",
        "/api/v1/events",
    }
    assert set(document["components"]["securitySchemes"]) == {"BearerToken", "Session"}
