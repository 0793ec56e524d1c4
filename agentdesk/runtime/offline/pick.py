"""Which order a message is about: the one it names, or the one its words, amounts and states point to."""

from __future__ import annotations

import re
from collections.abc import Callable

from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.request import amounts
from agentdesk.runtime.offline.shop import Brief, Line, Order
from agentdesk.runtime.offline.verdict import Verdict
from agentdesk.runtime.offline.words import plain

MOST = 3
SHORTEST = 3  # letters of a word that can tell an item
_COMMON = frozenset({"the", "and", "for", "with", "your", "this", "that", "order", "item", "set", "new", "box", "pack", "size", "one", "two", "black", "white", "blue", "red", "green", "small", "large"})  # fmt: skip
_SUBSCRIPTION = re.compile(
    r"\b(?:subscription|subscribed|membership|monthly|per month|every month|plan|renewal|recurring|abo)\b"
)


def item_words(text: str) -> set[str]:
    return {_singular(word) for word in re.findall(r"[a-zäöüåéè]{3,}", plain(text)) if word not in _COMMON}


def named_lines(order: Order, text: str) -> list[Line]:
    """The order's lines whose title shares a word with `text`, best match first."""
    said = item_words(text)
    scored = [(len(item_words(line.title) & said), line) for line in order.lines]
    best = max((score for score, _ in scored), default=0)
    return [line for score, line in scored if score == best and best > 0]


def likely(facts: Facts, *, status: str = "") -> list[str]:
    """Up to three numbers of orders the message may be about, likeliest first."""
    if facts.mentioned:
        return list(facts.mentioned)
    scored = [(_evidence(brief, facts.said), brief) for brief in facts.briefs]
    best = max((score for score, _ in scored), default=0)
    if best:
        return [brief.number for score, brief in scored if score == best][:MOST]
    fitting = [brief.number for _, brief in scored if not status or brief.status == status]
    return (fitting or [brief.number for _, brief in scored])[:MOST]


def _evidence(brief: Brief, words: str) -> int:
    said = plain(words)
    points = 10 * len(item_words(brief.items) & item_words(words))
    if brief.subscription and _SUBSCRIPTION.search(said):
        points += 6
    stated = {amount.minor for amount in amounts(words)}
    if stated & {brief.total_minor, brief.total_minor * 2, brief.total_minor // 2}:
        points += 5
    return points


def settle(facts: Facts, *, fits: Callable[[Order], bool], what: str, guess: bool = False) -> Order | Verdict:
    """The order, or the verdict that ends or asks when there is none or more than one.

    `what` completes "which order …"; with `guess` the newest of several fitting ones is taken.
    """
    if facts.mentioned and not any(number in facts.orders for number in facts.mentioned):
        return not_found(facts)
    loaded = [facts.orders[number] for number in likely(facts) if number in facts.orders] or list(
        facts.orders.values()
    )
    if not loaded:
        return no_orders(facts)
    fitting = [order for order in loaded if fits(order)]
    if len(fitting) == 1 or (fitting and guess):
        return fitting[0]
    if len(loaded) == 1 or guess:
        return loaded[0]
    choices = "; ".join(str(brief) for brief in facts.briefs if brief.number in facts.orders)
    return Verdict(
        finding=f"It is not clear which order {what}.",
        subject="About your order",
        message="",
        matter="this",
        question=(
            f"{facts.who} does not say which order {what}. It could be one of these: {choices}. "
            "Which one is it? Answer with the order number, or “decline”."
        ),
        thought=f"Several orders of {facts.who} fit and I do not want to guess with somebody's money. I ask a colleague.",
    )


def not_found(facts: Facts) -> Verdict:
    number = facts.mentioned[0]
    own = ", ".join(brief.number for brief in facts.briefs[:3])
    return Verdict(
        finding=f"{number} is not an order of {facts.who}: {facts.not_theirs.get(number, 'it could not be read').rstrip('.')}.",
        evidence=(f"Orders on the account: {own or 'none'}",),
        subject=f"We could not find {number} in your account",
        message=(
            f"Thank you for writing to us. We could not find an order {number} in your account, so we have not changed or paid anything yet. "
            + (f"The latest orders we see there are {own}. " if own else "")
            + "Could you check the number in your confirmation e-mail and reply with it? Then we will look into it straight away."
        ),
        matter=f"order {number}",
        thought=f"{number} is not one of {facts.who}'s orders. I must not act on it or say anything about it; I explain that kindly.",
    )


def no_orders(facts: Facts) -> Verdict:
    return Verdict(
        finding=f"There is no order on {facts.who}'s account that this could be about.",
        subject="We could not find your order",
        message=(
            "Thank you for writing to us. We could not find an order in the account with this e-mail address. Perhaps you ordered with another "
            "address? Please reply with the order number from your confirmation e-mail and we will look into it straight away."
        ),
        matter="an order",
        thought="There is nothing to look at on this account. I say so and ask for the order number.",
    )


def _singular(word: str) -> str:
    return word[:-1] if len(word) > SHORTEST and word.endswith("s") and not word.endswith("ss") else word
