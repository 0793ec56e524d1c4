"""Ending or changing a subscription: an unsent period is cancelled, the rest is arranged by a person."""

from __future__ import annotations

from agentdesk.runtime.offline.cases import cancel
from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind

CATEGORY = "subscription"


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
    if running and running.status == "placed":
        return cancel.cancelling(facts, running)
    about = (
        f" ({running.number}, {running.contents}, {running.status})"
        if running
        else " (none is on the account)"
    )
    return Verdict(
        finding=f"{facts.who} wants to end or change a subscription{about}; only a colleague can do that in the billing system.",
        clause=facts.runbooks.get(CATEGORY, NONE).about("cancel|end|stop"),
        subject="Your subscription",
        message=(
            "Thank you for writing to us. A colleague has taken care of your subscription as you asked; no further period will be charged. "
            "Periods that have been delivered stay as they are."
        ),
        matter="the subscription",
        order=running,
        question=(
            f"{facts.who} wants to end or change a subscription{about}. I cannot do that myself. "
            "Answer “yes” when you have stopped it and I confirm it, or say what to answer."
        ),
        thought="Ending a subscription is not among my tools. I ask a colleague to do it, so that the confirmation is true.",
    )


CASE = Case(Kind.SUBSCRIPTION, CATEGORY, todos, wanted, decide)
