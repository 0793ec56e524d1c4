"""Return and change of mind: within the window it may come back, and money follows when it is here."""

from __future__ import annotations

import datetime as dt
import re

from agentdesk.runtime.offline.cases import cancel
from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely, settle
from agentdesk.runtime.offline.pieces import meant
from agentdesk.runtime.offline.runbook import NONE, Clause
from agentdesk.runtime.offline.shop import Order, days, in_words
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

CATEGORY = "return"
RETURN_DAYS = 30
_SENT = re.compile(
    r"\b(?:ive |i have |i |we |already |have )(?:already )?(?:sent|returned|shipped|posted|mailed) (?:\w+ ){0,3}?(?:back|it|them|everything|the|my)\b"
    r"|\b(?:sent|returned) (?:it|them|everything) back\b|\breturned (?:it|them|the \w+)\b|\byou (?:have |already )?(?:received|got) (?:it|my return|the return)"
)


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Find the order {facts.who} would like to send back",
        "Count the days since delivery and read the return rule",
        "Decide whether it may come back",
        "Write down what was agreed",
        f"Explain the next steps to {facts.who}",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts, status="delivered")


def decide(facts: Facts) -> Verdict:
    order = settle(facts, fits=lambda order: order.status == "delivered", what="shall come back", guess=True)
    if isinstance(order, Verdict):
        return order
    if order.status == "placed":
        return cancel.cancelling(facts, order)
    if order.refundable_minor <= 0:
        return cancel.cancelled_before(order) if order.status == "cancelled" else _settled(order)
    return _sent_back(facts, order) if _SENT.search(plain(facts.words)) else _asked(facts, order)


def _asked(facts: Facts, order: Order) -> Verdict:
    book = facts.runbooks.get(CATEGORY, NONE)
    clause = book.about(r"within \d+ days", "return|deliver|back") or book.about(
        r"\bdays?\b", "return|within|deliver|change"
    )
    window = (clause.days if clause else None) or RETURN_DAYS
    since = (facts.conversation.today - order.delivered).days if order.delivered else 0
    ended = in_words(order.delivered + dt.timedelta(days=window)) if order.delivered else ""
    if since > window:
        return Verdict(
            finding=f"{order.number} was delivered {days(since)} ago; returns are possible for {days(window)}. It cannot come back.",
            evidence=tuple([f"Delivered on {in_words(order.delivered)}"] if order.delivered else []),
            clause=clause,
            subject=f"About returning {order.number}",
            message=(
                f"Thank you for asking. Your order {order.number} was delivered {days(since)} ago, and we take things back for {days(window)} after delivery. "
                f"That time ended on {ended}, so I am sorry that we cannot accept this return. If something is wrong with the item itself, tell us what it is and we will gladly look into that."
            ),
            matter=f"the return of {order.number}",
            order=order,
            thought=f"{days(since)} since delivery, and the limit is {days(window)}. I have to decline, kindly.",
        )
    pieces = meant(order, facts.said)
    what = str(pieces) if pieces else order.contents
    excluded = book.about("exclu")
    if excluded and _names(excluded, what):
        return _excluded(order, what, excluded)
    left = f" You have {days(window - since)} left for that." if order.delivered else ""
    return Verdict(
        finding=f"{what} from {order.number} may come back (delivered {days(since)} ago, {days(window)} allowed). The money follows when it is here.",
        evidence=tuple([f"Delivered on {in_words(order.delivered)}"] if order.delivered else []),
        clause=clause,
        subject=f"How to return {order.number}",
        message=(
            f"Of course you can send {what} from your order {order.number} back.{left} Please pack it well, unused if possible, put a note with the order number "
            "inside and use the return address from your order confirmation. As soon as it has reached us, your money goes back the way you paid."
        ),
        matter=f"the return of {order.number}",
        order=order,
        thought="The return is within the window. Money goes back when the item is here, so nothing is paid now; I explain the steps.",
    )


def _names(clause: Clause, what: str) -> bool:
    """True when one of the things the clause lists, as in `Excluded: earphones, gift cards`, is what shall come back."""
    listed = re.split(r",| and ", clause.text.lower().partition(":")[2])
    return any(
        thing and thing in what.lower() for thing in (each.strip(" .").removesuffix("s") for each in listed)
    )


def _excluded(order: Order, what: str, clause: Clause) -> Verdict:
    return Verdict(
        finding=f"{what} from {order.number} is excluded from returns.",
        clause=clause,
        subject=f"About returning {order.number}",
        message=(
            f"Thank you for asking. I am sorry, but {what} is one of the few things that we cannot take back once it has been delivered. "
            "If something is wrong with it, tell us what it is and we will gladly look into that."
        ),
        matter=f"the return of {order.number}",
        order=order,
        thought=f"Clause {clause.number} excludes {what} from returns. I have to decline, kindly.",
    )


def _sent_back(facts: Facts, order: Order) -> Verdict:
    pieces = meant(order, facts.said)
    amount = min(pieces.price_minor if pieces else order.refundable_minor, order.refundable_minor)
    what = str(pieces) if pieces else order.contents
    return Verdict(
        finding=f"{facts.who} has sent {what} from {order.number} back.",
        clause=facts.runbooks.get(CATEGORY, NONE).about("refund|money", "arriv|receiv|back|here|inspect"),
        subject=f"Your return of {order.number}",
        message=f"Thank you for sending {what} back. It has arrived, and we have refunded {REFUNDED}. The money usually shows up within 5 to 10 working days.",
        matter=f"the return of {order.number}",
        actions=(refund(order, amount, f"Return of {what} received, as a colleague confirmed."),),
        order=order,
        question=f"{facts.who} writes that {what} from {order.number} is on its way back. Has the return arrived? Answer “yes” to refund {order.money(amount)}, or say what to do.",
        thought="The money may go back once the return is here. Only a colleague can see that, so I ask.",
    )


def _settled(order: Order) -> Verdict:
    return Verdict(
        finding=f"{order.number} has been refunded completely; a return would bring no more money.",
        subject=f"About your order {order.number}",
        message=f"Thank you for writing. We have already refunded {order.money(order.refunded_minor)} for your order {order.number}, which is everything that was paid, so you do not need to send anything back.",
        matter=f"the return of {order.number}",
        order=order,
        thought="Everything was refunded before; I explain that.",
    )


CASE = Case(Kind.RETURN, CATEGORY, todos, wanted, decide)
