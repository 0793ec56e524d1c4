"""Ending or changing a subscription is arranged by a person; a renewal by surprise may come back."""

from __future__ import annotations

import re

from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.runbook import NONE, Clause
from agentdesk.runtime.offline.shop import Order, days
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

CATEGORY = "subscription"
SURPRISE_DAYS = 7
_SURPRISE = re.compile(r"\brenew(?:ed|al|s)?\b")
_NOTHING: tuple[int, Clause | None, str] = (0, None, "")
_BACK = re.compile(r"\b(?:refund|money|back|reimburse)\b")


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up {facts.who}'s subscription",
        "See which period is running and what the rule says",
        "Stop or change it, with a colleague where I cannot",
        "Write down what was agreed",
        f"Confirm it to {facts.who}",
    )


def wanted(facts: Facts) -> list[str]:
    return (
        list(facts.mentioned)
        or [brief.number for brief in facts.briefs if brief.subscription][:1]
        or likely(facts)[:1]
    )


def decide(facts: Facts) -> Verdict:
    running = next((order for order in facts.orders.values() if order.subscription), None)
    said = plain(facts.words)
    renewed = running is not None and bool(_SURPRISE.search(said) and _BACK.search(said))
    about = f" ({running.number}, {running.contents})" if running else " (none is on the account)"
    book = facts.runbooks.get(CATEGORY, NONE)
    back, clause, note = _last_period(facts, running) if running and renewed else _NOTHING
    ask = (
        f"{facts.who} wants to end or change a subscription{about}: “{' '.join(facts.words.split())[:280]}” I cannot do that myself. "
        + (f"{note} " if note else "")
        + "Answer “yes” when you have arranged it"
        + (f" and I shall propose {running.money(back)} back" if running and back else "")
        + ", or say what to answer."
    )
    return Verdict(
        finding=f"{facts.who} wants to end or change a subscription{about}; a colleague does that. {note}".strip(),
        clause=clause or book.about("stop|end"),
        subject="Your subscription",
        message=(
            "Thank you for writing to us. A colleague has taken care of your subscription as you asked; it ends with the period that is paid. "
            + (
                f"We have also refunded {REFUNDED} for the last period; it usually arrives within 5 to 10 working days."
                if back
                else ""
            )
        ).strip(),
        matter="the last period of your subscription",
        actions=(
            refund(
                running,
                back,
                f"Renewed by surprise and reported within {days(SURPRISE_DAYS)}: last period in full.",
            ),
        )
        if running and back
        else (),
        order=running,
        question=ask,
        thought="Ending a subscription is not among my tools. I ask a colleague to do it, so that the confirmation is true.",
        headline="The subscription was arranged by a colleague; nothing was paid.",
    )


def _last_period(facts: Facts, order: Order) -> tuple[int, Clause | None, str]:
    """What of the last period comes back, the clause that says so, and a sentence for colleagues."""
    book = facts.runbooks.get(CATEGORY, NONE)
    limit_clause = book.about("surprise|renewed", r"\bdays?\b")
    limit = (limit_clause.days if limit_clause else None) or SURPRISE_DAYS
    last = order.charges[-1] if order.charges else None
    if last is None or last.captured is None:
        return 0, None, ""
    since = (facts.conversation.today - last.captured).days
    if since > limit or any(_SURPRISE.search(reason.lower()) for reason in order.refund_reasons):
        return (
            0,
            book.about("later|before"),
            f"It renewed {days(since)} ago; a refund is possible for {days(limit)}, once.",
        )
    left = min(last.amount_minor - last.refunded_minor, order.refundable_minor)
    return (
        left,
        limit_clause,
        f"It renewed {days(since)} ago, within {days(limit)}, so the last period comes back in full.",
    )


CASE = Case(Kind.SUBSCRIPTION, CATEGORY, todos, wanted, decide)
