"""Whom and which order a tool call means. A task about one customer sees nobody else's data."""

from __future__ import annotations

from django.db import connection

from agentdesk.core import rows
from agentdesk.core.errors import ToolError
from tasks.models import Customer, Task
from tools.store.models import Order


def customer_of(task: Task, text: str) -> Customer:
    """The customer named by number, e-mail or full name.

    Raises ToolError when it is not the task's customer, in the same words whether or not somebody else of that
    name exists; for a task without a customer, when nobody or several people match.
    """
    if task.customer is not None:
        if not task.customer.is_named(text):
            raise ToolError(
                f"This task is for customer {task.customer.number}; data of anybody else is closed to it. "
                f"Ask for {task.customer.number}."
            )
        return task.customer
    found = list(Customer.objects.named(text)[:2])
    if not found:
        raise ToolError(
            f"No customer is called {text!r}. Use the customer number, e-mail address or full name."
        )
    if len(found) > 1:
        raise ToolError(
            f"Several customers are called {text!r}. Use the customer number or the e-mail address."
        )
    return found[0]


def order_of(task: Task, number: str, *, lock: bool = False) -> Order:
    """The order with its customer; `lock` holds its row until the transaction ends, where there is one.

    Raises ToolError when there is none, or when it is not one of the task's customer, in the same words for both.
    """
    found = rows.read(Order, {"number": number.strip().upper()}, lock=lock and connection.in_atomic_block)
    order = found[0] if found else None
    if order is not None and task.customer is not None and order.customer_id == task.customer.pk:
        order.customer = task.customer  # read with the task
    if task.customer is not None and (order is None or order.customer_id != task.customer_id):
        raise ToolError(
            f"{task.customer.number}, the customer of this task, has no order {number!r}. "
            "Call get_recent_orders to see theirs."
        )
    if order is None:
        raise ToolError(f"There is no order {number!r}. Order numbers look like A-1042.")
    return order
