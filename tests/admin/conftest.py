"""A desk with one row of everything, and people with clients of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from agentdesk.brakes.models import Brake, Depth
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from approvals.models import Approval, CapVersion, Exemption
from tasks.models import Task
from tests.factories import (
    ApprovalFactory,
    DecisionFactory,
    DocumentFactory,
    OutgoingMessageFactory,
    RefundFactory,
    RunbookFactory,
    TaskFactory,
    TicketFactory,
    ToDoFactory,
    ToolCallFactory,
    TurnFactory,
    UserFactory,
    order_with,
    what_migrations_made,
)
from tools.models import ToolCall

Enter = Callable[[User], Client]
TRICK = "<script>alert(1)</script> gpj.\u202eexe"


@pytest.fixture
def root(db: None) -> User:
    """A superuser; in no group, so nothing is theirs by role."""
    return UserFactory(username="root", is_staff=True, is_superuser=True)


@pytest.fixture
def enter() -> Enter:
    """A client in which somebody is signed in."""

    def enter_as(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return enter_as


def whole_story(signer: User) -> Task:
    """A done task: planned, looked up, asked, signed by `signer`, refunded, written down, told to the customer."""
    task = TaskFactory(of_ticket=True, ticket=TicketFactory(body=TRICK), status="done")
    ToDoFactory(task=task, text="Find the two charges", state="done")
    looked = ToolCallFactory(
        given_task=task,
        tool="get_user_data",
        arguments={"customer": task.customer.number},
        status="done",
        result={"name": TRICK},
        output='{"name": "told to the model"}',
    )
    asked = ToolCallFactory(given_task=task, status="done", effect="local")
    approval = ApprovalFactory(tool_call=asked, status="approved", title="Refund $29.00 on A-7001")
    DecisionFactory(approval=approval, decided_by=signer, reason="Clause 1 says so.")
    order = order_with(charges=[2900, 2900], customer=task.customer)
    RefundFactory(order=order, amount_minor=2900, tool_call=asked)
    turn = TurnFactory(task=task, text="I write it down.", reasoning="The refund is through.")
    DocumentFactory(
        tool_call=ToolCallFactory(
            turn=turn, tool="write_document", arguments={"title": "Note", "body": "Done."}, status="done"
        )
    )
    told = {"customer": task.customer.number, "subject": "Your refund", "body": "It is on its way."}
    OutgoingMessageFactory(
        tool_call=ToolCallFactory(turn=turn, tool="notify_user", arguments=told, status="done")
    )
    let_over_a_cap(asked, signer)
    Brake.objects.create(
        depth=Depth.EFFECTS,
        tool="issue_refund",
        reason=TRICK,
        pulled_by=signer,
        pulled_at=asked.finished_at,
        released_by=signer,
        released_at=asked.finished_at,
        released_because=TRICK,
    )
    with transaction.atomic():
        record(
            task,
            Fact(Kind.TASK_QUEUED),
            Fact(Kind.CALL_DONE, {"call": looked.key, "tool": "get_user_data"}),
            Fact(Kind.APPROVAL_OPENED, {"approval": approval.public_id}),
            Fact(Kind.APPROVAL_APPROVED, {"approval": approval.public_id}, signer),
            Fact(Kind.TASK_DONE),
        )
    return task


def let_over_a_cap(call: ToolCall, by: User) -> Exemption:
    what_migrations_made()
    version = CapVersion.objects.select_related("cap").earliest("pk")
    given = {"cap": version.cap, "cap_version": version, "tool_call": call, "by": by}
    return Exemption.objects.create(
        **given, amount_minor=2900, currency="USD", reason=TRICK, at=call.finished_at
    )


@pytest.fixture
def story(lena: User) -> Task:
    RunbookFactory()
    return whole_story(lena)


@pytest.fixture
def refund_asked(ada: User) -> Approval:
    """An open sign-off of 29.00 on a real order, for a task that ada asked for."""
    order = order_with(charges=[2900, 2900])
    task = TaskFactory(status="waiting", customer=order.customer, requested_by=ada)
    call: ToolCall = ToolCallFactory(
        given_task=task,
        status="asking",
        arguments={
            "order": order.number,
            "charge": "",
            "amount_minor": 2900,
            "currency": "USD",
            "reason": "Twice.",
        },
    )
    return ApprovalFactory(tool_call=call, title=f"Refund $29.00 to {order.customer.name} for {order.number}")


@pytest.fixture
def question_asked(db: None) -> Approval:
    task = TaskFactory(status="waiting", waiting_for="question")
    call = ToolCallFactory(
        given_task=task, tool="ask_person", arguments={"question": "Voucher or money?"}, status="asking"
    )
    return ApprovalFactory(
        kind="question",
        tool_call=call,
        title="Voucher or money?",
        facts={"question": "Voucher or money?"},
        subject="",
        band={},
        rule="",
    )
