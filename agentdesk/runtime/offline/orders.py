"""Carries a verdict out: what a colleague ordered goes first, actions run one by one, refusals are read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from agentdesk.runtime.offline.answer import Wish
from agentdesk.runtime.offline.conversation import Call, Outcome
from agentdesk.runtime.offline.directive import Directive, Verb, counter_offer
from agentdesk.runtime.offline.facts import Facts, may_retry
from agentdesk.runtime.offline.pick import likely
from agentdesk.runtime.offline.shop import Order
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund

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
        if last.outcome is Outcome.REFUSED and (offer := _offered_instead(facts, wish, last)):
            return _offer(facts, offer, last, worked)
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


def _offered_instead(facts: Facts, wish: Wish, refusal: Call) -> Wish | None:
    if wish.tool != "issue_refund":
        return None
    smaller = counter_offer(refusal.sentence, below_minor=int(wish.arguments["amount_minor"]))
    if smaller is None:
        return None
    reason = f"Smaller amount, as the refusal of {wish.arguments['amount_minor']} asked: {wish.arguments['reason']}"
    return Wish("issue_refund", {**wish.arguments, "amount_minor": smaller, "reason": reason[:500]})


def _offer(facts: Facts, offer: Wish, refusal: Call, worked: list[Call]) -> Done:
    calls = facts.conversation.of(offer.tool, **offer.arguments)
    if not calls or may_retry(calls):
        thought = "My proposal was refused, but the reason names a smaller amount that would be right. I propose exactly that, once."
        return Done(offer, thought, tuple(worked), None)
    last = calls[-1]
    if last.outcome is Outcome.DONE:
        return Done(None, "", (*worked, last), None)
    return Done(None, "", tuple(worked), last)


def after_answer(facts: Facts, case: Case) -> Verdict | None:
    """The verdict a colleague's answer comes to; None when the case's own rules go on deciding."""
    said = facts.last
    if said is None:
        return None
    match said.verb:
        case Verb.DECLINE:
            return _declined(facts, case, said)
        case Verb.REPLY:
            return _replied(said)
        case Verb.REFUND:
            return _ordered_refund(facts, case, said)
        case Verb.TAKE_OVER | Verb.OTHER:
            return decided(facts, case.decide(facts))
        case _:
            return None


def _declined(facts: Facts, case: Case, said: Directive) -> Verdict:
    return replace(
        _bare(f"{said.by or 'A colleague'} decided against it: “{said.text}”."),
        subject="Your request",
        message=(
            "Thank you for your patience. We have looked at your request carefully, and I am sorry that we cannot do what you asked for this time. "
            "If there is something we have not seen, just reply to this message and we will gladly look again."
        ),
        order=_known_order(facts, case),
    )


def _replied(said: Directive) -> Verdict:
    text = said.reply[:1].upper() + said.reply[1:]
    return replace(
        _bare(f"{said.by or 'A colleague'} said what to answer: “{said.text}”."),
        subject="An answer to your question",
        message=f"Thank you for your patience. {text.rstrip('.')}.",
    )


def _ordered_refund(facts: Facts, case: Case, said: Directive) -> Verdict | None:
    order = _known_order(facts, case)
    if order is None:
        return decided(
            facts,
            _bare(
                f"{said.by or 'A colleague'} asked for a refund (“{said.text}”), but no order is known that it could go to."
            ),
        )
    own = case.decide(facts)
    if said.amount is None and own.actions:
        return replace(own, question="")
    amount = min(said.amount.minor if said.amount else order.refundable_minor, order.refundable_minor)
    if amount <= 0:
        return _nothing_left(order)
    by = said.by or "a colleague"
    money = order.money(amount)
    return Verdict(
        finding=f"{by[:1].upper() + by[1:]} decided to refund {money} on {order.number}: “{said.text}”.",
        subject=f"Your refund for {order.number}",
        message=(
            f"Thank you for your patience. We are glad to give you back {REFUNDED} for your order {order.number}. "
            "The money goes to the way you paid with and usually arrives within 5 to 10 working days."
        ),
        matter=f"a refund of {money} on {order.number}",
        actions=(refund(order, amount, f"{money} on {order.number}, as {by} answered: {said.text}"),),
        order=order,
        thought=f"{by[:1].upper() + by[1:]} said what to do: {money} back on {order.number}. I propose exactly that.",
    )


def _nothing_left(order: Order) -> Verdict:
    return Verdict(
        finding=f"Nothing is left to refund on {order.number}: {order.money(order.refunded_minor)} have been refunded already.",
        subject=f"Your refund for {order.number}",
        message=(
            f"Thank you for writing to us. We have already given back {order.money(order.refunded_minor)} for your order {order.number}, which is "
            "everything that was paid for it. If it is not on your statement yet, please give your bank a few more days."
        ),
        matter=f"order {order.number}",
        order=order,
    )


def _known_order(facts: Facts, case: Case) -> Order | None:
    """The order a colleague named, else the one the case is about, else the only one it can be."""
    for said in reversed(facts.answers):
        for number in said.orders:
            if number in facts.orders:
                return facts.orders[number]
    own = case.decide(facts).order
    if own or len(facts.orders) != 1:
        return own or next((facts.orders[number] for number in likely(facts) if number in facts.orders), None)
    return next(iter(facts.orders.values()))


def decided(facts: Facts, verdict: Verdict) -> Verdict:
    """What remains when nobody said what to do, or a colleague takes over: nothing is done, the customer hears that we are on it."""
    last = facts.last
    asked = facts.conversation.of("ask_person")
    if last:
        why = f"{last.by or 'A colleague'} goes on with it: “{last.text}”."
    elif asked and asked[-1].outcome is Outcome.EXPIRED:
        why = "Nobody answered my question in time."
    elif asked and asked[-1].outcome is Outcome.REFUSED:
        why = f"My question was turned down: {asked[-1].sentence.rstrip('.')}."
    elif asked:
        why = "I could not get an answer to my question."
    else:
        why = "I have no way to ask anybody here."
    return replace(
        verdict,
        finding=f"{verdict.finding} {why} A person has to go on from here; I changed nothing.",
        subject="We are looking into your request",
        message=(
            "Thank you for writing to us. Your request needs a closer look by a colleague, who will get back to you. "
            "You do not need to do anything until then."
        ),
        question="",
        actions=(),
    )


def _bare(finding: str) -> Verdict:
    return Verdict(finding=finding, subject="Your request", message="", matter="your request")
