"""What a case comes to: a finding, what to do about it or whom to ask, and the words for colleagues and customer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agentdesk.runtime.offline.answer import Wish
from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.runbook import Clause
from agentdesk.runtime.offline.shop import Order
from agentdesk.runtime.offline.word_groups import Kind

REFUNDED = "{refunded}"
"""Stands in messages for the amount that was really refunded; a person may have changed it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    finding: str
    """One sentence for colleagues: what is the case."""
    subject: str
    """Of the message to the customer."""
    message: str
    """To the customer, without greeting; when all actions worked or none was needed. Empty: no message."""
    matter: str
    """What the refund is for, as in `the second charge of $29.00 on A-1001`."""
    evidence: tuple[str, ...] = ()
    clause: Clause | None = None
    actions: tuple[Wish, ...] = ()
    question: str = ""
    """Asked before anything is done; `actions` then wait for a yes."""
    order: Order | None = None
    thought: str = ""
    headline: str = "Answered, nothing was paid or changed."
    """Of the final answer when nothing was to be done."""


@dataclass(frozen=True, slots=True)
class Case:
    """How one kind of case is worked."""

    kind: Kind
    category: str
    """Of the runbook."""
    todos: Callable[[Facts], tuple[str, str, str, str, str]]
    """Look, check, act, record, tell."""
    wanted: Callable[[Facts], list[str]]
    """Orders whose details are needed."""
    decide: Callable[[Facts], Verdict]


def refund(order: Order, amount_minor: int, reason: str, *, charge: str = "") -> Wish:
    return Wish(
        "issue_refund",
        {
            "order": order.number,
            "charge": charge,
            "amount_minor": amount_minor,
            "currency": order.currency,
            "reason": reason[:500],
        },
    )
