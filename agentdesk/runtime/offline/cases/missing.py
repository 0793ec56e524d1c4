"""Missing parcel: lost on the way, or said to be delivered and not there."""

from __future__ import annotations

from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely, settle
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.shop import Order, days, in_words
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind

CATEGORY = "missing_parcel"
LOST_AFTER_DAYS = 7
LOOK_AROUND_DAYS = 2


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up {facts.who} and which parcel has not turned up",
        "Check shipping and delivery dates against the rule for missing parcels",
        "Refund it if it counts as lost; otherwise ask or wait",
        "Write down what is known about the parcel",
        f"Tell {facts.who} what happens next",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts, status="shipped")


def decide(facts: Facts) -> Verdict:
    order = settle(
        facts,
        fits=lambda order: order.delivered is None and order.status == "shipped",
        what="has not arrived",
        guess=True,
    )
    if isinstance(order, Verdict):
        return order
    if order.status == "cancelled" or order.refundable_minor <= 0:
        return _settled(order)
    if order.status == "placed":
        return _not_sent(order)
    if order.delivered:
        since = (facts.conversation.today - order.delivered).days
        return _look_around(facts, order) if since < LOOK_AROUND_DAYS else _said_delivered(facts, order)
    overdue = (facts.conversation.today - order.promised).days if order.promised else 0
    return lost(facts, order) if overdue > _lost_after(facts) else _on_its_way(facts, order, overdue)


def _lost_after(facts: Facts) -> int:
    book = facts.runbooks.get(CATEGORY, NONE)
    clause = book.about(r"more than \d+ days", "refund") or book.about("lost|missing", r"\bdays?\b")
    return (clause.days if clause else None) or LOST_AFTER_DAYS


def lost(facts: Facts, order: Order) -> Verdict:
    """Everything that is left of the order comes back."""
    assert order.promised
    overdue = (facts.conversation.today - order.promised).days
    amount = order.money(order.refundable_minor)
    book = facts.runbooks.get(CATEGORY, NONE)
    clause = (
        book.about(r"more than \d+ days", "refund") or book.about("lost", "refund") or book.about("refund")
    )
    return Verdict(
        finding=f"{order.number} is {days(overdue)} overdue and not delivered: it counts as lost, and {amount} comes back.",
        evidence=(
            *([f"Shipped on {in_words(order.shipped)}"] if order.shipped else []),
            f"Promised by {in_words(order.promised)}",
            "No delivery recorded",
        ),
        clause=clause,
        subject=f"Your refund for the lost parcel {order.number}",
        message=(
            f"I am sorry: your order {order.number} ({order.contents}) should have reached you by {in_words(order.promised)}, and we have to assume that "
            f"it is lost. We have refunded {REFUNDED}. The money usually arrives within 5 to 10 working days. Should the parcel turn up after all, "
            "please let us know."
        ),
        matter=f"the lost parcel {order.number}",
        actions=(
            refund(
                order,
                order.refundable_minor,
                f"Parcel lost: {days(overdue)} after the promised day and not delivered."
                + (f" {book.title}, clause {clause.number}." if clause else ""),
            ),
        ),
        order=order,
        thought=f"{order.number} is {days(overdue)} overdue without a delivery. It counts as lost, so everything should come back; a person decides.",
    )


def _on_its_way(facts: Facts, order: Order, overdue: int) -> Verdict:
    due = f"promised by {in_words(order.promised)}" if order.promised else "without a promised day"
    state = f"{days(overdue)} overdue" if overdue > 0 else "not overdue yet"
    wait = _lost_after(facts)
    return Verdict(
        finding=f"{order.number} is on its way, {due}, {state}; a parcel counts as lost more than {days(wait)} after the promised day.",
        clause=facts.runbooks.get(CATEGORY, NONE).about("patience|wait|lost", r"\bdays?\b"),
        subject=f"Your order {order.number} is on its way",
        message=(
            f"Thank you for asking about your order {order.number}. "
            + (
                f"It left us on {in_words(order.shipped)} and is {due}. "
                if order.shipped
                else f"It is {due}. "
            )
            + ("I am sorry that it is taking longer than we promised. " if overdue > 0 else "")
            + f"If it has not arrived {days(wait)} after that day, write to us again and we will give you your money back."
        ),
        matter=f"the delivery of {order.number}",
        order=order,
        thought=f"{order.number} is {state}; it does not count as lost yet. I explain what happens and when.",
    )


def _look_around(facts: Facts, order: Order) -> Verdict:
    assert order.delivered
    return Verdict(
        finding=f"{order.number} was recorded as delivered on {in_words(order.delivered)}, which is too fresh to count as missing.",
        clause=facts.runbooks.get(CATEGORY, NONE).about("delivered", "neighbours|look|wait"),
        subject=f"Your parcel {order.number}",
        message=(
            f"I am sorry that you are missing your order {order.number}. The carrier recorded a delivery on {in_words(order.delivered)}. Could you please "
            f"look with your neighbours and at the pick-up point? If it has not turned up in {days(LOOK_AROUND_DAYS)}, reply to this message and we will take it from there."
        ),
        matter=f"the parcel {order.number}",
        order=order,
        thought="The delivery was recorded only just now. Parcels often turn up with a neighbour, so I ask to look there first.",
    )


def _said_delivered(facts: Facts, order: Order) -> Verdict:
    assert order.delivered
    proposal = order.money(order.refundable_minor)
    return Verdict(
        finding=f"The carrier says {order.number} was delivered on {in_words(order.delivered)}, but {facts.who} does not have it.",
        evidence=(f"Order value left to refund: {proposal}",),
        clause=facts.runbooks.get(CATEGORY, NONE).about("delivered"),
        subject=f"Your parcel {order.number}",
        message=(
            f"I am sorry that your order {order.number} never reached you although the carrier recorded a delivery on {in_words(order.delivered)}. "
            f"We have refunded {REFUNDED}; the money usually arrives within 5 to 10 working days."
        ),
        matter=f"the parcel {order.number}",
        actions=(
            refund(
                order,
                order.refundable_minor,
                f"Recorded as delivered on {order.delivered}, not received; a colleague agreed to refund.",
            ),
        ),
        order=order,
        question=(
            f"{facts.who} says {order.number} ({order.contents}) never came; our record says it was delivered on {in_words(order.delivered)}. "
            f"Shall I refund {proposal}? Answer “yes”, “decline”, an amount, or “tell the customer …”."
        ),
        thought="Our record and the customer disagree about the delivery. That is a judgement for a person, so I ask before proposing money.",
    )


def _not_sent(order: Order) -> Verdict:
    due = f" It is promised by {in_words(order.promised)}." if order.promised else ""
    return Verdict(
        finding=f"{order.number} has not been shipped yet.{due}",
        subject=f"Your order {order.number} has not been sent yet",
        message=f"Thank you for asking. Your order {order.number} ({order.contents}) has not left us yet.{due} You will get a message as soon as it is on its way. If you would rather cancel it, just reply.",
        matter=f"the delivery of {order.number}",
        order=order,
        thought=f"{order.number} is still with us, so it is not missing. I explain that.",
    )


def _settled(order: Order) -> Verdict:
    return Verdict(
        finding=f"{order.number} is {order.status} and {order.money(order.refunded_minor)} have been refunded; there is nothing left to do.",
        subject=f"About your order {order.number}",
        message=f"Thank you for writing. Your order {order.number} is {order.status}, and {order.money(order.refunded_minor)} have already gone back to you, so no parcel is on its way.",
        matter=f"order {order.number}",
        order=order,
        thought=f"{order.number} has been settled before; I explain that.",
    )


CASE = Case(Kind.MISSING, CATEGORY, todos, wanted, decide)
