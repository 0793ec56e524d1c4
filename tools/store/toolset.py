"""The store's tools: look up customers and orders, cancel, and give money back."""

from __future__ import annotations

from typing import Any

from agentdesk.core.money import format_money
from agentdesk.core.text import shortened
from tools.models import Effect
from tools.spec import Sensitive, ToolSpec
from tools.store.cancelling import CancelOrder, cancel_order
from tools.store.giving_back import GivingBack
from tools.store.payments.provider import OutsideProvider, chosen
from tools.store.reading import (
    GetOrderDetails,
    GetRecentOrders,
    GetUserData,
    get_order_details,
    get_recent_orders,
    get_user_data,
)
from tools.store.refunds import (
    IssueRefund,
    RefundDuplicateCharge,
    intend_duplicate_refund,
    intend_refund,
)
from tools.store.sign_off import card, facts, subject, title

PROVIDER = chosen()
MOVES_MONEY = Effect.KEYED if isinstance(PROVIDER, OutsideProvider) else Effect.LOCAL

REFUND = GivingBack(PROVIDER, intend_refund)
DUPLICATE = GivingBack(PROVIDER, intend_duplicate_refund)


def _signed(tool: GivingBack) -> Sensitive[Any]:
    return Sensitive(
        amount=lambda context, arguments: tool.intent(context, arguments).amount,
        subject=lambda context, arguments: subject(tool.intent(context, arguments)),
        check=tool.check,
        facts=lambda context, arguments: facts(tool.intent(context, arguments)),
        title=lambda context, arguments: title(tool.intent(context, arguments)),
        card=lambda context, arguments: card(tool.intent(context, arguments), context.task),
        customer=lambda context, arguments: tool.intent(context, arguments).order.customer,
    )


TOOLS: list[ToolSpec[Any]] = [
    ToolSpec(
        name="get_user_data",
        description="Who the customer is: number, tier, since when, staff notes, number of orders, refunds of the last 90 days.",
        arguments=GetUserData,
        effect=Effect.READ,
        handler=get_user_data,
        label=lambda data: f"Look up {shortened(data['customer'], 60)}",
    ),
    ToolSpec(
        name="get_recent_orders",
        description="The customer's latest orders, newest first, with status, total and what was in them.",
        arguments=GetRecentOrders,
        effect=Effect.READ,
        handler=get_recent_orders,
        label=lambda data: f"List the latest {data['limit']} orders of {shortened(data['customer'], 60)}",
    ),
    ToolSpec(
        name="get_order_details",
        description="Everything about one order: lines, delivery dates, each charge and refund, and what is left to refund.",
        arguments=GetOrderDetails,
        effect=Effect.READ,
        handler=get_order_details,
        label=lambda data: f"Read order {data['order']}",
    ),
    ToolSpec(
        name="issue_refund",
        description=(
            "Give money back on one order: on a named charge, or on the whole order. A person may have to sign it first. "
            "Read the order and the runbook before; amounts are in minor units of the order's currency."
        ),
        arguments=IssueRefund,
        effect=MOVES_MONEY,
        handler=REFUND.here,
        outside=REFUND.outside(),
        label=lambda data: (
            f"Refund {format_money(data['amount_minor'], data['currency'])} on {data['order']}"
        ),
        sensitive=_signed(REFUND),
    ),
    ToolSpec(
        name="refund_duplicate_charge",
        description=(
            "Find the charge that was taken twice on an order (same amount and description within five days) and give "
            "exactly the later one back, in one step. A person may have to sign it first."
        ),
        arguments=RefundDuplicateCharge,
        effect=MOVES_MONEY,
        handler=DUPLICATE.here,
        outside=DUPLICATE.outside(),
        label=lambda data: f"Refund the duplicate charge on {data['order']}",
        sensitive=_signed(DUPLICATE),
    ),
    ToolSpec(
        name="cancel_order",
        description="Cancel an order that has not shipped. It gives no money back: issue the refund afterwards.",
        arguments=CancelOrder,
        effect=Effect.LOCAL,
        handler=cancel_order,
        label=lambda data: f"Cancel order {data['order']}",
    ),
]
