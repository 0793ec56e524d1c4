"""What a person sees before a refund is signed: facts from the database, not one word a model wrote."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.utils import timezone

from agentdesk.core.text import visible
from tasks.models import Customer, Task
from tools.spec import Card, Row, Table
from tools.store.accounts import Account, recent_refunds
from tools.store.models import Order, OrderStatus, RefundState
from tools.store.refunds import Intent

MANY_REFUNDS = 3
NEW_CUSTOMER_DAYS = 30
UNDO = (
    "The money leaves with this refund and cannot be called back here. "
    "To reverse it, the customer has to agree to a new charge."
)


def subject(intent: Intent) -> str:
    return f"order:{intent.order.number}"


def facts(intent: Intent) -> dict[str, Any]:
    """The state that a signature rests on; any change of it asks the people again.

    Read under the order's lock where a transaction is open, so that it still holds when the effect follows in it.
    """
    order, account = intent.order, intent.account
    return {
        "order": order.number,
        "customer": order.customer.number,
        "status": order.status,
        "currency": order.currency,
        "captured_minor": order.captured_minor,
        "refunded_minor": order.refunded_minor,
        "charges": [[charge.number, charge.amount_minor] for charge in account.charges],
        "refunds": [[refund.number, refund.amount_minor] for refund in account.refunds],
        "goes_back": {
            "charge": intent.charge.number if intent.charge else None,
            "amount_minor": intent.amount.minor,
        },
    }


def title(intent: Intent) -> str:
    return f"Refund {intent.amount} to {visible(intent.order.customer.name)} for {intent.order.number}"


def card(intent: Intent, task: Task) -> Card:
    return Card(
        headline=title(intent),
        rows=tuple(_rows(intent, task)),
        tables=tuple(_tables(intent.account)),
        undo=UNDO,
    )


def _rows(intent: Intent, task: Task) -> Iterator[Row]:
    order, account = intent.order, intent.account
    kind = "subscription" if order.subscription else "order"
    yield Row(
        "Order",
        f"{order.number}, {kind}, {order.get_status_display().lower()}, placed {_day(order.placed_at)}",
    )
    yield Row(
        "Share of the order",
        f"{_percent(intent.amount.minor, order.captured_minor)} of {account.money(order.captured_minor)}",
    )
    yield Row("From", _source(intent))
    yield _customer(order.customer)
    if task.customer_id is None:
        yield Row("Customer of the task", "None named: make sure that this is the right order", warn=True)
    yield Row("Captured", str(account.money(order.captured_minor)))
    yield Row("Refunded so far", str(account.money(order.refunded_minor)), warn=order.refunded_minor > 0)
    yield Row("Would remain", str(account.money(order.refundable_minor - intent.amount.minor)))
    yield _history(order.customer)
    yield from _delivery(order)


def _source(intent: Intent) -> str:
    if intent.duplicate is not None:
        first, second = intent.duplicate.first, intent.duplicate.second
        return (
            f"{second.number} of {_day(second.captured_at)}, which repeats {first.number} of {_day(first.captured_at)}: "
            "same amount, same text"
        )
    if intent.charge is None:
        return "Several charges of the order, oldest first"
    return f"{intent.charge.number}, {intent.account.money(intent.charge.amount_minor)} of {_day(intent.charge.captured_at)}"


def _customer(customer: Customer) -> Row:
    new = (timezone.localdate() - customer.since).days < NEW_CUSTOMER_DAYS
    since = f"since {_day(customer.since)}{', new' if new else ''}"
    return Row(
        "Customer", f"{visible(customer.name)} ({customer.number}), {customer.tier}, {since}", warn=new
    )


def _history(customer: Customer) -> Row:
    totals = recent_refunds(customer)
    count = sum(total.count for total in totals)
    if not count:
        return Row("Refunds in 90 days", "None")
    sums = " and ".join(str(total.money) for total in totals)
    return Row("Refunds in 90 days", f"{count}, {sums} together", warn=count >= MANY_REFUNDS)


def _delivery(order: Order) -> Iterator[Row]:
    if order.promised_by is None:
        return
    promised = f"Promised by {_day(order.promised_by)}"
    if order.delivered_at is None:
        late = (timezone.localdate() - order.promised_by).days if order.status != OrderStatus.CANCELLED else 0
        yield Row("Delivery", f"{promised}; not delivered{_late(late)}", warn=late > 0)
        return
    late = (timezone.localdate(order.delivered_at) - order.promised_by).days
    yield Row("Delivery", f"{promised}; delivered {_day(order.delivered_at)}{_late(late)}", warn=late > 0)


def _late(days: int) -> str:
    if days <= 0:
        return ""
    return f", {days} day{'s' if days != 1 else ''} late"


def _tables(account: Account) -> Iterator[Table]:
    order = account.order
    yield Table(
        "Lines",
        ("Item", "SKU", "Quantity", "Price", "Sum"),
        tuple(
            (
                line.title,
                line.sku,
                str(line.quantity),
                str(account.money(line.unit_price_minor)),
                str(account.money(line.quantity * line.unit_price_minor)),
            )
            for line in order.lines.all()
        ),
    )
    yield Table(
        "Charges",
        ("Charge", "Captured", "Statement text", "Amount", "Left to refund"),
        tuple(
            (
                charge.number,
                _day(charge.captured_at),
                charge.description,
                str(account.money(charge.amount_minor)),
                str(account.money(account.left[charge.pk])),
            )
            for charge in account.charges
        ),
    )
    if account.refunds:
        yield Table(
            "Refunds so far",
            ("Refund", "Made", "From charge", "Amount"),
            tuple(
                (
                    refund.number,
                    _day(refund.refunded_at) if refund.state == RefundState.DONE else "under way",
                    refund.charge.number if refund.charge else "whole order",
                    str(account.money(refund.amount_minor)),
                )
                for refund in account.refunds
            ),
        )


def _percent(part: int, whole: int) -> str:
    """Whole percents, rounded down, so that only everything reads as 100 %."""
    share = part * 100 // whole
    return f"{share} %" if share else "less than 1 %"


def _day(moment: date | datetime) -> str:
    day = timezone.localtime(moment) if isinstance(moment, datetime) else moment
    return f"{day.day} {day:%b %Y}"
