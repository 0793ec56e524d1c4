"""What a case comes to once a colleague has answered, or when nobody has."""

from __future__ import annotations

from dataclasses import replace

from agentdesk.runtime.offline.conversation import Outcome
from agentdesk.runtime.offline.directive import Directive, Verb
from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.shop import Order
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict, refund


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
        case Verb.TAKE_OVER:
            return handed_over(facts, case.decide(facts))
        case _:
            return None


def _declined(facts: Facts, case: Case, said: Directive) -> Verdict:
    return replace(
        _bare(f"{said.by or 'A colleague'} decided against it: “{said.text}”."),
        headline="Declined as a colleague decided; nothing was paid.",
        thought=f"{said.by or 'A colleague'} decided against it. I pass that on kindly.",
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
        headline="Answered as a colleague said.",
        thought=f"{said.by or 'A colleague'} said what to answer. I pass it on.",
        subject="An answer to your question",
        message=f"Thank you for your patience. {text.rstrip('.')}.",
    )


def _ordered_refund(facts: Facts, case: Case, said: Directive) -> Verdict | None:
    order = _known_order(facts, case)
    if order is None:
        return _which_order(facts, said)
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


def _which_order(facts: Facts, said: Directive) -> Verdict:
    choices = "; ".join(str(brief) for brief in facts.briefs[:5]) or "none on the account"
    return replace(
        _bare(
            f"{said.by or 'A colleague'} asked for a refund (“{said.text}”), but it is not known on which order."
        ),
        question=f"Which order shall the refund go to? Recent orders: {choices}. Answer with the order number.",
        thought="I know what to pay back but not on which order, and I will not guess. I ask once more.",
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
    return own or (next(iter(facts.orders.values())) if len(facts.orders) == 1 else None)


def handed_over(facts: Facts, verdict: Verdict) -> Verdict:
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
        headline="Handed over to a colleague; nothing was paid or changed.",
        thought="This is where my part ends: a person has to go on.",
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
