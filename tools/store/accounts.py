"""What was captured, given back and is left on an order, charge by charge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count, Sum
from django.utils import timezone

from agentdesk.core import rows
from agentdesk.core.money import Money
from tasks.models import Customer
from tools.store.models import COUNTED, Charge, Order, Refund

DUPLICATE_WITHIN = timedelta(days=5)
REFUND_HISTORY = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Account:
    """The charges and refunds of one order, oldest first, and what each charge has left, in minor units."""

    order: Order
    charges: Sequence[Charge]
    refunds: Sequence[Refund]
    left: dict[int, int]
    """By the charge's primary key."""

    def charge(self, number: str) -> Charge | None:
        return next((charge for charge in self.charges if charge.number == number.strip().upper()), None)

    def money(self, minor: int) -> Money:
        return Money(minor, self.order.currency)


@dataclass(frozen=True, slots=True)
class Duplicate:
    first: Charge
    second: Charge
    """The later one: this is what goes back."""


@dataclass(frozen=True, slots=True)
class RefundTotal:
    """Refunds to one customer in one currency."""

    count: int
    money: Money


def account_of(order: Order) -> Account:
    """Two queries. A refund that names no charge used up the oldest charges first."""
    charges = rows.read(Charge, {"order_id": order.pk}, order_by=["captured_at", "id"])
    refunds = rows.read(Refund, {"order_id": order.pk, "state": COUNTED}, order_by=["refunded_at", "id"])
    of_key = {charge.pk: charge for charge in charges}
    for refund in refunds:
        if refund.charge_id is not None:
            refund.charge = of_key[refund.charge_id]
    left = {charge.pk: charge.amount_minor for charge in charges}
    for refund in refunds:
        if refund.charge_id is not None:
            left[refund.charge_id] -= refund.amount_minor
    for refund in refunds:
        if refund.charge_id is None:
            _spread(refund.amount_minor, left)
    return Account(order=order, charges=charges, refunds=refunds, left=left)


def _spread(amount_minor: int, left: dict[int, int]) -> None:
    for pk, available in left.items():
        taken = min(available, amount_minor)
        left[pk] -= taken
        amount_minor -= taken


def duplicate_in(account: Account) -> Duplicate | None:
    """The first pair of charges with the same amount and text within five days whose later one is still whole."""
    for index, second in enumerate(account.charges):
        if account.left[second.pk] != second.amount_minor:
            continue
        for first in account.charges[:index]:
            alike = first.amount_minor == second.amount_minor and first.description == second.description
            if alike and second.captured_at - first.captured_at <= DUPLICATE_WITHIN:
                return Duplicate(first=first, second=second)
    return None


def recent_refunds(customer: Customer) -> list[RefundTotal]:
    """Refunds of the last 90 days, one total a currency, the most frequent currency first."""
    rows = (
        Refund.objects.counted()
        .filter(order__customer=customer, refunded_at__gte=timezone.now() - REFUND_HISTORY)
        .values("order__currency")
        .annotate(count=Count("id"), total=Sum("amount_minor"))
        .order_by("-count", "order__currency")
    )
    return [RefundTotal(row["count"], Money(row["total"], row["order__currency"])) for row in rows]
