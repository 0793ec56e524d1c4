"""A wish outside the rules (discounts, gifts, exceptions): declined kindly, written down, no money."""

from __future__ import annotations

from agentdesk.runtime.offline.facts import Facts, refund_ordered
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

CATEGORY = "price_match"


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up {facts.who}'s account",
        "Read what our rules allow for such a wish",
        "Decide within the rules",
        "Write down the wish and the decision",
        f"Answer {facts.who} kindly",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts) if facts.mentioned or refund_ordered(facts) else []


def decide(facts: Facts) -> Verdict:
    book = facts.runbooks.get(CATEGORY, NONE)
    price = any(
        word in plain(facts.words)
        for word in ("cheaper", "price match", "lower price", "on sale", "price drop", "reduced")
    )
    clause = (
        book.about("price", "match|lower|cheaper|sale|other shop")
        if price
        else book.about("goodwill|gift|discount|exception|voucher", "no|not|only|never")
    ) or book.about(r"\b(?:no|not|never)\b")
    what = "a refund of a price difference" if price else "what you asked for"
    return Verdict(
        finding=f"{facts.who} asks for something our rules do not give: {'a price difference' if price else 'a favour without a reason in an order'}. Declined, nothing was paid.",
        clause=clause,
        headline="Declined kindly; nothing was paid.",
        subject="Your request",
        message=(
            f"Thank you for asking, and for shopping with us. I looked at what our rules allow, and I am sorry to say that we cannot offer {what}: "
            + (
                "prices change from time to time and we only charge the one shown when you order. "
                if price
                else "we want to treat all customers alike and can only give money back when something went wrong with an order. "
            )
            + "If anything is wrong with one of your orders, tell us about it and we will gladly put it right."
        ),
        matter="your request",
        thought="This is a wish our rules do not cover, and nothing went wrong that would justify money. I decline kindly and write it down.",
    )


CASE = Case(Kind.WISH, CATEGORY, todos, wanted, decide)
