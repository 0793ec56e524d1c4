"""Everything known about the case at this point of the conversation, derived from it and from nothing else."""

from __future__ import annotations

import re
from dataclasses import dataclass

from agentdesk.runtime.offline import directive, runbook
from agentdesk.runtime.offline.conversation import Call, Conversation, Outcome
from agentdesk.runtime.offline.directive import Directive, Verb
from agentdesk.runtime.offline.injection import set_aside
from agentdesk.runtime.offline.request import order_numbers
from agentdesk.runtime.offline.shop import Brief, Buyer, Order
from agentdesk.runtime.offline.word_groups import Kind
from agentdesk.runtime.offline.words import Reading, classify

RECENT = 10
_PASSING = re.compile(
    r"try again|temporar|timed? ?out|unavailable|locked|busy|an error occurred while|connection",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Facts:
    conversation: Conversation
    words: str
    """What the customer wrote, without sentences that pretend to be orders to the agent."""
    pretended: tuple[str, ...]
    reading: Reading
    kind: Kind
    """The reading of the message, or the case a colleague named."""
    customer: str
    """How tools are asked about the customer; empty when nobody is named."""
    buyer: Buyer | None
    briefs: tuple[Brief, ...]
    orders: dict[str, Order]
    """Loaded orders of this customer by number."""
    not_theirs: dict[str, str]
    """Order numbers that cannot be worked on, with the reason."""
    mentioned: tuple[str, ...]
    answers: tuple[Directive, ...]
    runbooks: dict[str, runbook.Runbook]

    @property
    def said(self) -> str:
        """The customer's words and what colleagues added to them."""
        added = [answer.text for answer in self.answers if answer.verb in (Verb.CASE, Verb.FACT, Verb.OTHER)]
        return "\n".join([self.words, *added])

    @property
    def last(self) -> Directive | None:
        """The colleague's latest answer that says what to do."""
        return next(
            (said for said in reversed(self.answers) if said.verb not in (Verb.FACT, Verb.CASE)), None
        )

    @property
    def first_name(self) -> str:
        name = (self.buyer.name if self.buyer else "") or self.conversation.request.name
        return name.split()[0] if name.split() else ""

    @property
    def who(self) -> str:
        return self.first_name or "the customer"


def gather(conversation: Conversation) -> Facts:
    request = conversation.request
    subject, aside_subject = set_aside(request.subject)
    body, aside_body = set_aside(request.body)
    reading = classify(subject, body)
    answers = tuple(
        directive.read(str(call.result.get("answer", "")), str(call.result.get("answered_by", "")))
        for call in conversation.of("ask_person")
        if call.outcome is Outcome.DONE
    )
    named_case = next((said.kind for said in reversed(answers) if said.verb is Verb.CASE and said.kind), None)
    users = [call for call in conversation.of("get_user_data") if call.outcome is Outcome.DONE]
    buyer = Buyer.of(users[-1].result) if users else None
    listed = conversation.done("get_recent_orders")
    orders, not_theirs = _orders(conversation, buyer)
    customer = request.customer or (next((order.customer for order in orders.values()), ""))
    customer = next((said.customer for said in reversed(answers) if said.customer), customer)
    answered = [number for said in reversed(answers) for number in said.orders]
    return Facts(
        conversation=conversation,
        words=f"{subject}\n{body}".strip(),
        pretended=aside_subject + aside_body,
        reading=reading,
        kind=named_case or reading.kind,
        customer=customer,
        buyer=buyer,
        briefs=tuple(Brief.of(brief) for brief in (listed.result.get("orders") or [])) if listed else (),
        orders=orders,
        not_theirs=not_theirs,
        mentioned=tuple(answered or order_numbers(f"{subject}\n{body}"))[:3],
        answers=answers,
        runbooks={
            str(call.arguments.get("category")): runbook.parse(
                str(call.result.get("title", "")),
                str(call.result.get("version", "")),
                str(call.result.get("body", "")),
            )
            for call in conversation.of("get_runbook_by_category")
            if call.outcome is Outcome.DONE
        },
    )


def _orders(conversation: Conversation, buyer: Buyer | None) -> tuple[dict[str, Order], dict[str, str]]:
    orders: dict[str, Order] = {}
    strange: dict[str, str] = {}
    for call in conversation.of("get_order_details"):
        number = str(call.arguments.get("order"))
        if call.outcome is not Outcome.DONE:
            strange[number] = call.sentence
            continue
        order = Order.of(call.result)
        if buyer and order.customer and order.customer not in (buyer.number, buyer.email):
            strange[number] = f"{number} belongs to another customer"
        else:
            strange.pop(number, None)
            orders[number] = order
    return orders, strange


def refund_ordered(facts: Facts) -> bool:
    """True when a colleague's answer was to refund something."""
    return any(answer.verb is Verb.REFUND for answer in facts.answers)


def may_retry(calls: list[Call]) -> bool:
    """True when the call failed once, for a reason that may pass."""
    return len(calls) == 1 and calls[0].outcome is Outcome.ERROR and bool(_PASSING.search(calls[0].sentence))


def still_needed(calls: list[Call]) -> bool:
    """True when a call has not been made yet, or failed once for a reason that may pass."""
    return not calls or may_retry(calls)
