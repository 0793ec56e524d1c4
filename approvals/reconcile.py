"""Nobody knows whether a call had its effect outside: a person finds out, and their word ends it.

Audited like a sign-off: an approval of its own kind, one decision, numbered events. It never expires, and whoever asked
for the task has no say in it.
"""

from __future__ import annotations

import logging
from concurrent.futures import TimeoutError as NoAnswer
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from agentdesk.brakes.pulled import refuse_deciding
from agentdesk.core.canonical import digest
from agentdesk.core.clock import database_now
from agentdesk.core.errors import Forbidden, Invalid, Late
from agentdesk.core.text import checked, refuse_unstorable, shortened
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from approvals.models import Approval, ApprovalKind, ApprovalStatus, Decision, Verdict
from approvals.outcome import in_words
from approvals.people import RECONCILE, person
from approvals.policy import Hindrance, Person
from tasks import transitions
from tools.calls import close
from tools.carry import start
from tools.models import OUTSIDE, AttemptKind, CallStatus, ToolCall
from tools.outcomes import Found, Happened, Refused, Unclear
from tools.outside import Asked, asked, in_brief, note, settle, settle_not
from tools.registry import label
from tools.spec import Context

logger = logging.getLogger(__name__)

MAX_REASON = 2_000
MAX_REFERENCE = 120
PATIENCE_SECONDS = 15.0
"""How long a person waits for the other side's answer."""
NO_RIGHT = "Your role may not say whether something happened outside."
REQUESTER = "You asked for this task, so somebody else has to find out."


def ask_people(context: Context, why: str) -> None:
    """Open the reconciliation of a call that has just become unknown, in that transaction."""
    call = context.call
    facts = {
        "asked_for": label(call.tool, call.arguments),
        "key": call.key,
        "request": call.request or {},
        "currency": call.currency or None,
        "nobody_knows_because": why,
    }
    approval = Approval(
        kind=ApprovalKind.RECONCILIATION,
        task=context.task,
        tool_call=call,
        title=shortened(f"Did this happen? {facts['asked_for']}", 200),
        subject=call.subject,
        amount_minor=call.amount_minor,
        currency=call.currency,
        why=shortened(why, 400),
        facts=facts,
        seen_hash=digest({"call": call.key, "arguments": call.arguments_hash, "facts": facts}),
        opened_at=database_now(),
    )
    try:
        with transaction.atomic():
            approval.save()
    except IntegrityError:
        # a sign-off about the same subject was opened while this call acted; its facts have changed by that, so it is
        # asked again before it counts, and then this call stands in its way
        approval.subject = ""
        approval.save()
    data = {"approval": approval.public_id, "call": call.key, "title": approval.title}
    record(context.task, Fact(Kind.RECONCILIATION_OPENED, data))


def hindrance(approval: Approval, reader: Person) -> str | None:
    """Why this person may not answer, or None; `reader` is read with the right RECONCILE."""
    if not reader.active:
        return Hindrance.INACTIVE
    if not reader.may_decide:
        return NO_RIGHT
    if reader.id == approval.task.requested_by_id:
        return REQUESTER
    return None


def answer(approval: Approval, *, by: User, verdict: str, seen: str, reason: str, reference: str) -> Approval:
    """Take `by`'s word (`happened` or `did_not_happen`) with its reason; the task goes on and the agent is told.

    Where the other side can be asked, "it did not happen" is only taken when it does not say the contrary at this moment.
    Raises Forbidden (not entitled), Invalid (the form is wrong), Late (answered already, or the other side says that it
    happened: that was booked instead) and NotBooked.
    """
    _refuse_whoever_may_not(approval, by)
    if verdict not in {Verdict.HAPPENED, Verdict.DID_NOT_HAPPEN}:
        raise Invalid("Choose whether it happened or not.", fields={"verdict": "unknown"})
    reason = checked(reason, field="reason", max_length=MAX_REASON)
    reference = _checked_reference(reference)
    if verdict == Verdict.DID_NOT_HAPPEN and approval.is_open:
        found = _ask(approval, by=by)
        if isinstance(found, Refused):
            approval.refresh_from_db()
            return approval
        if isinstance(found, Happened):
            raise Late(
                f"It did happen: the other side knows it by its key as {found.reference}. That was booked."
            )
    with transaction.atomic():
        present = _locked(approval)
        refuse_deciding(present.tool_call.tool)
        if seen != present.seen_hash:
            raise Late("What you were shown is not what is asked now. Look at the page again.", code="stale")
        conclude(present, by=by, verdict=Verdict(verdict), reason=reason, reference=reference)
    present.refresh_from_db()
    return present


def ask_again(approval: Approval, *, by: User) -> None:
    """Ask the other side by the call's key, now; what it knows for certain settles the matter, the rest is kept.

    Raises Forbidden, Late (answered already) and NotBooked.
    """
    _refuse_whoever_may_not(approval, by)
    if not approval.is_open:
        raise Late(in_words(approval))
    _ask(approval, by=by)


def _ask(approval: Approval, *, by: User) -> Found:
    """One exchange, kept with the person's name, and settled where the answer is certain."""
    known = asked(approval.tool_call)
    if known is None or not known.can_ask:
        return Unclear("Nobody can be asked by a key here.")
    try:
        found = start(known, AttemptKind.ASK).result(
            timeout=min(known.outside.deadline_seconds, PATIENCE_SECONDS)
        )
    except NoAnswer:
        found = Unclear("No answer in time.")
    except Exception as error:
        logger.exception("Asking about %s broke off", known.call.key)
        found = Unclear(f"It broke off with {type(error).__name__}.")
    came, words = in_brief(found)
    with transaction.atomic():
        present = _locked(approval)
        note(present.tool_call, AttemptKind.ASK, came, words, by=by)
        if isinstance(found, Happened):
            said = "The other side knows it by its key."
            conclude(
                present, by=by, verdict=Verdict.HAPPENED, reason=said, reference=found.reference, found=found
            )
        elif isinstance(found, Refused):
            conclude(present, by=by, verdict=Verdict.DID_NOT_HAPPEN, reason=found.sentence, reference="")
    return found


def conclude(
    approval: Approval,
    *,
    by: User,
    verdict: Verdict,
    reason: str,
    reference: str,
    found: Happened | None = None,
) -> None:
    """Close the question and the call, and let the task go on; the task is locked and the question is open."""
    call, task = approval.tool_call, approval.task
    Decision.objects.create(
        approval=approval,
        decided_by=by,
        verdict=verdict,
        reason=reason,
        reference=reference,
        seen=approval.seen_hash,
        groups=sorted(person(by.pk, right=RECONCILE).groups),
        decided_at=database_now(),
    )
    moved = Approval.objects.filter(pk=approval.pk, status=ApprovalStatus.OPEN).update(
        status=ApprovalStatus.ANSWERED, closed_at=Now()
    )
    assert moved, "the task's lock orders all answers"
    data = {"approval": approval.public_id, "call": call.key, "verdict": verdict}
    record(task, Fact(Kind.RECONCILIATION_ANSWERED, data, by=by))
    _end_call(asked(call), call, approval, by, verdict, reason, found or Happened(reference))
    transitions.resume(task)


def _end_call(
    known: Asked | None,
    call: ToolCall,
    approval: Approval,
    by: User,
    verdict: Verdict,
    reason: str,
    happened: Happened,
) -> None:
    name = by.get_full_name() or by.get_username()
    if verdict == Verdict.HAPPENED:
        told: dict[str, Any] = {"found_out_by": name, "found_out": reason}
        if known is not None:
            settle(known, approval.task, happened, told=told)
        else:  # the tool is gone: there is nothing that could book it
            close(call, CallStatus.DONE, {"reference": happened.reference, **told}, among=OUTSIDE)
        return
    sentence = (
        f"Nobody knew whether this had happened. {name} found out that it did not: {reason} "
        "It may be done again if it is still right."
    )
    if known is not None:
        settle_not(known, approval.task, sentence, code="did_not_happen")
    else:
        close(call, CallStatus.FAILED, {"error": sentence}, code="did_not_happen", among=OUTSIDE)


def _locked(approval: Approval) -> Approval:
    """The reconciliation with its task locked. Raises Late when it has been answered."""
    task = transitions.lock(approval.task_id)
    present = Approval.objects.select_related("tool_call").get(pk=approval.pk)
    present.task = present.tool_call.task = task
    if not present.is_open:
        raise Late(in_words(present))
    return present


def _refuse_whoever_may_not(approval: Approval, by: User) -> None:
    hindered = hindrance(approval, person(by.pk, right=RECONCILE))
    if hindered is not None:
        raise Forbidden(hindered)


def _checked_reference(reference: str) -> str:
    refuse_unstorable(reference)
    clean = " ".join(reference.split())
    if len(clean) > MAX_REFERENCE:
        raise Invalid(
            f"The reference is longer than {MAX_REFERENCE} characters. Shorten it.",
            fields={"reference": "too long"},
        )
    return clean
