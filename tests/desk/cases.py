"""Cases for the pages: an agent that wants a refund signed, and one that asks a question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from approvals import ask
from approvals.models import Approval
from tasks.models import Task, TaskStatus
from tests.factories import (
    CustomerFactory,
    TaskFactory,
    TicketFactory,
    ToolCallFactory,
    TurnFactory,
    order_with,
    policy_in_force,
)
from tools.arguments import validated
from tools.registry import all_tools
from tools.spec import Context

CUSTOMER_SAYS = "There are two identical charges on my card."
AGENT_SAYS = "I am sure the charge was taken twice."


def wanted_refund(
    *, charges: Sequence[int] = (2900, 2900), by: User | None = None, **changes: Any
) -> Approval:
    """The open approval of a refund of the first of `charges`; `by` asked for the task."""
    policy_in_force()
    customer = CustomerFactory(name="Mara Lindqvist")
    order = order_with(customer=customer, charges=charges)
    arguments = {
        "order": order.number,
        "charge": "",
        "amount_minor": charges[0],
        "currency": "USD",
        "reason": AGENT_SAYS,
        **changes,
    }
    return _asked(_waiting_task(customer, by), "issue_refund", arguments)


def asked_question(question: str = "Which of the two orders is meant?") -> Approval:
    return _asked(
        _waiting_task(CustomerFactory(), None, waiting_for="question"), "ask_person", {"question": question}
    )


def form_of(approval: Approval, verdict: str, reason: str = "") -> dict[str, str]:
    """What the card's form posts."""
    return {"verdict": verdict, "reason": reason, "seen": approval.seen_hash}


def _waiting_task(customer: Any, by: User | None, waiting_for: str = "approval") -> Task:
    ticket = TicketFactory(customer=customer, body=CUSTOMER_SAYS)
    task: Task = TaskFactory(
        ticket=ticket,
        customer=customer,
        title=ticket.subject,
        status=TaskStatus.WAITING,
        waiting_for=waiting_for,
        requested_by=by,
    )
    return task


def _asked(task: Task, tool: str, arguments: dict[str, Any]) -> Approval:
    parsed = validated(all_tools()[tool], arguments)
    call = ToolCallFactory(
        turn=TurnFactory(task=task, text="Let me refund it.", reasoning="Two equal charges."),
        tool=tool,
        arguments=parsed.data,
        arguments_hash=parsed.hash,
    )
    with transaction.atomic():
        approval = ask.open_for(Context(task=call.task, call=call))
    assert approval is not None
    return approval
