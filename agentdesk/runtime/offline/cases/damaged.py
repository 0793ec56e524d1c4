"""Damaged item: the price of what is broken comes back, or a share of it when the customer keeps it."""

from __future__ import annotations

import re
from dataclasses import replace

from agentdesk.core.text import shortened
from agentdesk.runtime.offline.cases.shares import share
from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely, settle
from agentdesk.runtime.offline.pieces import Pieces, meant
from agentdesk.runtime.offline.runbook import NONE, Clause
from agentdesk.runtime.offline.shop import Order, days, in_words
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

CATEGORY = "damaged_item"
KEEP_PERCENT = 30
REPORT_DAYS = 30
WHOLE = 100
_KEEPS = re.compile(
    r"\b(?:keep|keeping|kept|live with|still (?:use|usable|works?|fine)|use it anyway|partial|partly|part of|some (?:of (?:my|the) )?money|"
    r"small refund|discount|something off|money off|reduction|cosmetic)\b"
)
_NOT_KEEPING = re.compile(
    r"\b(?:dont|do not|cant|cannot|wont|not) (?:\w+ )?(?:keep|want to keep|use)\b|\bunusable\b|\bfull (?:refund|price|amount)\b|\bmoney back\b"
)
_REPLACEMENT = re.compile(
    r"\b(?:replacement|replace|new one|another one|send (?:me )?(?:a )?new|resend|re-?ship)\b"
)
_REFUND = re.compile(r"\b(?:refund|money back|reimburse|pay back|give back)\b")


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Find {facts.who} and the order the damaged item came with",
        "See what was paid for it, and what our rule gives for damage",
        "Refund the right share of the price",
        "Note the damage and the refund for colleagues",
        f"Let {facts.who} know what to expect",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts, status="delivered")


def decide(facts: Facts) -> Verdict:
    order = settle(facts, fits=lambda order: order.status == "delivered", what="the damaged item came with")
    if isinstance(order, Verdict):
        return order
    if order.status in ("placed", "cancelled"):
        return _cannot_be(facts, order)
    pieces = meant(order, facts.said)
    return _which_item(facts, order) if pieces is None else _judged(facts, order, pieces)


def _judged(facts: Facts, order: Order, pieces: Pieces) -> Verdict:
    book = facts.runbooks.get(CATEGORY, NONE)
    window = book.about(r"within \d+ days|\d+ days of", "report|deliver")
    limit = (window.days if window else None) or REPORT_DAYS
    since = (facts.conversation.today - order.delivered).days if order.delivered else 0
    if since > limit:
        return _too_late(order, pieces, since, limit, window)
    said = plain(facts.words)
    if _REPLACEMENT.search(said) and not _REFUND.search(said):
        return _wants_replacement(facts, order, pieces)
    keeps = bool(_KEEPS.search(said)) and not _NOT_KEEPING.search(said)
    verdict = _refund(facts, order, pieces, keeps=keeps)
    photo = book.about("photo", "ask|person")
    if (
        verdict.actions
        and photo
        and (limit_minor := photo.amount_in(order.currency))
        and pieces.price_minor >= limit_minor
    ):
        return _worth_a_look(facts, order, pieces, verdict, photo)
    return verdict


def _worth_a_look(facts: Facts, order: Order, pieces: Pieces, verdict: Verdict, photo: Clause) -> Verdict:
    """Above the runbook's amount a person decides whether the description is enough."""
    amount = order.money(int(verdict.actions[0].arguments["amount_minor"]))
    quote = shortened(" ".join(facts.words.split()), 280)
    return replace(
        verdict,
        question=(
            f"{facts.who} describes damage to {pieces} from {order.number} ({order.money(pieces.price_minor)}): “{quote}” "
            f"Clause {photo.number} wants a person to say whether that is enough without a photo. Shall I propose {amount}? "
            "Answer “yes”, another amount, “decline”, or “tell the customer …”."
        ),
        thought=f"{pieces} cost {order.money(pieces.price_minor)}. At that price clause {photo.number} lets a person decide whether the description is enough, so I ask before I propose {amount}.",
    )


def _refund(facts: Facts, order: Order, pieces: Pieces, *, keeps: bool) -> Verdict:
    book = facts.runbooks.get(CATEGORY, NONE)
    if keeps:
        clause = (
            book.about(r"\bkeep", r"%|percent") or book.about(r"\bkeep") or book.about(r"partial|part of")
        )
        percent = (clause.percent if clause else None) or KEEP_PERCENT
    else:
        clause = book.about("in full|full price|whole", "refund|return|back") or book.about("refund")
        percent = WHOLE
    due = share(pieces.price_minor, percent)
    amount = min(due, order.refundable_minor)
    if amount <= 0:
        return _paid_back(order, pieces)
    part = f"{percent} % of {order.money(pieces.price_minor)}" if percent < WHOLE else "the full price"
    kept = "You can keep the item. " if keeps else ""
    return Verdict(
        finding=(
            f"{pieces} from {order.number} arrived damaged. "
            + (
                f"{facts.who} keeps it, so {part} is due: {order.money(amount)}."
                if keeps
                else f"The price comes back: {order.money(amount)}."
            )
        ),
        evidence=(
            f"Paid for the damaged part: {order.money(pieces.price_minor)}",
            *([f"Delivered on {in_words(order.delivered)}"] if order.delivered else []),
            f"Refunded on this order so far: {order.money(order.refunded_minor)}",
            *(
                [f"Limited by what is left to refund: {order.money(order.refundable_minor)}"]
                if amount < due
                else []
            ),
        ),
        clause=clause,
        subject=f"Your refund for the damaged item in {order.number}",
        message=(
            f"I am sorry that {pieces} from your order {order.number} reached you damaged; that is not how it should arrive.\n\n"
            f"We have refunded {REFUNDED}" + (f", which is {part}" if percent < WHOLE else "") + ". "
            f"{kept}The money goes back to the way you paid with and usually arrives within 5 to 10 working days."
        ),
        matter=f"the damaged {pieces} from {order.number}",
        actions=(
            refund(
                order,
                amount,
                f"{pieces} arrived damaged; {part}{' because the customer keeps it' if keeps else ''}."
                + (f" {book.title}, clause {clause.number}." if clause else ""),
            ),
        ),
        order=order,
        thought=(
            f"{pieces} from {order.number} cost {order.money(pieces.price_minor)} and arrived damaged. "
            + (
                f"{facts.who} is ready to keep it, so {percent} % is fair"
                if keeps
                else "It is of no use like this, so its price should come back"
            )
            + (f" (clause {clause.number})" if clause else "")
            + f": {order.money(amount)}. I propose that; a person decides."
        ),
    )


def _which_item(facts: Facts, order: Order) -> Verdict:
    return Verdict(
        finding=f"{order.number} has several items and the message does not say which one is damaged.",
        subject=f"Which item of {order.number} is damaged?",
        message="",
        matter=f"the damaged item from {order.number}",
        order=order,
        question=(
            f"{facts.who} reports damage on {order.number} ({order.contents}) but does not say which item. "
            "How much shall I refund? Answer for example “refund $12.50”, or “tell the customer …” to ask which item it is."
        ),
        thought=f"{order.number} holds {order.contents}. I do not want to guess which part is broken, so I ask.",
    )


def _wants_replacement(facts: Facts, order: Order, pieces: Pieces) -> Verdict:
    price = min(pieces.price_minor, order.refundable_minor)
    proposal = _refund(facts, order, pieces, keeps=False)
    return Verdict(
        finding=f"{pieces} from {order.number} arrived damaged and {facts.who} would like a replacement.",
        evidence=proposal.evidence,
        clause=facts.runbooks.get(CATEGORY, NONE).about("replace") or proposal.clause,
        subject=proposal.subject,
        message=proposal.message,
        matter=proposal.matter,
        actions=proposal.actions,
        order=order,
        question=(
            f"{facts.who} would like a replacement for {pieces} from {order.number}, which arrived damaged. I cannot send parcels. "
            f"Shall I refund {order.money(price)} instead? Answer “yes”, another amount, or “tell the customer …” if you arrange a replacement."
        ),
        thought="A replacement is something only people here can arrange. I ask before I offer money instead.",
    )


def _too_late(order: Order, pieces: Pieces, since: int, limit: int, clause: Clause | None) -> Verdict:
    return Verdict(
        finding=f"{pieces} from {order.number} was delivered {days(since)} ago; damage can be reported within {days(limit)}.",
        clause=clause,
        subject=f"About the damage to your order {order.number}",
        message=(
            f"I am sorry to hear about {pieces}. Your order {order.number} was delivered {days(since)} ago, and we can only refund transport damage "
            f"that is reported within {days(limit)}, so we cannot give money back this time. If you think the item itself is faulty, "
            "reply with a photo and we will see what the warranty offers."
        ),
        matter=f"the damaged {pieces} from {order.number}",
        order=order,
        thought=f"Delivered {days(since)} ago, and the limit is {days(limit)}. I must decline, kindly.",
    )


def _cannot_be(facts: Facts, order: Order) -> Verdict:
    return Verdict(
        finding=f"{order.number} is {order.status} and was never delivered, so it cannot have arrived damaged.",
        subject=f"About your order {order.number}",
        message="",
        matter=f"the damage reported on {order.number}",
        order=order,
        question=f"{facts.who} reports damage, but {order.number} is {order.status} and not delivered. Which order is meant, or how shall I answer?",
        thought=f"The facts do not fit: {order.number} is {order.status}. I ask before doing anything.",
    )


def _paid_back(order: Order, pieces: Pieces) -> Verdict:
    return Verdict(
        finding=f"{order.number} has been refunded completely ({order.money(order.refunded_minor)}); nothing is left to give back for {pieces}.",
        subject=f"Your order {order.number} has been refunded",
        message=(
            f"I am sorry about the damage. We have already refunded {order.money(order.refunded_minor)} for your order {order.number}, which is "
            "everything that was paid. If you do not see it yet, please allow your bank up to 10 working days."
        ),
        matter=f"the damaged {pieces} from {order.number}",
        order=order,
        thought="Everything was refunded before. A second refund would be wrong; I explain it.",
    )


CASE = Case(Kind.DAMAGED, CATEGORY, todos, wanted, decide)
