"""get_user_data, get_recent_orders, get_order_details: what an agent may know about a customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from django.db.models import Count
from pydantic import Field

from agentdesk.core import rows
from agentdesk.core.text import shortened
from tasks.models import LIVE, Task
from tools.spec import Arguments, Context
from tools.store.accounts import account_of, recent_refunds
from tools.store.lookup import customer_of, order_of
from tools.store.models import Order, OrderLine, RefundState

MAX_ITEMS_TEXT = 300

CustomerText = Annotated[
    str, Field(min_length=1, max_length=254, description="Customer number, e-mail address or full name")
]
OrderNumber = Annotated[str, Field(min_length=1, max_length=20, description="For example A-1042")]


class GetUserData(Arguments):
    customer: CustomerText


class GetRecentOrders(Arguments):
    customer: CustomerText
    limit: Annotated[int, Field(ge=1, le=20, description="How many, newest first")]


class GetOrderDetails(Arguments):
    order: OrderNumber


def get_user_data(context: Context, arguments: GetUserData) -> dict[str, Any]:
    customer = customer_of(context.task, arguments.customer)
    newest = rows.read(Order, {"customer_id": customer.pk}, order_by=["-placed_at"], limit=1)
    refunds = recent_refunds(customer)
    data: dict[str, Any] = {
        "customer": customer.number,
        "name": customer.name,
        "email": customer.email,
        "tier": customer.tier,
        "since": customer.since.isoformat(),
        "notes": customer.notes,
        "orders": customer.orders.count(),
        "open_tickets": Task.objects.filter(ticket__customer=customer, status__in=LIVE).aggregate(
            count=Count("ticket", distinct=True)
        )["count"],
        "refunds_90_days": {
            "count": 0,
            "total_minor": 0,
            "currency": newest[0].currency if newest else "USD",
        },
    }
    totals = [
        {"count": total.count, "total_minor": total.money.minor, "currency": total.money.currency}
        for total in refunds
    ]
    if totals:
        data["refunds_90_days"] = totals[0]
    if totals[1:]:
        data["refunds_90_days_in_other_currencies"] = totals[1:]
    return data


def get_recent_orders(context: Context, arguments: GetRecentOrders) -> dict[str, Any]:
    customer = customer_of(context.task, arguments.customer)
    orders = rows.read(
        Order, {"customer_id": customer.pk}, order_by=["-placed_at", "-id"], limit=arguments.limit
    )
    lines = _lines_of(orders)
    return {
        "orders": [
            {
                "order": order.number,
                "placed_at": order.placed_at.isoformat(),
                "status": order.status,
                "subscription": order.subscription,
                "total_minor": order.captured_minor,
                "refunded_minor": order.refunded_minor,
                "currency": order.currency,
                "items": shortened(", ".join(str(line) for line in lines[order.pk]), MAX_ITEMS_TEXT),
            }
            for order in orders
        ]
    }


def get_order_details(context: Context, arguments: GetOrderDetails) -> dict[str, Any]:
    order = order_of(context.task, arguments.order)
    account = account_of(order)
    return {
        "order": order.number,
        "customer": order.customer.number,
        "status": order.status,
        "subscription": order.subscription,
        "currency": order.currency,
        "placed_at": order.placed_at.isoformat(),
        "promised_by": _iso(order.promised_by),
        "shipped_at": _iso(order.shipped_at),
        "delivered_at": _iso(order.delivered_at),
        "lines": [
            {
                "sku": line.sku,
                "title": line.title,
                "quantity": line.quantity,
                "unit_price_minor": line.unit_price_minor,
            }
            for line in _lines_of([order])[order.pk]
        ],
        "charges": [
            {
                "charge": charge.number,
                "amount_minor": charge.amount_minor,
                "captured_at": charge.captured_at.isoformat(),
                "description": charge.description,
            }
            for charge in account.charges
        ],
        "refunds": [
            {
                "refund": refund.number,
                "charge": refund.charge.number if refund.charge else None,
                "amount_minor": refund.amount_minor,
                "refunded_at": refund.refunded_at.isoformat(),
                **({"state": "under way"} if refund.state == RefundState.PENDING else {}),
                "reason": refund.reason,
            }
            for refund in account.refunds
        ],
        "captured_minor": order.captured_minor,
        "refunded_minor": order.refunded_minor,
        "refundable_minor": order.refundable_minor,
    }


def _lines_of(orders: Sequence[Order]) -> dict[int, list[OrderLine]]:
    """By the order's key."""
    lines: dict[int, list[OrderLine]] = {order.pk: [] for order in orders}
    if orders:
        for line in rows.read(OrderLine, {"order_id": list(lines)}, order_by=["order_id", "id"]):
            lines[line.order_id].append(line)
    return lines


def _iso(moment: date | datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
