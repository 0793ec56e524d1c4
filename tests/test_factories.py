"""The factories keep the database's constraints for every status there is."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import connection

from approvals.models import ApprovalKind, ApprovalStatus
from tasks.models import TaskStatus
from tests import factories
from tools.models import CallStatus

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("status", TaskStatus.values)
def test_a_task_can_be_made_in_every_status(status):
    assert factories.TaskFactory(status=status).status == status


@pytest.mark.parametrize("status", CallStatus.values)
def test_a_tool_call_can_be_made_in_every_status(status):
    assert factories.ToolCallFactory(status=status).status == status


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (kind, status)
        for kind in ApprovalKind.values
        for status in ApprovalStatus.values
        # whether something happened is found out, however long it takes
        if kind != ApprovalKind.RECONCILIATION or status in {ApprovalStatus.OPEN, ApprovalStatus.ANSWERED}
    ],
)
def test_an_approval_can_be_made_in_every_status(status, kind):
    assert factories.ApprovalFactory(status=status, kind=kind).task.customer is not None


def test_a_task_of_a_ticket_shares_its_customer():
    task = factories.TaskFactory(of_ticket=True)
    assert task.customer == task.ticket.customer


def test_an_order_adds_up():
    order = factories.order_with(charges=[2900, 1100], refunds=[500])
    assert (order.captured_minor, order.refunded_minor) == (4000, 500)
    assert sum(charge.amount_minor for charge in order.charges.all()) == 4000


@pytest.mark.parametrize(
    "make",
    [
        factories.ToDoFactory,
        factories.RunbookFactory,
        factories.DocumentFactory,
        factories.OutgoingMessageFactory,
        factories.DecisionFactory,
    ],
)
def test_the_other_rows_stand_alone_and_beside_a_second_one(make):
    assert make().pk
    assert make().pk


def test_people_have_their_role_and_can_log_in(client, lena):
    assert [group.name for group in lena.groups.all()] == ["lead"]
    assert User.objects.get(username="lena").has_perm("approvals.decide_approval")
    assert client.login(username="lena", password=factories.PASSWORD)


def test_the_tests_never_touch_the_desks_own_database():
    assert "test" in str(connection.settings_dict["NAME"])
