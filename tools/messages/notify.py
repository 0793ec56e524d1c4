"""notify_user: write to the customer of the task. The mail leaves after the commit."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from agentdesk.core import rows
from agentdesk.core.errors import ToolError
from tasks import queue
from tools.messages.models import OutgoingMessage
from tools.spec import Arguments, Context


class NotifyUser(Arguments):
    customer: Annotated[
        str,
        Field(
            min_length=1, max_length=254, description="Number, e-mail address or name of the task's customer"
        ),
    ]
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    body: Annotated[
        str,
        Field(
            min_length=1, max_length=10_000, description="Plain text, friendly, with what was done and when"
        ),
    ]


def notify_user(context: Context, arguments: NotifyUser) -> dict[str, Any]:
    customer = context.task.customer
    if customer is None:
        raise ToolError(
            "This task has no customer, so there is nobody to write to. Put the text into your final answer."
        )
    if not customer.is_named(arguments.customer):
        raise ToolError(f"This task may write to its own customer only. Write to {customer.number}.")
    subject = " ".join(arguments.subject.split())
    if not subject or not arguments.body.strip():
        raise ToolError("The subject or the body is empty. Write both.")
    message = OutgoingMessage(
        task=context.task,
        tool_call=context.call,
        customer=customer,
        to=customer.email,
        subject=subject,
        body=arguments.body,
    )
    rows.insert(OutgoingMessage, [vars(message)], computed={"written_at": rows.now()})
    queue.wake()  # a worker sends it after the commit
    return {"sent_to": customer.email}
