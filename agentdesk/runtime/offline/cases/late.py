"""Late parcel: the promised day against the day it came (or today), and what the runbook gives for it."""

from __future__ import annotations

import re

from agentdesk.runtime.offline.cases import missing
from agentdesk.runtime.offline.cases.shares import share
from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely, settle
from agentdesk.runtime.offline.runbook import NONE, Clause, Runbook
from agentdesk.runtime.offline.shop import Order, days, in_words
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind

CATEGORY = "late_delivery"
LOST_AFTER_DAYS = 21
_SHIPPING = re.compile(r"\b(?:shipping|delivery|postage|freight)\b", re.IGNORECASE)


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up {facts.who} and the order in question",
        "Compare the promised day with the delivery, and see what the rule gives",
        "Make it good, if it really was late",
        "Write down the delay for colleagues",
        f"Explain to {facts.who} where things stand",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts)


def days_late(order: Order, facts: Facts) -> int | None:
    """Days after the promised day; None when nothing was promised, 0 or less when in time."""
    if order.promised is None or order.status == "cancelled":
        return None
    return ((order.delivered or facts.conversation.today) - order.promised).days


def decide(facts: Facts) -> Verdict:
    order = settle(facts, fits=lambda order: (days_late(order, facts) or 0) > 0, what="is late", guess=True)
    if isinstance(order, Verdict):
        return order
    late = days_late(order, facts)
    if late is None or late <= 0:
        return _in_time(facts, order)
    lost = facts.runbooks.get(CATEGORY, NONE).about("missing|lost", "not delivered")
    if order.delivered is None and late > ((lost.days if lost else None) or LOST_AFTER_DAYS):
        return missing.lost(facts, order)
    return _late(facts, order, late)


def _tier(book: Runbook, late: int) -> Clause | None:
    """The clause with the longest delay this one reaches that gives money back."""
    reached = [
        clause
        for clause in book.all_about("refund", r"%|percent|shipping")
        if clause.days is not None
        and late >= clause.days + bool(re.search("more than|over", clause.text, re.IGNORECASE))
    ]
    return max(reached, key=lambda clause: clause.days or 0, default=None)


def _due(order: Order, clause: Clause | None) -> tuple[int, str]:
    """What the clause gives, in minor units and in words."""
    if clause is None:
        return 0, ""
    shipping = [line for line in order.lines if _SHIPPING.search(line.title)]
    if shipping and "shipping" in clause.text.lower():
        return min(
            sum(line.unit_price_minor * line.quantity for line in shipping), order.refundable_minor
        ), "the shipping costs"
    if clause.percent is None:
        return 0, ""
    captured = sum(charge.amount_minor for charge in order.charges)
    most = clause.amount_in(order.currency)
    due = share(captured, clause.percent)
    if most and "at most" in clause.text.lower() and due > most:
        return min(
            most, order.refundable_minor
        ), f"{clause.percent} % of what was paid, limited to {order.money(most)}"
    return min(due, order.refundable_minor), f"{clause.percent} % of what was paid"


def _late(facts: Facts, order: Order, late: int) -> Verdict:
    book = facts.runbooks.get(CATEGORY, NONE)
    clause = _tier(book, late)
    amount, share_in_words = _due(order, clause)
    assert order.promised
    came = f"came on {in_words(order.delivered)}" if order.delivered else "has not come yet"
    evidence = (
        f"Promised by {in_words(order.promised)}",
        f"Delivered on {in_words(order.delivered)}"
        if order.delivered
        else f"Not delivered by {in_words(facts.conversation.today)}",
        f"Late by {days(late)}",
    )
    start = (
        f"You are right, and I am sorry: your order {order.number} was promised by {in_words(order.promised)} and {came}, "
        f"{days(late)} late."
    )
    still = "" if order.delivered else " It is on its way, and we are keeping an eye on it."
    before = any(re.search("late|delay", reason, re.IGNORECASE) for reason in order.refund_reasons)
    if before:
        return _made_good_before(order, start, evidence, book.about("once per order|already"))
    if amount <= 0:
        return Verdict(
            finding=f"{order.number} is {days(late)} late, for which our rule gives no money back.",
            evidence=evidence,
            clause=book.about("no refund") or book.about("late|delay|compensat"),
            subject=f"Your late order {order.number}",
            message=f"{start}{still} Thank you for your patience, and please write to us again if anything else is wrong with it.",
            matter=f"the late delivery of {order.number}",
            order=order,
            thought=f"{order.number} is {days(late)} late, but no rule gives compensation for that. An honest apology is what I can offer.",
        )
    return Verdict(
        finding=f"{order.number} is {days(late)} late; {share_in_words} comes back: {order.money(amount)}.",
        evidence=evidence,
        clause=clause,
        subject=f"Sorry for the late delivery of {order.number}",
        message=(
            f"{start}{still}\n\nTo make up for it we have refunded {REFUNDED} ({share_in_words}). The money goes back to the way you paid with and usually arrives "
            "within 5 to 10 working days."
        ),
        matter=f"the late delivery of {order.number}",
        actions=(
            refund(
                order,
                amount,
                f"Delivered {days(late)} late (promised by {order.promised}): {share_in_words}."
                + (f" {book.title}, clause {clause.number}." if clause else ""),
            ),
        ),
        order=order,
        thought=f"Promised by {in_words(order.promised)}, {came}: {days(late)} late. The rule gives {share_in_words}, so {order.money(amount)}; a person decides.",
    )


def _made_good_before(order: Order, start: str, evidence: tuple[str, ...], clause: Clause | None) -> Verdict:
    when = f" on {in_words(order.last_refund)}" if order.last_refund else ""
    return Verdict(
        finding=f"The delay of {order.number} has been made good before: {order.money(order.refunded_minor)} went back{when}. Once per order is the rule.",
        evidence=evidence,
        clause=clause,
        subject=f"About the delay of {order.number}",
        message=(
            f"{start} We gave you {order.money(order.refunded_minor)} back for that{when}, and I am afraid we cannot add to it. "
            "Thank you for your patience with us."
        ),
        matter=f"the late delivery of {order.number}",
        order=order,
        thought=f"This delay was made good before, with {order.money(order.refunded_minor)}. A second time is not possible; I say so kindly.",
    )


def _in_time(facts: Facts, order: Order) -> Verdict:
    if order.promised is None:
        finding, told = (
            f"{order.number} has no promised day, so it cannot be called late.",
            f"Your order {order.number} has no fixed delivery day",
        )
    elif order.delivered:
        finding = f"{order.number} was promised by {in_words(order.promised)} and came on {in_words(order.delivered)}: in time."
        told = f"We promised your order {order.number} by {in_words(order.promised)}, and our carrier delivered it on {in_words(order.delivered)}"
    else:
        finding = f"{order.number} is promised by {in_words(order.promised)}, which has not passed yet."
        told = f"Your order {order.number} is on its way and promised by {in_words(order.promised)}"
    book = facts.runbooks.get(CATEGORY, NONE)
    return Verdict(
        finding=finding,
        clause=book.about(r"\b(?:no|not|in time|on time)\b", "compensat|refund|late|time"),
        subject=f"About the delivery of {order.number}",
        message=f"Thank you for asking. {told}, so there is nothing we can pay back for a delay. If it has still not reached you by then, write to us again and we will chase it at once."
        if not order.delivered
        else f"Thank you for writing to us. {told}, so there is nothing we can pay back for a delay. If you mean another order, reply with its number and we will check it.",
        matter=f"the delivery of {order.number}",
        order=order,
        thought=f"{finding} There is nothing to compensate; I explain the dates.",
    )


CASE = Case(Kind.LATE, CATEGORY, todos, wanted, decide)
