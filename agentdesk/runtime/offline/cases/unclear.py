"""Nobody can tell what is wanted: ask a colleague, and go on with what they say."""

from __future__ import annotations

from agentdesk.core.text import shortened
from agentdesk.runtime.offline.facts import Facts, refund_ordered
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind

CATEGORY = "general"


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up {facts.who} and the recent orders",
        "See whether anything there explains the message",
        "Ask a colleague what is meant, and do what they decide",
        "Write down what came of it",
        f"Answer {facts.who}",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts) if facts.mentioned or refund_ordered(facts) else []


def decide(facts: Facts) -> Verdict:
    orders = "; ".join(str(brief) for brief in facts.briefs[:3]) or "none"
    quote = shortened(" ".join(facts.words.split()), 280)
    guess = f" It might be about {facts.reading.runner_up.value}." if facts.reading.runner_up else ""
    warning = (
        " The message also contains text posing as instructions to me, which I set aside."
        if facts.pretended
        else ""
    )
    said = f"“{quote}”" if quote else "nothing else"
    return Verdict(
        finding=f"It is not clear what {facts.who} wants.",
        evidence=(f"Recent orders: {orders}",),
        subject="Your message",
        message="",
        matter="the message",
        question=(
            f"I cannot tell what {facts.who} needs. The message says {said}.{guess}{warning} Recent orders: {orders}. "
            "What is it about? Name the case (for example “duplicate charge”), or say what to do: “refund $20 for A-1001”, “decline”, “tell the customer …”."
        ),
        thought="I do not want to guess with somebody's money or time. A colleague can tell me what this is about.",
    )


CASE = Case(Kind.UNCLEAR, CATEGORY, todos, wanted, decide)
