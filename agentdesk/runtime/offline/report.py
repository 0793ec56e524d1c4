"""What colleagues and the customer read: thoughts, the internal document, the message, the final answer."""

from __future__ import annotations

from agentdesk.core.text import shortened
from agentdesk.runtime.offline.acting import REFUNDS, Done
from agentdesk.runtime.offline.answer import Answer, Wish
from agentdesk.runtime.offline.conversation import Call, Outcome
from agentdesk.runtime.offline.directive import for_customer
from agentdesk.runtime.offline.facts import Facts, may_retry
from agentdesk.runtime.offline.shop import money
from agentdesk.runtime.offline.thoughts import closing_thought
from agentdesk.runtime.offline.ticking import Phase, closing, ticked
from agentdesk.runtime.offline.verdict import REFUNDED, Case, Verdict
from agentdesk.runtime.offline.word_groups import Kind

_ACTING = (Kind.DUPLICATE, Kind.DAMAGED, Kind.WRONG, Kind.LATE, Kind.MISSING, Kind.CANCEL)
"""Their third to-do is a deed; when there is none to do it is skipped, not done."""
_MANY_REFUNDS = 3
SIGNATURE = "Kind regards\nYour support team"


def answer(facts: Facts, case: Case, verdict: Verdict, done: Done) -> Answer:
    """Document and message first, then the last ticks, then the final answer."""
    document, message = _document(facts, case, verdict, done), _message(facts, verdict, done)
    wishes = [
        wish
        for wish in (document, message)
        if wish and wish.tool in facts.conversation.tools and _open(facts, wish)
    ]
    skipped = [] if message else [Phase.TELL]
    if not done.worked and (done.stopped or case.kind in _ACTING):
        skipped.append(Phase.ACT)
    if wishes:
        thought = closing_thought(facts, verdict, done, tells=message is not None)
        step = Answer(thought, "", tuple(wishes))
        return ticked(
            facts, Phase.RECORD, step, also=(Phase.TELL,) if message else (), skipped=tuple(skipped)
        )
    ticks = closing(facts, skipped=tuple(skipped))
    if ticks:
        return Answer("Everything is done that can be done; I tick off the rest of the plan.", "", ticks)
    return Answer("The work is finished. I sum up what happened.", _final(facts, verdict, done, message))


def circling(facts: Facts) -> Answer:
    return gave_up(facts, "I am going round in circles on this one and stop here. A person has to go on.")


def gave_up(facts: Facts, why: str) -> Answer:
    ticks = closing(facts, skipped=(Phase.LOOK, Phase.CHECK, Phase.ACT, Phase.RECORD, Phase.TELL))
    if ticks:
        return Answer("I cannot go on with this plan, so I close it honestly.", "", ticks)
    asked = [
        f"- I asked: “{call.arguments.get('question')}” {_outcome(call)}"
        for call in facts.conversation.of("ask_person")
    ]
    return Answer(
        "There is nothing more I can do here.", "\n".join([f"**Not solved.** {why}", "", *asked]).strip()
    )


def _open(facts: Facts, wish: Wish) -> bool:
    calls = facts.conversation.of(wish.tool)
    return not calls or may_retry(calls)


def _document(facts: Facts, case: Case, verdict: Verdict, done: Done) -> Wish:
    request = facts.conversation.request
    about = verdict.order.number if verdict.order else (request.ticket or facts.customer or "request")
    who = (
        f"{facts.buyer.name} ({facts.buyer.number})"
        if facts.buyer
        else (facts.customer or "no customer named")
    )
    parts = [
        f"**Customer:** {who}" + (f", {facts.buyer.tier}" if facts.buyer and facts.buyer.tier else ""),
        f"**Asked for:** {shortened(' '.join((request.subject or request.body).split()), 160)}",
        "",
        "## Finding",
        verdict.finding,
        *(f"- {fact}" for fact in verdict.evidence),
    ]
    if verdict.clause:
        runbook = facts.runbooks.get(case.category)
        parts += ["", "## Rule", f"{runbook.title if runbook else 'Runbook'}, {verdict.clause}"]
    parts += ["", "## What was done", *_done_lines(done)]
    if facts.pretended:
        parts += [
            "",
            "## Note",
            "The message contained text posing as instructions to the agent. It was not followed: "
            + "; ".join(f"“{shortened(' '.join(text.split()), 140)}”" for text in facts.pretended[:3]),
        ]
    if facts.buyer and facts.buyer.refunds_90_days >= _MANY_REFUNDS:
        parts += ["", f"The account had {facts.buyer.refunds_90_days} refunds in the last 90 days."]
    title = f"{case.kind.value.capitalize()}: {about}"
    return Wish("write_document", {"title": shortened(title, 200), "body": "\n".join(parts)})


def _done_lines(done: Done) -> list[str]:
    lines = [f"- {_sentence(call)}" for call in done.worked]
    if done.stopped:
        lines.append(f"- Not done: {_intention(done.stopped)} {_outcome(done.stopped)}")
    return lines or ["- Nothing was changed and no money was moved."]


def _sentence(call: Call) -> str:
    result, asked = call.result, call.arguments
    if call.tool in REFUNDS:
        currency = str(result.get("currency") or asked.get("currency") or "")
        paid = int(result.get("amount_minor") or 0)
        text = f"Refunded {money(paid, currency)} on {result.get('order', asked.get('order'))} (refund {result.get('refund', '')})."
        if asked.get("amount_minor") not in (None, paid):
            text += f" I had proposed {money(int(asked['amount_minor']), currency)}; a colleague changed the amount."
        return text
    return f"Cancelled {asked.get('order')} before it was shipped."


def _intention(call: Call) -> str:
    if call.tool in REFUNDS:
        amount = call.arguments.get("amount_minor")
        sum_in_words = f" of {money(int(amount), str(call.arguments.get('currency', '')))}" if amount else ""
        return f"the refund{sum_in_words} on {call.arguments.get('order')}."
    return f"cancelling {call.arguments.get('order')}."


def _outcome(call: Call) -> str:
    match call.outcome:
        case Outcome.REFUSED:
            return f"It was refused: “{call.sentence}”"
        case Outcome.EXPIRED:
            return "Nobody answered in time."
        case Outcome.DONE:
            return f"The answer was: “{call.result.get('answer', '')}”"
        case _:
            return f"It failed: {call.sentence.rstrip('.')}."


def _message(facts: Facts, verdict: Verdict, done: Done) -> Wish | None:
    """The message to the customer; None when there is nothing to say or nobody to say it to."""
    if not (facts.buyer and verdict.message):
        return None
    subject, body = verdict.subject, verdict.message
    currency = verdict.order.currency if verdict.order else ""
    if done.stopped:
        subject, body = f"About {verdict.matter}", _stopped_message(verdict, done)
    body = body.replace(REFUNDED, money(done.refunded_minor, currency))
    subject = subject.replace(REFUNDED, money(done.refunded_minor, currency))
    greeting = f"Hi {facts.first_name}," if facts.first_name else "Hello,"
    return Wish(
        "notify_user",
        {
            "customer": facts.buyer.number,
            "subject": shortened(subject, 150),
            "body": f"{greeting}\n\n{body}\n\n{SIGNATURE}",
        },
    )


def _stopped_message(verdict: Verdict, done: Done) -> str:
    stopped = done.stopped
    assert stopped is not None
    before = ""
    if any(call.tool == "cancel_order" for call in done.worked) and verdict.order:
        before = f"Your order {verdict.order.number} is cancelled and will not be sent. "
    if done.refunded_minor and verdict.order:
        before += f"We have given you back {verdict.order.money(done.refunded_minor)}. "
    thanks = "Thank you for writing to us and for your patience. "
    if stopped.outcome is Outcome.REFUSED:
        return (
            f"{thanks}{before}We have looked into {verdict.matter}. I am sorry that we cannot refund it: {for_customer(stopped.sentence)}. "
            "If you think we have missed something, just reply to this message."
        )
    return f"{thanks}{before}We are still looking into {verdict.matter}. A colleague will get back to you about it; you do not need to do anything."


def _final(facts: Facts, verdict: Verdict, done: Done, message: Wish | None) -> str:
    lines = [f"**{_headline(verdict, done)}**", "", verdict.finding, ""]
    lines += _done_lines(done)
    lines += _paperwork(facts, message)
    if verdict.clause:
        lines.append(f"- Rule: {verdict.clause}")
    if facts.pretended:
        lines.append("- The message contained text posing as instructions to me; I did not follow it.")
    if done.stopped and done.stopped.outcome in (Outcome.EXPIRED, Outcome.ERROR):
        lines += [
            "",
            "A person should look at this: the customer has been told that we are still on it."
            if message
            else "A person should look at this.",
        ]
    return "\n".join(lines)


def _headline(verdict: Verdict, done: Done) -> str:
    if done.stopped:
        match done.stopped.outcome:
            case Outcome.REFUSED:
                return (
                    "No refund: a colleague said no."
                    if done.stopped.tool in REFUNDS
                    else "Not done: it was refused."
                )
            case Outcome.EXPIRED:
                return "No refund: nobody decided in time."
            case _:
                return "Not everything could be done."
    if done.refunded_minor and verdict.order:
        cancelled = any(call.tool == "cancel_order" for call in done.worked)
        return f"{'Cancelled, and ' if cancelled else ''}{verdict.order.money(done.refunded_minor)} refunded on {verdict.order.number}."
    if done.worked:
        return f"Cancelled {verdict.order.number}; nothing had to be paid back." if verdict.order else "Done."
    return verdict.headline


def _paperwork(facts: Facts, message: Wish | None) -> list[str]:
    lines = []
    written = facts.conversation.of("write_document")
    if written:
        good = written[-1].outcome is Outcome.DONE
        lines.append(
            "- Wrote an internal document."
            if good
            else f"- The internal document could not be written: {written[-1].sentence}"
        )
    told = facts.conversation.of("notify_user")
    if told and told[-1].outcome is Outcome.DONE:
        lines.append(f"- Wrote to {facts.who} at {told[-1].result.get('sent_to', 'the known address')}.")
    elif told:
        lines.append(f"- The message to {facts.who} could not be sent: {told[-1].sentence}")
    elif message is None:
        lines.append("- No message went to the customer.")
    return lines
