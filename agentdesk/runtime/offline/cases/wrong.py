"""Wrong item: something else was in the box; the price of what was ordered comes back."""

from __future__ import annotations

from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely, settle
from agentdesk.runtime.offline.pieces import meant
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.shop import in_words
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind

CATEGORY = "wrong_item"


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Find out what {facts.who} ordered",
        "Compare the order with what arrived, and read the rule",
        "Put the mix-up right",
        "Note the mix-up for the warehouse and for colleagues",
        f"Apologise to {facts.who} and say what happens now",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts, status="delivered")


def decide(facts: Facts) -> Verdict:
    order = settle(facts, fits=lambda order: order.status == "delivered", what="came with the wrong item")
    if isinstance(order, Verdict):
        return order
    pieces = meant(order, facts.said)
    book = facts.runbooks.get(CATEGORY, NONE)
    clause = book.about("refund", "full|price|whole") or book.about("refund") or book.about("wrong")
    amount = min(pieces.price_minor if pieces else 0, order.refundable_minor)
    if order.status in ("placed", "cancelled") or pieces is None or amount <= 0:
        return Verdict(
            finding=f"{facts.who} got something else than ordered with {order.number} ({order.contents}, {order.status}); what to refund is not clear.",
            clause=clause,
            subject=f"About your order {order.number}",
            message="",
            matter=f"the wrong item in {order.number}",
            order=order,
            question=(
                f"{facts.who} reports a wrong item in {order.number} ({order.contents}, {order.status}, {order.money(order.refundable_minor)} "
                "refundable). What shall I do? Answer for example “refund $20”, “decline”, or “tell the customer …”."
            ),
            thought="I cannot tell from the facts which item was swapped or what is left to refund, so I ask.",
        )
    return Verdict(
        finding=f"Something else came instead of {pieces} in {order.number}; its price comes back: {order.money(amount)}.",
        evidence=(
            f"Ordered: {order.contents}",
            *([f"Delivered on {in_words(order.delivered)}"] if order.delivered else []),
            f"Refunded on this order so far: {order.money(order.refunded_minor)}",
        ),
        clause=clause,
        subject=f"Sorry about the mix-up with {order.number}",
        message=(
            f"I am sorry, you ordered {pieces} and we sent you something else. We have refunded {REFUNDED} for it; the money usually arrives within "
            f"5 to 10 working days.\n\nPlease hold on to what you received for now. If we need it back, you will get a prepaid label from us. "
            "You are welcome to order the right item again at any time."
        ),
        matter=f"the wrong item in {order.number}",
        actions=(
            refund(
                order,
                amount,
                f"Wrong item delivered instead of {pieces}; full price of what was ordered."
                + (f" {book.title}, clause {clause.number}." if clause else ""),
            ),
        ),
        order=order,
        thought=f"{facts.who} paid {order.money(amount)} for {pieces} and got something else. The price should come back; a person decides.",
    )


CASE = Case(Kind.WRONG, CATEGORY, todos, wanted, decide)
