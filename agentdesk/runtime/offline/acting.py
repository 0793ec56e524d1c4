"""Carries a verdict's actions out one by one; a refusal is read, and a smaller amount it names is proposed once."""

from __future__ import annotations

from dataclasses import dataclass

from agentdesk.runtime.offline.answer import Wish
from agentdesk.runtime.offline.conversation import Call, Outcome
from agentdesk.runtime.offline.directive import counter_offer
from agentdesk.runtime.offline.facts import Facts, may_retry
from agentdesk.runtime.offline.verdict import Verdict

REFUNDS = ("issue_refund", "refund_duplicate_charge")


@dataclass(frozen=True, slots=True)
class Done:
    """How far the actions of a verdict have got."""

    next_action: Wish | None
    thought: str
    worked: tuple[Call, ...]
    stopped: Call | None
    """The call that was refused, expired or failed; nothing after it was tried."""

    @property
    def refunded_minor(self) -> int:
        return sum(int(call.result.get("amount_minor") or 0) for call in self.worked if call.tool in REFUNDS)


def carried_out(facts: Facts, verdict: Verdict) -> Done:
    worked: list[Call] = []
    for action in verdict.actions:
        wish = _possible(facts, action)
        if wish is None:
            missing = Call(action.tool, action.arguments, Outcome.ERROR, {}, "I have no tool for it")
            return Done(None, "", tuple(worked), missing)
        calls = facts.conversation.of(wish.tool, **wish.arguments)
        if not calls or may_retry(calls):
            return Done(wish, verdict.thought, tuple(worked), None)
        last = calls[-1]
        if last.outcome is Outcome.REFUSED and (offer := _offered_instead(wish, last)):
            return _offer(facts, offer, worked)
        if last.outcome is not Outcome.DONE:
            return Done(None, "", tuple(worked), last)
        worked.append(last)
    return Done(None, "", tuple(worked), None)


def _possible(facts: Facts, wish: Wish) -> Wish | None:
    """The wish, or another tool that has the same effect, or None when no tool here can do it."""
    if wish.tool in facts.conversation.tools:
        return wish
    if (
        wish.tool == "issue_refund"
        and wish.arguments["charge"]
        and "refund_duplicate_charge" in facts.conversation.tools
    ):
        return Wish(
            "refund_duplicate_charge", {"order": wish.arguments["order"], "reason": wish.arguments["reason"]}
        )
    return None


def _offered_instead(wish: Wish, refusal: Call) -> Wish | None:
    if wish.tool != "issue_refund":
        return None
    smaller = counter_offer(refusal.sentence, below_minor=int(wish.arguments["amount_minor"]))
    if smaller is None:
        return None
    reason = f"Smaller amount, as the refusal of the first proposal asked: {wish.arguments['reason']}"
    return Wish("issue_refund", {**wish.arguments, "amount_minor": smaller, "reason": reason[:500]})


def _offer(facts: Facts, offer: Wish, worked: list[Call]) -> Done:
    calls = facts.conversation.of(offer.tool, **offer.arguments)
    if not calls or may_retry(calls):
        thought = "My proposal was refused, but the reason names a smaller amount that would be right. I propose exactly that, once."
        return Done(offer, thought, tuple(worked), None)
    last = calls[-1]
    if last.outcome is Outcome.DONE:
        return Done(None, "", (*worked, last), None)
    return Done(None, "", tuple(worked), last)
