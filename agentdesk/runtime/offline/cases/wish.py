"""A wish outside the rules (discounts, gifts, exceptions): declined kindly, written down, no money."""

from __future__ import annotations

import re

from agentdesk.runtime.offline.facts import Facts, refund_ordered
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.runbook import NONE, Runbook
from agentdesk.runtime.offline.shop import days
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

CATEGORY = "price_match"
OWN_PRICE_DAYS = 7
_ELSEWHERE = re.compile(
    r"\b(?:elsewhere|another shop|other shops?|competitors?|other (?:store|site)|amazon|price match|match (?:that|the|this) price)\b|\bcheaper (?:at|in|on)\b"
)
_OWN_PRICE = re.compile(
    r"\b(?:on sale|price (?:drop\w*|fell|went down|difference|adjustment)|reduced|lower price|cheaper now|now cheaper|half of what)\b"
)
_TROUBLE = re.compile(
    r"\b(?:trouble|compensat\w+|time i lost|lost time|disappoint\w+|inconvenience|nerves)\b"
)


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
    said = plain(facts.words)
    book = facts.runbooks.get(CATEGORY, NONE)
    if _ELSEWHERE.search(said):
        clause, what, why = (
            book.about("another shop|cheaper|other shop"),
            "a price of another shop",
            "we cannot match prices of other shops",
        )
    elif _OWN_PRICE.search(said):
        return _own_price(facts, book)
    elif _TROUBLE.search(said):
        clause, what = book.about("compensation|round sum"), "a sum for trouble without a fault in an order"
        why = "we can only give money back when something went wrong with an order itself"
    else:
        clause, what = book.about("goodwill", "none|no|never"), "a favour without a fault in an order"
        why = "we want to treat all customers alike and can only give money back when something went wrong with an order"
    return Verdict(
        finding=f"{facts.who} asks for {what}. Our rules give nothing for that: declined, nothing was paid.",
        clause=clause or book.about(r"\b(?:no|not|never|none)\b"),
        headline="Declined kindly; nothing was paid.",
        subject="Your request",
        message=(
            f"Thank you for asking, and for shopping with us. I looked at what our rules allow, and I am sorry to say that I cannot offer this: {why}. "
            "If anything is wrong with one of your orders, tell us about it and we will gladly put it right."
        ),
        matter="your request",
        thought=f"This is a wish for {what}, which our rules do not cover. I decline kindly and write it down.",
    )


def _own_price(facts: Facts, book: Runbook) -> Verdict:
    clause = book.about("own price|price fell|price", r"\bdays?\b")
    limit = (clause.days if clause else None) or OWN_PRICE_DAYS
    brief = next((brief for brief in facts.briefs if brief.number in likely(facts)), None)
    since = (facts.conversation.today - brief.placed).days if brief and brief.placed else None
    recent = since is not None and since <= limit
    order = brief.number if brief else "the order"
    return Verdict(
        finding=f"{facts.who} bought {order} before its price fell ({days(since) if since is not None else 'some time'} ago; the rule covers {days(limit)}).",
        clause=clause,
        headline="Declined kindly; nothing was paid.",
        subject="About the lower price",
        message=(
            f"Thank you for writing to us. We give a price difference back when our own price falls within {days(limit)} after the order. Yours was placed earlier, "
            "so I am sorry that I cannot offer it this time."
        )
        if not recent
        else "",
        matter="the price difference",
        question=(
            f"{facts.who} says that our price fell after {brief}. That was {days(since or 0)} ago, within {days(limit)}. Is it true, and how much is the difference? "
            "Answer for example “refund $5.00”, or “decline”."
        )
        if recent
        else "",
        thought="Whether our price really fell is something only a person can confirm, so I ask."
        if recent
        else f"The order is older than {days(limit)}; the rule does not cover it. I decline kindly.",
    )


CASE = Case(Kind.WISH, CATEGORY, todos, wanted, decide)
