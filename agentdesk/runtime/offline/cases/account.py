"""Account and login: explained where the runbook has a clause, otherwise a person helps; nothing is changed by mail."""

from __future__ import annotations

from agentdesk.runtime.offline.facts import Facts, refund_ordered
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.runbook import NONE
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import plain

CATEGORY = "account"


def todos(facts: Facts) -> tuple[str, str, str, str, str]:
    return (
        f"Look up {facts.who}'s account",
        "Read what we may do about accounts from here",
        "Find the safe way to help",
        "Write down what was asked",
        f"Tell {facts.who} how it works",
    )


def wanted(facts: Facts) -> list[str]:
    return likely(facts) if facts.mentioned or refund_ordered(facts) else []


def decide(facts: Facts) -> Verdict:
    book = facts.runbooks.get(CATEGORY, NONE)
    login = any(
        word in plain(facts.words)
        for word in ("password", "log in", "login", "sign in", "locked", "reset", "code")
    )
    clause = book.about("password|reset|log|lock") if login else book.about("address|e-?mail|change|update")
    if not login:
        return Verdict(
            finding=f"{facts.who} wants account details changed, which I cannot do from here.",
            clause=clause,
            subject="Your account",
            message="Thank you for writing to us. A colleague has made the change you asked for. Please look at your account page to check it.",
            matter="the change to the account",
            question=f"{facts.who} wants account details changed: “{facts.words[:280]}” Answer “yes” when you have checked who it is and made the change, or say what to answer.",
            thought="Account details are changed by people who can check who is asking. I ask a colleague.",
        )
    return Verdict(
        finding=f"{facts.who} cannot log in. The way back in is the reset link; nothing was changed here.",
        clause=clause,
        subject="Getting back into your account",
        message=(
            "Sorry for the trouble with logging in. Please use “Forgot password” on the login page; the link in the e-mail works for a short time, and sometimes it "
            "lands in the spam folder. For your safety we never ask for your password and never set one for you. If the e-mail does not come, reply to this message and a colleague will help."
        ),
        matter="the login",
        thought="The customer can help themselves safely with the reset link. I explain it and change nothing.",
    )


CASE = Case(Kind.ACCOUNT, CATEGORY, todos, wanted, decide)
