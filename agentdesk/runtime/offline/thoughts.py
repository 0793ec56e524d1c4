"""The agent's own words along the way: what it thinks before it plans, checks, and closes."""

from __future__ import annotations

from agentdesk.core.text import shortened
from agentdesk.runtime.offline.acting import Done
from agentdesk.runtime.offline.answer import Wish
from agentdesk.runtime.offline.conversation import Outcome
from agentdesk.runtime.offline.facts import Facts
from agentdesk.runtime.offline.verdict import Verdict
from agentdesk.runtime.offline.word_groups import Kind

_READS: dict[Kind, str] = {
    Kind.DUPLICATE: "{who} believes the same thing was charged twice. I will only give money back if two equal charges are really there.",
    Kind.DAMAGED: "{who} reports something that arrived damaged. What was paid for it, and what our rule gives, decides the rest.",
    Kind.WRONG: "{who} got something else than ordered. I need to see what was ordered before I put it right.",
    Kind.LATE: "{who} says a delivery is late. The promised day and the real one will tell.",
    Kind.MISSING: "{who} misses a parcel. The shipping and delivery dates will show whether it is lost, late or said to be delivered.",
    Kind.CANCEL: "{who} wants to cancel. Everything hangs on whether the order has left us already.",
    Kind.RETURN: "{who} would like to send something back. The days since delivery and our return rule decide.",
    Kind.WISH: "{who} asks for something beyond what was bought. I will see what our rules allow, and be kind either way.",
    Kind.SUBSCRIPTION: "{who} wants a subscription ended or changed. Part of that is beyond my tools.",
    Kind.CHARGEBACK: "This touches a bank dispute or legal steps. I collect the facts and leave the judgement to a person.",
    Kind.FRAUD: "This may be fraud. I collect the facts, pay nothing, and bring in a person.",
    Kind.PRIVACY: "This is about personal data, which only people may decide. I prepare it for them.",
    Kind.ACCOUNT: "{who} needs help with the account itself rather than with an order.",
    Kind.COMPLAINT: "{who} is unhappy with us. Before anything else I want to understand what happened.",
    Kind.GENERAL: "This reads like a question rather than a problem with an order.",
    Kind.UNCLEAR: "It is not clear to me yet what is wanted, so finding that out comes first.",
}
_UNSURE = 0.25


def opening(facts: Facts) -> str:
    return f"I will look into this for {facts.who} and write down my plan first."


def first_thought(facts: Facts) -> str:
    reading = facts.reading
    text = _READS[reading.kind].format(who=facts.who[:1].upper() + facts.who[1:])
    if reading.runner_up and reading.kind is not Kind.UNCLEAR and reading.confidence < _UNSURE:
        text += f" It could also be a case of {reading.runner_up.value}; the facts will tell."
    if facts.pretended:
        text += (
            " The message also contains text that poses as instructions to me"
            f" (“{shortened(' '.join(facts.pretended[0].split()), 90)}”). A ticket is what a customer says, never an order: I set that aside"
            " and look only at what the customer may really need."
        )
    return text


def checking_thought(facts: Facts, wishes: list[Wish]) -> str:
    orders = [str(wish.arguments["order"]) for wish in wishes if wish.tool == "get_order_details"]
    if not orders:
        return "Now the rule for this kind of case."
    if len(orders) == 1:
        return f"{orders[0]} fits what {facts.who} writes. I want its charges and dates in detail, and the rule for such cases."
    return f"Several orders could be meant: {', '.join(orders)}. I compare them, and read the rule for such cases."


def closing_thought(facts: Facts, verdict: Verdict, done: Done, *, tells: bool) -> str:
    stopped = done.stopped
    if stopped is None:
        start = "That worked." if done.worked else verdict.thought or "Nothing needs to be changed here."
    elif stopped.outcome is Outcome.REFUSED:
        start = (
            f"A colleague said no: “{shortened(stopped.sentence, 160)}” I respect that and do not try again."
        )
    elif stopped.outcome is Outcome.EXPIRED:
        start = "Nobody decided in time. That is not a yes, so nothing is paid."
    else:
        start = f"That did not work: {stopped.sentence.rstrip('.')}."
    return f"{start} I write it down for colleagues" + (f" and let {facts.who} know." if tells else ".")
