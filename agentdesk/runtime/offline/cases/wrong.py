"""Wrong item: something else was in the box; the price of what was ordered comes back."""

from __future__ import annotations

import re

from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely, settle
from agentdesk.runtime.offline.pieces import Pieces, meant
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.shop import Order, in_words
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

CATEGORY = "wrong_item"
REPORT_DAYS = 30
_RIGHT_ONE = re.compile(
    r"\b(?:send|ship|get|want|need|have|swap|exchange)\b.{0,25}\b(?:right|correct|proper|one i ordered|actual)\b|\breplacement\b|\bexchange\b"
)
_MONEY = re.compile(r"\b(?:refund|money|reimburse|pay back)\b")


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
    if order.status in ("placed", "cancelled") or pieces is None or order.refundable_minor <= 0:
        return _unclear(facts, order)
    return _refund(facts, order, pieces)


def _refund(facts: Facts, order: Order, pieces: Pieces) -> Verdict:
    book = facts.runbooks.get(CATEGORY, NONE)
    clause = book.about("refund", "in full|full price") or book.about("refund")
    amount = min(pieces.price_minor, order.refundable_minor)
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
            f"5 to 10 working days.\n\nPlease hold on to what you received for now. If we need it back, a colleague will write to you. "
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
        question=_doubt(facts, order, pieces, amount),
        thought=f"{facts.who} paid {order.money(amount)} for {pieces} and got something else. The price should come back; a person decides.",
    )


def _doubt(facts: Facts, order: Order, pieces: Pieces, amount: int) -> str:
    """The question where the runbook leaves it to a person; empty where it does not."""
    said = plain(facts.words)
    ask_from = facts.runbooks.get(CATEGORY, NONE).about(r"from \d+\.\d\d", "ask|person")
    since = (facts.conversation.today - order.delivered).days if order.delivered else 0
    if _RIGHT_ONE.search(said) and not _MONEY.search(said):
        why = f"would like the right item: {pieces}. I cannot send parcels"
    elif (
        ask_from and (limit_minor := ask_from.amount_in(order.currency)) and pieces.price_minor >= limit_minor
    ):
        why = f"got something else instead of {pieces}, which cost {order.money(pieces.price_minor)}; from that price on a person decides"
    elif since > REPORT_DAYS:
        why = f"reports a wrong item instead of {pieces} {since} days after delivery"
    else:
        return ""
    return (
        f"{facts.who} {why} ({order.number}). Shall I refund {order.money(amount)}? "
        "Answer “yes”, another amount, “decline”, or “tell the customer …”."
    )


def _unclear(facts: Facts, order: Order) -> Verdict:
    return Verdict(
        finding=f"{facts.who} got something else than ordered with {order.number} ({order.contents}, {order.status}); what to refund is not clear.",
        clause=facts.runbooks.get(CATEGORY, NONE).about("compare"),
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


CASE = Case(Kind.WRONG, CATEGORY, todos, wanted, decide)
