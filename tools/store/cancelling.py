"""cancel_order: only while it has not left."""

from __future__ import annotations

from typing import Any

from django.db.models.functions import Now

from agentdesk.core.errors import ToolError
from tools.spec import Arguments, Context
from tools.store.lookup import order_of
from tools.store.models import Order, OrderStatus
from tools.store.reading import OrderNumber
from tools.store.refunds import Reason


class CancelOrder(Arguments):
    order: OrderNumber
    reason: Reason


def cancel_order(context: Context, arguments: CancelOrder) -> dict[str, Any]:
    order = order_of(context.task, arguments.order)
    placed = Order.objects.filter(pk=order.pk, status=OrderStatus.PLACED)
    if not placed.update(status=OrderStatus.CANCELLED, cancelled_at=Now()):
        order.refresh_from_db(fields=["status"])
        raise ToolError(
            f"Order {order.number} is {order.get_status_display().lower()}; only an order that is placed and has not "
            "shipped can be cancelled."
        )
    return {"order": order.number, "status": OrderStatus.CANCELLED.value}
