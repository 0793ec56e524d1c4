"""The pages of tasks that start tasks: children with what waits in them, the way back up, and cancelling both or one."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import Approval
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import (
    AgentFactory,
    AgentVersionFactory,
    ApprovalFactory,
    TaskFactory,
    ToolCallFactory,
    TurnFactory,
)
from tools.models import CallStatus

pytestmark = pytest.mark.django_db


@pytest.fixture
def parent(ada: User) -> Task:
    return TaskFactory(
        of_ticket=True,
        title="Charged twice",
        status=TaskStatus.WAITING,
        waiting_for=WaitingFor.TASK,
        waiting_note="Waiting for “Refund it” (tsk_1) to end.",
        requested_by=ada,
    )


@pytest.fixture
def approval(parent: Task) -> Approval:
    """A sign-off two levels below the parent."""
    middle = TaskFactory(parent=parent, ticket=parent.ticket, title="Look into it", status=TaskStatus.RUNNING)
    child = TaskFactory(
        parent=middle,
        ticket=parent.ticket,
        title="Refund it",
        status=TaskStatus.WAITING,
        requested_by=parent.requested_by,
    )
    call = ToolCallFactory(given_task=child, status=CallStatus.ASKING)
    return ApprovalFactory(tool_call=call, title="Refund $29.00 to Ada")


def as_(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(user: User, row: Task | Approval, **headers: str) -> str:
    answer = as_(user).get(row.get_absolute_url(), headers=headers)
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def test_the_parents_page_shows_what_waits_below_and_opens_the_decision_for_who_may(
    parent: Task, approval: Approval, lena: User, ada: User
) -> None:
    seen = page(lena, parent)
    assert "Tasks it started" in seen
    assert "A sign-off waits in “Refund it”:" in seen
    assert f'href="{approval.get_absolute_url()}">Open the sign-off</a>' in seen
    assert "Waiting for “Refund it” (tsk_1) to end." in seen

    asker = page(ada, parent)
    assert f'href="{approval.get_absolute_url()}">Look at it</a>' in asker
    assert "Open the sign-off" not in asker


def test_each_task_below_is_a_live_region_of_its_own(parent: Task, approval: Approval, lena: User) -> None:
    child = approval.task
    seen = page(lena, parent)
    assert (
        f'id="below-{child.public_id}" data-live="task:{child.public_id}" data-at="{child.last_event}"'
        in seen
    )

    part = page(lena, parent, **{"HX-Request": "true", "HX-Target": f"below-{child.public_id}"})
    assert f'id="below-{child.public_id}"' in part
    assert "<html" not in part
    assert "What happened" not in part, "only what moved is answered"


def test_the_childs_page_and_its_approval_lead_back_to_the_task_a_person_asked_for(
    parent: Task, approval: Approval, lena: User
) -> None:
    child = approval.task
    assert child.parent is not None
    seen = page(lena, child)
    assert f'part of <a dir="auto" href="{child.parent.get_absolute_url()}">Look into it</a>' in seen
    assert (
        f'<dt>On behalf of</dt> <dd dir="auto"><a href="{parent.get_absolute_url()}">Charged twice</a>'
        in seen
    )
    card = page(lena, approval)
    assert (
        f'<strong>On behalf of:</strong> <a dir="auto" href="{parent.get_absolute_url()}">Charged twice</a>'
        in card
    )


def test_a_task_that_works_alone_shows_no_others(lena: User) -> None:
    assert "Tasks it started" not in page(lena, TaskFactory())


def test_more_tasks_below_cost_no_more_queries(parent: Task, approval: Approval, lena: User) -> None:
    client = as_(lena)
    with CaptureQueriesContext(connection) as few:
        client.get(parent.get_absolute_url())
    for _ in range(5):
        TaskFactory(parent=parent, ticket=parent.ticket)
    with CaptureQueriesContext(connection) as many:
        client.get(parent.get_absolute_url())
    assert len(many) == len(few)


def test_a_tickets_standing_is_that_of_the_task_a_person_asked_for(
    parent: Task, approval: Approval, lena: User
) -> None:
    assert parent.ticket is not None
    seen = as_(lena).get(parent.ticket.get_absolute_url()).content.decode()
    assert "Charged twice" in seen
    assert "Refund it" not in seen
    listed = as_(lena).get("/tickets/?status=waiting").content.decode()
    assert parent.ticket.public_id in listed


@pytest.mark.parametrize(("choice", "ends"), [("cancel", True), ("keep", False), (None, True)])
def test_cancelling_asks_about_the_tasks_below(
    parent: Task, approval: Approval, ada: User, choice: str | None, ends: bool
) -> None:
    client = as_(ada)
    address = f"{parent.get_absolute_url()}cancel/"
    form = client.get(address).content.decode()
    assert "It started tasks that have not ended" in form
    assert 'value="cancel" checked' in form
    assert "Look into it" in form
    assert "Refund it" in form

    answer = client.post(address, {"children": choice} if choice else {})

    assert answer.status_code == 302
    parent.refresh_from_db()
    assert parent.status == TaskStatus.CANCELLED
    below = set(parent.tree.values_list("status", flat=True))
    assert (below == {TaskStatus.CANCELLED}) == ends
    approval.refresh_from_db()
    assert approval.is_open != ends


def test_a_task_that_works_alone_is_cancelled_without_a_question(ada: User) -> None:
    task = TaskFactory()
    assert "It started tasks" not in as_(ada).get(f"{task.get_absolute_url()}cancel/").content.decode()


def test_a_wrong_choice_cancels_nothing(parent: Task, approval: Approval, ada: User) -> None:
    answer = as_(ada).post(f"{parent.get_absolute_url()}cancel/", {"children": "adopt"})
    assert answer.status_code == 422
    parent.refresh_from_db()
    assert parent.status == TaskStatus.WAITING


def test_turns_of_agents_that_were_asked_are_indented_and_named(lena: User) -> None:
    task = TaskFactory(status=TaskStatus.RUNNING)
    AgentVersionFactory(agent=AgentFactory(name="billing"))
    outer = TurnFactory(task=task, text="I ask billing.")
    ToolCallFactory(
        turn=outer, task=task, tool="consult_billing", call_id="ask", arguments={"question": "Twice?"}
    )
    inner = TurnFactory(task=task, path="ask", agent_name="billing", text="I ask audit.")
    ToolCallFactory(
        turn=inner,
        task=task,
        path="ask",
        tool="consult_audit",
        call_id="deep",
        arguments={"question": "Really?"},
    )
    deepest = TurnFactory(task=task, path="ask/deep", agent_name="audit", text="Yes, twice.")
    handed = TurnFactory(task=task, agent_name="billing", text="I take over.")

    seen = page(lena, task)

    assert f'<li id="turn-{outer.pk}" >' in seen
    assert f'<li id="turn-{inner.pk}" class="inside" data-depth="1">' in seen
    assert f'<li id="turn-{deepest.pk}" class="inside" data-depth="2">' in seen
    assert f'<li id="turn-{handed.pk}" >' in seen
    assert "billing, asked for help" in seen
    assert 'aria-hidden="true">billing</p>' in seen
    assert "Ask billing: Twice?" in seen


def test_programs_cancel_with_the_same_choice_and_see_who_started_whom(
    parent: Task, approval: Approval, ada: User
) -> None:
    client = as_(ada)
    child = parent.children.get()
    assert client.get(f"/api/v1/tasks/{parent.public_id}").json()["children"] == [child.public_id]
    assert client.get(f"/api/v1/tasks/{child.public_id}").json()["parent"] == parent.public_id
    address = f"/api/v1/tasks/{parent.public_id}/cancel"
    wrong = client.post(address, {"children": "adopt"}, content_type="application/json")
    assert wrong.status_code == 422

    kept = client.post(address, {"children": "keep"}, content_type="application/json")
    assert (kept.status_code, kept.json()["status"]) == (200, "cancelled")
    child.refresh_from_db()
    assert child.status == TaskStatus.RUNNING
    late = client.post(address, {"children": "cancel"}, content_type="application/json")
    assert late.status_code == 409
    child.refresh_from_db()
    assert child.status == TaskStatus.RUNNING, "what was let go on is not ended by a second try"
