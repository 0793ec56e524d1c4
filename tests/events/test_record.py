"""Facts that are gathered over a step are told at its end, whatever happened on the way."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from agentdesk.core.canonical import digest
from agentdesk.events.models import Event, Kind
from agentdesk.events.record import Fact, gathered, move, record
from approvals.decide import decide
from approvals.gate import Answer, ask_gate
from approvals.models import Approval
from tasks.models import TaskStatus
from tests.factories import TaskFactory, ToolCallFactory, order_with, policy_in_force
from tools.models import CallStatus

pytestmark = pytest.mark.django_db


def test_a_move_that_finds_another_state_leaves_what_was_gathered_before() -> None:
    task = TaskFactory(status=TaskStatus.RUNNING)
    with transaction.atomic(), gathered(task):
        record(task, Fact(Kind.APPROVAL_APPROVED, {"approval": "apr"}))
        assert not move(task, Fact(Kind.TASK_QUEUED), where={"status": TaskStatus.WAITING})
    assert list(Event.objects.filter(task=task).values_list("number", "kind")) == [
        (1, Kind.APPROVAL_APPROVED)
    ]


def test_a_signature_given_before_the_worker_has_let_go_is_told(lena: User) -> None:
    """The question is open as soon as the gate has asked it, and the task waits for it a moment later."""
    policy_in_force()
    order = order_with(charges=(2900, 2900))
    task = TaskFactory(status=TaskStatus.RUNNING, customer=order.customer)
    arguments = {
        "order": order.number,
        "charge": "",
        "amount_minor": 2900,
        "currency": "USD",
        "reason": "Charged twice.",
    }
    call = ToolCallFactory(given_task=task, arguments=arguments, arguments_hash=digest(arguments))
    assert ask_gate(task, call) == Answer.ASK

    approval = Approval.objects.open().get(task=task)
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

    call.refresh_from_db()
    task.refresh_from_db()
    assert (call.status, task.status) == (CallStatus.ALLOWED, TaskStatus.RUNNING)
    kinds = list(Event.objects.filter(task=task).order_by("number").values_list("kind", flat=True))
    assert kinds == [Kind.APPROVAL_OPENED, Kind.APPROVAL_APPROVED]
