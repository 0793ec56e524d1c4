"""Charged twice: two equal charges of one order within days; the later one goes back."""

from __future__ import annotations

from itertools import pairwise

from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely, no_orders, not_found
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.shop import Charge, Order, days, in_words
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind

CATEGORY = "duplicate_charge"
MOST_DAYS_APART = 5


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up {facts.who}'s account and recent orders",
        "Compare the charges on the order and read the rule for duplicate charges",
        "Refund the second charge, if there really are two equal ones",
        "Write down what happened for colleagues",
        f"Tell {facts.who} what we found and did",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts)


def decide(facts: Facts) -> Verdict:
    if facts.mentioned and not any(number in facts.orders for number in facts.mentioned):
        return not_found(facts)
    orders = [facts.orders[number] for number in likely(facts) if number in facts.orders] or list(
        facts.orders.values()
    )
    if not orders:
        return no_orders(facts)
    found = [(order, pair) for order in orders for pair in duplicates(order)]
    unpaid = [(order, pair) for order, pair in found if pair[1].refunded_minor < pair[1].amount_minor]
    if unpaid:
        order = unpaid[0][0]
        return _refund(facts, order, [pair for other, pair in unpaid if other is order])
    if found:
        return _refunded_before(facts, *found[0])
    return _twin_orders(orders) or _nothing_double(facts, orders)


def duplicates(order: Order) -> list[tuple[Charge, Charge]]:
    """Pairs of equal charges (amount and description) at most five days apart, earlier first."""
    pairs = []
    groups: dict[tuple[int, str], list[Charge]] = {}
    for charge in order.charges:
        groups.setdefault((charge.amount_minor, charge.description.strip().lower()), []).append(charge)
    for group in groups.values():
        for earlier, later in pairwise(group):
            if (
                earlier.captured
                and later.captured
                and (later.captured - earlier.captured).days <= MOST_DAYS_APART
            ):
                pairs.append((earlier, later))
    return pairs


def _refund(facts: Facts, order: Order, pairs: list[tuple[Charge, Charge]]) -> Verdict:
    earlier, later = pairs[0]
    assert earlier.captured
    assert later.captured
    apart = (later.captured - earlier.captured).days
    amount = order.money(later.amount_minor)
    when = "on the same day" if apart == 0 else f"{days(apart)} apart"
    book = facts.runbooks.get(CATEGORY, NONE)
    clause = book.about("refund", "later|second|duplicate|extra") or book.about(
        "duplicate|twice|equal|same amount"
    )
    left = order.refundable_minor
    actions = []
    for _, extra in pairs:
        due = min(extra.amount_minor - extra.refunded_minor, left)
        if due > 0:
            reason = (
                f"{extra.number} repeats {earlier.number}: same amount ({amount}) and description “{extra.description}”, {when}."
                + (f" {book.title}, clause {clause.number}." if clause else "")
            )
            actions.append(refund(order, due, reason, charge=extra.number))
            left -= due
    if not actions:
        return _refunded_before(facts, order, pairs[0])
    number = "twice" if len(pairs) == 1 else f"{len(pairs) + 1} times"
    return Verdict(
        finding=f"{facts.who} was charged {number} for the same thing on {order.number}: {amount} each, {when}.",
        evidence=(
            *(
                f"{charge.number}: {order.money(charge.amount_minor)} on {in_words(charge.captured)}, “{charge.description}”"
                for charge in (earlier, *(extra for _, extra in pairs))
                if charge.captured
            ),
            f"Refunded on this order so far: {order.money(order.refunded_minor)}",
        ),
        clause=clause,
        subject=f"We are refunding the second charge on {order.number}",
        message=(
            f"You were right: {amount} was taken {number} for your order {order.number} ({order.contents}), on {in_words(earlier.captured)} and "
            f"{'again the same day' if apart == 0 else 'again on ' + in_words(later.captured)}. That should not have happened, and we are sorry.\n\n"
            f"We have refunded {REFUNDED}. It goes back to the way you paid with and usually shows up within 5 to 10 working days. "
            + (
                "Your subscription goes on as before."
                if order.subscription
                else "Nothing changes about the order itself."
            )
        ),
        matter=f"the second charge of {amount} on {order.number}",
        actions=tuple(actions),
        order=order,
        thought=(
            f"{earlier.number} and {later.number} on {order.number} have the same amount, {amount}, and the same description, {when}. "
            f"The later one, {later.number}, has not been refunded"
            + (f", and clause {clause.number} says to give it back" if clause else "")
            + f". I propose a refund of exactly {amount}; a person decides."
        ),
    )


def _refunded_before(facts: Facts, order: Order, pair: tuple[Charge, Charge]) -> Verdict:
    later = pair[1]
    amount = order.money(later.refunded_minor or later.amount_minor)
    when = f" on {in_words(order.last_refund)}" if order.last_refund else ""
    return Verdict(
        finding=f"The second charge on {order.number} ({later.number}, {amount}) has already been refunded{when}; a second refund would be wrong.",
        clause=facts.runbooks.get(CATEGORY, NONE).about("already refunded|given back"),
        subject=f"The second charge on {order.number} has already been refunded",
        message=(
            f"You are right that {order.money(later.amount_minor)} was taken twice for your order {order.number}. The good news: we already gave "
            f"{amount} back{when}. Banks sometimes need up to 10 working days to show it. If it is not on your statement after that, "
            "please reply to this message and we will trace it."
        ),
        matter=f"the second charge on {order.number}",
        order=order,
        thought=f"{later.number} was refunded before. {facts.who} needs an explanation, not a second refund.",
    )


def _twin_orders(orders: list[Order]) -> Verdict | None:
    """Two separate orders of the same price placed close together look like a double charge on a statement."""
    for newer, older in pairwise(sorted(orders, key=lambda order: str(order.placed), reverse=True)):
        same = [charge.amount_minor for charge in newer.charges] == [
            charge.amount_minor for charge in older.charges
        ]
        if (
            same
            and newer.charges
            and newer.placed
            and older.placed
            and (newer.placed - older.placed).days <= MOST_DAYS_APART
        ):
            each = newer.money(newer.charges[0].amount_minor)
            return Verdict(
                finding=f"No charge is double: {older.number} and {newer.number} are two separate orders of {each}, each charged once.",
                evidence=tuple(
                    f"{order.number}: {order.contents}, placed {in_words(order.placed)}"
                    for order in (older, newer)
                    if order.placed
                ),
                subject=f"About the two charges of {each}",
                message=(
                    f"We checked the two charges of {each}. They belong to two separate orders: {older.number} ({older.contents}, placed "
                    f"{in_words(older.placed)}) and {newer.number} ({newer.contents}, placed {in_words(newer.placed)}), and each was charged once. "
                    "If you did not mean to order twice, reply to this message and tell us which one you do not need."
                ),
                matter=f"the charges on {older.number} and {newer.number}",
                order=newer,
                thought="The two charges belong to two different orders. That is not a duplicate charge, so no refund; I explain it.",
            )
    return None


def _nothing_double(facts: Facts, orders: list[Order]) -> Verdict:
    numbers = " and ".join(
        [", ".join(order.number for order in orders[:-1]), orders[-1].number]
        if len(orders) > 1
        else [orders[0].number]
    )
    book = facts.runbooks.get(CATEGORY, NONE)
    evidence = tuple(
        f"{order.number}: {order.money(charge.amount_minor)} on {in_words(charge.captured)}, “{charge.description}”"
        for order in orders
        for charge in order.charges
        if charge.captured
    )
    return Verdict(
        finding=f"There are no two equal charges on {numbers}; nothing was charged twice in our records.",
        evidence=evidence,
        clause=book.about("no duplicate found") or book.about("pending|no duplicate"),
        subject="We found no double charge",
        message=(
            f"We checked every charge on {numbers} and each appears only once in our records, so there is nothing for us to give back:\n\n"
            + "\n".join(f"- {line}" for line in evidence)
            + "\n\nA second entry on a statement is often a reservation that the bank removes by itself within a few days. "
            "If it is still there in a week, please reply with a copy of the statement and we will trace it together."
        ),
        matter=f"the charges on {numbers}",
        order=orders[0],
        thought=f"I compared all charges on {numbers}: none is double. Saying so honestly is right, a refund is not.",
    )


CASE = Case(Kind.DUPLICATE, CATEGORY, todos, wanted, decide)
