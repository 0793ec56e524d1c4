"""A question: answered from the orders, or by a person; runbooks are for staff and never quoted to customers."""

from __future__ import annotations

import re

from agentdesk.core.text import shortened
from agentdesk.runtime.offline.facts import Facts, refund_ordered
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.shop import Order, in_words
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

CATEGORY = "general"
_ABOUT_CHARGES = re.compile(r"\b(?:charged?|charges|billed|bill|debit(?:ed)?|payments?|paid|cost|costs)\b")


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up who {facts.who} is",
        "See whether the orders or our runbooks answer it",
        "Ask a colleague if they do not say",
        "Write down question and answer",
        f"Answer {facts.who}",
    )


def wanted(facts: Facts) -> list[str]:
    return (
        likely(facts)
        if facts.mentioned or refund_ordered(facts) or _ABOUT_CHARGES.search(plain(facts.words))
        else []
    )


def decide(facts: Facts) -> Verdict:
    order = next((facts.orders[number] for number in likely(facts) if number in facts.orders), None)
    if order and _ABOUT_CHARGES.search(plain(facts.words)):
        return _charges(facts, order)
    question = shortened(" ".join(facts.words.split()), 280)
    return Verdict(
        finding=f"{facts.who} asks something that neither the orders nor the runbooks answer: “{shortened(question, 160)}”",
        subject="Your question",
        message="",
        matter="the question",
        order=order,
        question=f"{facts.who} asks: “{question}” Neither the orders nor the runbooks say. What shall I answer? (“tell the customer …”)",
        thought="The orders do not answer this, the runbooks are for us and not for customers, and I will not make something up. I ask a colleague.",
    )


def _charges(facts: Facts, order: Order) -> Verdict:
    listed = "\n".join(
        f"- {order.money(charge.amount_minor)} on {in_words(charge.captured)}: {charge.description}"
        for charge in order.charges
        if charge.captured
    )
    back = (
        f"\n\n{order.money(order.refunded_minor)} of it has been given back." if order.refunded_minor else ""
    )
    return Verdict(
        finding=f"{facts.who} asks what was charged; {order.number} explains it.",
        evidence=tuple(line.removeprefix("- ") for line in listed.splitlines()),
        clause=facts.runbooks.get(CATEGORY, NONE).about("plain question|charged"),
        subject=f"What was charged for {order.number}",
        message=f"Thank you for your question. For your order {order.number} ({order.contents}) these charges were made:\n\n{listed}{back}",
        matter=f"the charges of {order.number}",
        order=order,
        thought=f"The charges of {order.number} answer this. I list them and do nothing else.",
    )


CASE = Case(Kind.GENERAL, CATEGORY, todos, wanted, decide)
