"""Matters a person must decide: disputes and lawyers, suspected fraud, privacy, and plain anger."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import partial

from agentdesk.core.text import shortened
from agentdesk.runtime.offline.facts import Facts, refund_ordered
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.shop import in_words
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

_MATTERS = {
    Kind.CHARGEBACK: (
        "chargeback",
        "mentions a bank dispute or legal steps",
        "your message about the dispute",
    ),
    Kind.FRAUD: ("fraud", "reports something that may be fraud", "your report"),
    Kind.PRIVACY: ("privacy", "makes a request about personal data", "your request about your data"),
    Kind.COMPLAINT: ("complaint", "is unhappy with us", "your complaint"),
}

_RIGHTS = (
    ("deletion", r"\b(?:delet|eras|forgotten|remov|close)"),
    ("correction", r"\b(?:correct|rectif|wrong|update)"),
    ("a copy of the data", r"\b(?:copy|access|send me|hold|what you (?:know|have)|export)"),
    ("objection", r"\bobject|\bstop using|\bmarketing"),
)


def _todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up {facts.who}'s account and recent orders",
        "Read the runbook for such matters",
        "Ask a colleague how to go on: this is not mine to decide",
        "Write down the matter and the decision",
        f"Answer {facts.who} as decided",
    )


def _wanted(facts: Facts) -> list[str]:
    return list(facts.mentioned) or (likely(facts) if refund_ordered(facts) else [])


def _decide(kind: Kind, facts: Facts) -> Verdict:
    category, does, about = _MATTERS[kind]
    clause = facts.runbooks.get(category, NONE).about("person|colleague|team|lead|legal|never|not") or next(
        iter(facts.runbooks.get(category, NONE).clauses), None
    )
    orders = "; ".join(str(brief) for brief in facts.briefs[:3]) or "none"
    wish = _privacy_wish(facts) if kind is Kind.PRIVACY else ""
    quote = shortened(" ".join(facts.words.split()), 280)
    return Verdict(
        finding=f"{facts.who} {does}. That needs a person's judgement.",
        evidence=(f"Recent orders: {orders}",),
        clause=clause,
        subject=f"About {about}",
        message=(
            f"Thank you for {about}. We take it seriously: a colleague has looked at it personally and will write to you about what comes next."
        ),
        matter=about,
        question=(
            f"{facts.who} {does}{wish}: “{quote}” Recent orders: {orders}. How shall I go on? Answer for example “refund $20 for A-1001”, “decline”, "
            "“tell the customer …”, or “I will handle it”."
        ),
        thought=f"{facts.who} {does}. I promise nothing and pay nothing here; a colleague has to say how to go on.",
    )


def _privacy_wish(facts: Facts) -> str:
    """Which right it is and until when the law wants an answer (GDPR, article 12: one month)."""
    said = plain(facts.words)
    right = next((name for name, pattern in _RIGHTS if re.search(pattern, said)), "not said which")
    due = facts.conversation.today + dt.timedelta(days=30)
    return f" ({right}; an answer is due by {in_words(due)})"


def _case(kind: Kind) -> Case:
    decide: Callable[[Facts], Verdict] = partial(_decide, kind)
    return Case(kind, _MATTERS[kind][0], _todos, _wanted, decide)


CASES = tuple(_case(kind) for kind in _MATTERS)
