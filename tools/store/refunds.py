"""issue_refund and refund_duplicate_charge: what would go back, and whether it can."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from agentdesk.core.errors import ToolError
from agentdesk.core.money import Money
from tools.spec import Arguments, Context
from tools.store.accounts import DUPLICATE_WITHIN, Account, Duplicate, account_of, duplicate_in
from tools.store.lookup import order_of
from tools.store.models import Charge, Order
from tools.store.reading import OrderNumber

MAX_AMOUNT_MINOR = 10**9

Reason = Annotated[
    str, Field(min_length=1, max_length=500, description="Why, in one or two sentences; staff read it")
]


class IssueRefund(Arguments):
    order: OrderNumber
    charge: Annotated[
        str,
        Field(
            max_length=20, description="For example CH-2042; empty for the whole order, oldest charge first"
        ),
    ]
    amount_minor: Annotated[
        int, Field(ge=1, le=MAX_AMOUNT_MINOR, description="In minor units: 2900 for $29.00")
    ]
    currency: Literal["USD", "EUR", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CAD", "AUD", "JPY"]
    reason: Reason


class RefundDuplicateCharge(Arguments):
    order: OrderNumber
    reason: Reason


@dataclass(frozen=True, slots=True)
class Intent:
    """One possible refund: how much of what, worked out from the database."""

    account: Account
    amount: Money
    charge: Charge | None
    """None: spread over the order's charges, oldest first."""
    duplicate: Duplicate | None = None

    @property
    def order(self) -> Order:
        return self.account.order


def intend_refund(context: Context, arguments: IssueRefund) -> Intent:
    """What would go back, worked out once for a context. Raises ToolError, in words the model can act on, when it is impossible."""
    if "refund" not in context.found:
        context.found["refund"] = _refund(context, arguments)
    intent: Intent = context.found["refund"]
    return intent


def _refund(context: Context, arguments: IssueRefund) -> Intent:
    account = account_of(order_of(context.task, arguments.order, lock=True))
    order = account.order
    if arguments.currency != order.currency:
        raise ToolError(
            f"Order {order.number} is in {order.currency}, not {arguments.currency}. Ask for {order.currency}."
        )
    _something_is_left(account)
    amount = Money(arguments.amount_minor, arguments.currency)
    if not arguments.charge.strip():
        if amount.minor > order.refundable_minor:
            raise ToolError(
                f"{amount} is more than the {account.money(order.refundable_minor)} that order {order.number} has left to "
                f"refund ({account.money(order.captured_minor)} captured, "
                f"{account.money(order.refunded_minor)} refunded already)."
            )
        oldest = next(charge for charge in account.charges if account.left[charge.pk])
        return Intent(account, amount, charge=oldest if account.left[oldest.pk] >= amount.minor else None)
    charge = account.charge(arguments.charge)
    if charge is None:
        has = ", ".join(charge.number for charge in account.charges)
        raise ToolError(f"Order {order.number} has no charge {arguments.charge!r}. Its charges: {has}.")
    if amount.minor > account.left[charge.pk]:
        raise ToolError(
            f"{amount} is more than the {account.money(account.left[charge.pk])} that charge {charge.number} has left to "
            f"refund; it was {account.money(charge.amount_minor)}."
        )
    return Intent(account, amount, charge)


def intend_duplicate_refund(context: Context, arguments: RefundDuplicateCharge) -> Intent:
    """The same for a duplicate charge. Raises ToolError when the order has none that is still whole."""
    if "duplicate" not in context.found:
        context.found["duplicate"] = _duplicate_refund(context, arguments)
    intent: Intent = context.found["duplicate"]
    return intent


def _duplicate_refund(context: Context, arguments: RefundDuplicateCharge) -> Intent:
    account = account_of(order_of(context.task, arguments.order, lock=True))
    _something_is_left(account)
    duplicate = duplicate_in(account)
    if duplicate is None:
        raise ToolError(
            f"Order {account.order.number} has no duplicate charge to refund: no two charges with the same amount and "
            f"description within {DUPLICATE_WITHIN.days} days of which the later one is not refunded yet. "
            "Call get_order_details to look at its charges."
        )
    charge = duplicate.second
    return Intent(account, account.money(charge.amount_minor), charge, duplicate)


def _something_is_left(account: Account) -> None:
    order = account.order
    if not order.captured_minor:
        raise ToolError(f"Nothing was ever captured for order {order.number}, so there is nothing to refund.")
    if not order.refundable_minor:
        raise ToolError(
            f"Order {order.number} is refunded in full already ({account.money(order.refunded_minor)}); nothing is left."
        )
