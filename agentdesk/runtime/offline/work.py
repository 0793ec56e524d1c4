"""The way every case goes: plan, look, check, act, record and tell, finish; the next answer follows from the facts."""

from __future__ import annotations

from dataclasses import replace

from agentdesk.runtime.offline import report, thoughts
from agentdesk.runtime.offline.acting import carried_out
from agentdesk.runtime.offline.answer import Answer, Wish
from agentdesk.runtime.offline.cases import CASES
from agentdesk.runtime.offline.conversation import Conversation, Outcome
from agentdesk.runtime.offline.directive import Verb
from agentdesk.runtime.offline.facts import RECENT, Facts, gather, may_retry, still_needed
from agentdesk.runtime.offline.staff import after_answer, handed_over
from agentdesk.runtime.offline.ticking import Phase, ticked
from agentdesk.runtime.offline.verdict import Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind

MOST_QUESTIONS = 2
MOST_CALLS = 60  # far above any case; a conversation that gets here goes round in circles


def next_answer(conversation: Conversation) -> Answer:
    facts = gather(conversation)
    if len(conversation.calls) >= MOST_CALLS:
        return report.circling(facts)
    return _plan(facts) or _look(facts) or _check(facts) or _settle(facts)


def _plan(facts: Facts) -> Answer | None:
    conversation = facts.conversation
    if "add_todos" not in conversation.tools or not still_needed(conversation.of("add_todos")):
        return None
    todos = CASES[facts.reading.kind].todos(facts)
    return Answer(
        thoughts.first_thought(facts), thoughts.opening(facts), (Wish("add_todos", {"todos": list(todos)}),)
    )


def _look(facts: Facts) -> Answer | None:
    """Customer and orders. A question without a customer needs neither."""
    conversation = facts.conversation
    if not facts.customer:
        if facts.kind is Kind.GENERAL:
            return None
        return _find_customer(facts)
    wishes = [
        wish
        for wish in (
            Wish("get_user_data", {"customer": facts.customer}),
            Wish("get_recent_orders", {"customer": facts.customer, "limit": RECENT}),
        )
        if wish.tool in conversation.tools
        and still_needed(conversation.of(wish.tool, customer=facts.customer))
    ]
    if wishes:
        thought = f"First the context: who {facts.who} is, and what was bought lately."
        return ticked(facts, Phase.LOOK, Answer(thought, "", tuple(wishes)))
    if facts.buyer or facts.briefs or "get_user_data" not in conversation.tools:
        return None
    failed = conversation.of("get_user_data", customer=facts.customer)[-1].sentence
    question = (
        f"I cannot find the customer “{facts.customer}”: {failed.rstrip('.')}. "
        "Which customer is this about? Answer with the customer number or e-mail address."
    )
    return _ask_whom(facts, question)


def _find_customer(facts: Facts) -> Answer:
    conversation = facts.conversation
    wishes = [
        Wish("get_order_details", {"order": number})
        for number in facts.mentioned
        if "get_order_details" in conversation.tools
        and still_needed(conversation.of("get_order_details", order=number))
    ]
    if wishes:
        thought = "Nobody is named as the customer, but an order is: it will tell me whose it is."
        return ticked(facts, Phase.LOOK, Answer(thought, "", tuple(wishes)))
    return _ask_whom(
        facts,
        "This task names no customer. Which customer is it about? Answer with the number or e-mail address.",
    )


def _ask_whom(facts: Facts, question: str) -> Answer:
    if _may_ask(facts, question):
        thought = "Without knowing the customer I must not touch anything. I ask a colleague."
        return ticked(facts, Phase.LOOK, Answer(thought, "", (Wish("ask_person", {"question": question}),)))
    return report.gave_up(
        facts, "I could not find out which customer this is about, so I changed nothing and told nobody."
    )


def _check(facts: Facts) -> Answer | None:
    """Details of the orders it may be about, and the runbook, in one turn."""
    conversation = facts.conversation
    case = CASES[facts.kind]
    wishes = [
        wish
        for wish in (
            *(Wish("get_order_details", {"order": number}) for number in case.wanted(facts)),
            Wish("get_runbook_by_category", {"category": case.category}),
        )
        if wish.tool in conversation.tools and still_needed(conversation.of(wish.tool, **wish.arguments))
    ]
    if not wishes:
        return None
    return ticked(facts, Phase.CHECK, Answer(thoughts.checking_thought(facts, wishes), "", tuple(wishes)))


def _settle(facts: Facts) -> Answer:
    case = CASES[facts.kind]
    verdict = _verdict(facts, case)
    if verdict.question and verdict.message and _agreed(facts):  # a yes to “which order?” agrees to nothing
        by = facts.last.by if facts.last else ""
        verdict = replace(
            verdict, question="", thought=f"{by or 'A colleague'} said yes, so I go on with what I proposed."
        )
    if verdict.question:
        if _may_ask(facts, verdict.question):
            wish = Wish("ask_person", {"question": verdict.question})
            return ticked(facts, Phase.ACT, Answer(verdict.thought, "", (wish,)))
        verdict = handed_over(facts, verdict)
    done = carried_out(facts, verdict)
    if done.next_action:
        return ticked(facts, Phase.ACT, Answer(done.thought, "", (done.next_action,)))
    return report.answer(facts, case, verdict, done)


def _verdict(facts: Facts, case: Case) -> Verdict:
    """What a colleague said goes before what the case's own rules say."""
    return after_answer(facts, case) or case.decide(facts)


def _agreed(facts: Facts) -> bool:
    return facts.last is not None and facts.last.verb is Verb.YES


def _may_ask(facts: Facts, question: str) -> bool:
    asked = facts.conversation.of("ask_person")
    if "ask_person" not in facts.conversation.tools or len(asked) >= MOST_QUESTIONS:
        return False
    if any(call.outcome in (Outcome.REFUSED, Outcome.EXPIRED) for call in asked):
        return False
    same = [call for call in asked if call.arguments.get("question") == question]
    return not same or may_retry(same)
