"""Cancellation: while an order has not been shipped it is cancelled and everything captured comes back."""

from __future__ import annotations

from agentdesk.runtime.offline.answer import Wish
from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely, settle
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.shop import Order, in_words
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind

CATEGORY = "cancellation"


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Find the order {facts.who} wants to cancel",
        "See whether it has been shipped, and read the rule",
        "Cancel it and give the money back, if that is still possible",
        "Write down what was cancelled",
        f"Confirm to {facts.who}",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts, status="placed")


def decide(facts: Facts) -> Verdict:
    order = settle(facts, fits=lambda order: order.status == "placed", what="shall be cancelled")
    if isinstance(order, Verdict):
        return order
    match order.status:
        case "placed":
            return cancelling(facts, order)
        case "cancelled":
            return cancelled_before(order)
        case _:
            return _too_late(facts, order)


def cancelling(facts: Facts, order: Order) -> Verdict:
    left = order.refundable_minor
    money = order.money(left)
    clause = facts.runbooks.get(CATEGORY, NONE).about("cancel", "ship|sent|dispatch|before|placed")
    cancel = Wish(
        "cancel_order",
        {"order": order.number, "reason": f"{facts.who} asked to cancel before it was shipped."},
    )
    back = (
        (refund(order, left, f"{order.number} cancelled before shipping; everything captured goes back."),)
        if left > 0
        else ()
    )
    return Verdict(
        finding=f"{order.number} had not been shipped, so it is cancelled"
        + (f" and {money} comes back." if back else "; nothing was paid for it yet."),
        evidence=(f"Contents: {order.contents}", f"Captured and not refunded: {money}"),
        clause=clause,
        subject=f"Your order {order.number} is cancelled",
        message=(
            f"Your order {order.number} ({order.contents}) is cancelled and will not be sent. "
            + (
                f"We have refunded {REFUNDED}; it usually arrives within 5 to 10 working days."
                if back
                else "You had not been charged, so there is nothing to give back."
            )
        ),
        matter=f"your order {order.number}",
        actions=(cancel, *back),
        order=order,
        thought=f"{order.number} is still {order.status}, so it can be cancelled"
        + (f", and then {money} has to go back." if back else "."),
    )


def _too_late(facts: Facts, order: Order) -> Verdict:
    state = "delivered" if order.delivered else "already on its way"
    when = (
        f" on {in_words(order.delivered)}"
        if order.delivered
        else (f" since {in_words(order.shipped)}" if order.shipped else "")
    )
    return Verdict(
        finding=f"{order.number} is {state}{when} and can no longer be cancelled; a return is possible.",
        clause=facts.runbooks.get(CATEGORY, NONE).about("shipped|return|too late|sent"),
        subject=f"Your order {order.number} can no longer be cancelled",
        message=(
            f"Your order {order.number} ({order.contents}) is {state}{when}, so we can no longer cancel it. You can simply send it back instead: reply to this "
            "message and we will send you the return details. As soon as it is back with us you get your money."
        ),
        matter=f"the cancellation of {order.number}",
        order=order,
        thought=f"{order.number} is {state}. Cancelling is not possible any more; I offer a return instead of a refund now.",
    )


def cancelled_before(order: Order) -> Verdict:
    if order.refundable_minor > 0:
        money = order.money(order.refundable_minor)
        return Verdict(
            finding=f"{order.number} was cancelled before, but {money} has not gone back yet.",
            subject=f"Your refund for the cancelled order {order.number}",
            message=f"Your order {order.number} is cancelled. The money had not gone back to you yet, I am sorry: we have now refunded {REFUNDED}.",
            matter=f"the refund for the cancelled order {order.number}",
            actions=(
                refund(
                    order,
                    order.refundable_minor,
                    f"{order.number} is cancelled and {money} was still captured.",
                ),
            ),
            order=order,
            thought=f"{order.number} is cancelled but {money} was never given back. That is owed; a person decides.",
        )
    return Verdict(
        finding=f"{order.number} is cancelled already and nothing is left to refund.",
        subject=f"Your order {order.number} is cancelled",
        message=f"Your order {order.number} is already cancelled and nothing will be sent."
        + (f" {order.money(order.refunded_minor)} have gone back to you." if order.refunded_minor else ""),
        matter=f"order {order.number}",
        order=order,
        thought="This was done before; I only confirm it.",
    )


CASE = Case(Kind.CANCEL, CATEGORY, todos, wanted, decide)
