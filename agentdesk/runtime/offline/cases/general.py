"""A question: answered with the runbook's own words, or by a person when it has none."""

from __future__ import annotations

from agentdesk.core.text import shortened
from agentdesk.runtime.offline.facts import Facts, refund_ordered
from agentdesk.runtime.offline.pick import SHORTEST, item_words, likely
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind

CATEGORY = "general"


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up who {facts.who} is",
        "Find the answer in our runbooks",
        "Ask a colleague if they do not say",
        "Write down question and answer",
        f"Answer {facts.who}",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts) if facts.mentioned or refund_ordered(facts) else []


def decide(facts: Facts) -> Verdict:
    clause = facts.runbooks.get(CATEGORY, NONE).closest(
        {word for word in item_words(facts.words) if len(word) > SHORTEST}
    )
    question = shortened(" ".join(facts.words.split()), 280)
    if clause is None:
        return Verdict(
            finding=f"{facts.who} asks a question the runbooks do not answer: “{shortened(question, 160)}”",
            subject="Your question",
            message="",
            matter="the question",
            question=f"{facts.who} asks: “{question}” The runbooks do not say. What shall I answer? (“tell the customer …”)",
            thought="I do not find the answer in the runbooks, and I will not make one up. I ask a colleague.",
        )
    return Verdict(
        finding=f"{facts.who} asks a question that the runbook answers.",
        clause=clause,
        subject="Your question",
        message=f"Thank you for your question. {clause.text.rstrip('.')}. If that does not answer it, just reply and we will help you further.",
        matter="the question",
        thought=f"Clause {clause.number} answers this. I pass it on.",
    )


CASE = Case(Kind.GENERAL, CATEGORY, todos, wanted, decide)
