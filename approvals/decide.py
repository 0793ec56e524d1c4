"""One person's answer to an approval: one locked transaction, one conditional UPDATE; the loser learns who won."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from agentdesk.brakes.pulled import refuse_deciding
from agentdesk.core import rows
from agentdesk.core.clock import database_now
from agentdesk.core.errors import DeskError, Forbidden, Invalid, Late, ToolError
from agentdesk.core.text import checked, refuse_unstorable
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, gathered, record
from approvals import policies, reconcile
from approvals.ask import supersede
from approvals.caps import refuse_signer
from approvals.expire import expire
from approvals.models import Approval, ApprovalKind, ApprovalStatus, Decision, Verdict
from approvals.outcome import in_words
from approvals.people import ANSWER, DECIDE, askers_of, person, signatures_as_given
from approvals.policy import Band, Hindrance, Person, complete, entitled, hindrance
from approvals.seen import present_facts, seen_hash
from tasks import transitions
from tools.arguments import validated
from tools.calls import close
from tools.models import REJECTED, CallStatus, ToolCall
from tools.registry import find
from tools.spec import Context

MAX_REASON = 2_000


def decide(
    approval: Approval, *, by: User, verdict: str, seen: str, reason: str = "", reference: str = ""
) -> Approval:
    """Give `by`'s verdict on what hash `seen` stands for: `approve` or `reject`, `answer` for a question, `happened` or
    `did_not_happen` for a reconciliation (with `reference`, what it is called outside).

    A rejection needs a reason, an answer its text; the model reads both. Returns the approval as it is now: still open
    when more signatures are needed. Raises Forbidden (not entitled), Late (already decided, expired, withdrawn, a brake
    is pulled, or the facts changed: nothing was decided) and Invalid (the form is wrong).
    """
    if approval.kind == ApprovalKind.RECONCILIATION:
        return reconcile.answer(
            approval, by=by, verdict=verdict, seen=seen, reason=reason, reference=reference
        )
    with transaction.atomic():
        task = transitions.lock(approval.task_id)
        (present,) = rows.read(Approval, {"id": approval.pk})
        (present.tool_call,) = rows.read(ToolCall, {"id": approval.tool_call_id})
        present.task = present.tool_call.task = task
        signer = _signer(present, by)
        refusal = _not_entitled(present, signer)  # before the form: who may not decide learns nothing else
        if refusal is None:
            reason = _checked_input(present, verdict, reason)
            with gathered(task):
                refusal = _decide(present, signer, by=by, verdict=Verdict(verdict), seen=seen, reason=reason)
    if refusal is not None:  # raised after the commit: an expiry or a new question found on the way must stay
        raise refusal
    (present,) = rows.read(Approval, {"id": present.pk})
    return present


def _checked_input(approval: Approval, verdict: str, reason: str) -> str:
    wanted = {
        ApprovalKind.QUESTION: {Verdict.ANSWER},
        ApprovalKind.SIGN_OFF: {Verdict.APPROVE, Verdict.REJECT},
    }[ApprovalKind(approval.kind)]
    if verdict not in wanted:
        choices = " or ".join(sorted(wanted))
        raise Invalid(f"Choose {choices}.", fields={"verdict": "unknown"})
    if verdict == Verdict.APPROVE and not reason.strip():
        refuse_unstorable(reason)
        return ""
    return checked(reason, field="answer" if verdict == Verdict.ANSWER else "reason", max_length=MAX_REASON)


def _decide(
    approval: Approval, signer: Person, *, by: User, verdict: Verdict, seen: str, reason: str
) -> DeskError | None:
    if approval.status != ApprovalStatus.OPEN:
        return Late(in_words(approval))
    refuse_deciding(approval.tool_call.tool)
    if approval.expires_at is not None and approval.expires_at <= database_now():
        expire(approval)
        approval.refresh_from_db()
        return Late(in_words(approval))
    if seen != approval.seen_hash:
        return Late("What you were shown is not what is asked now. Look at the card again.", code="stale")
    context = Context(task=approval.task, call=approval.tool_call)
    if approval.kind == ApprovalKind.SIGN_OFF:
        refusal = _moment_forbids(approval, signer, verdict) or _world_changed(approval, context)
        if refusal is not None:
            return refusal
    if verdict == Verdict.APPROVE:
        refuse_signer(context, by)
    decision = Decision(
        approval=approval,
        decided_by=by,
        verdict=verdict,
        reason=reason,
        seen=seen,
        groups=sorted(signer.groups),
        decided_at=database_now(),
    )
    (decision.pk,) = rows.insert(Decision, [vars(decision)])
    _conclude(approval, decision)
    return None


def _signer(approval: Approval, by: User) -> Person:
    return person(by.pk, right=ANSWER if approval.kind == ApprovalKind.QUESTION else DECIDE)


def _not_entitled(approval: Approval, signer: Person) -> DeskError | None:
    if approval.kind == ApprovalKind.QUESTION:
        if not signer.active:
            return Forbidden(Hindrance.INACTIVE)
        return None if signer.may_decide else Forbidden("Your role may not answer agents' questions.")
    hindered = entitled(Band.model_validate(approval.band), signer, askers=askers_of(approval.task))
    return Forbidden(hindered) if hindered else None


def _moment_forbids(approval: Approval, signer: Person, verdict: Verdict) -> DeskError | None:
    given = signatures_as_given(_decisions(approval))
    hindered = hindrance(
        Band.model_validate(approval.band),
        signer,
        askers=askers_of(approval.task),
        signatures=given,
    )
    if hindered is None or (hindered == Hindrance.NEEDS_OTHER_GROUP and verdict == Verdict.REJECT):
        return None
    return Late(hindered) if hindered == Hindrance.SIGNED_ALREADY else Forbidden(hindered)


def _world_changed(approval: Approval, context: Context) -> DeskError | None:
    """None when facts and policy are what they were when it was asked; otherwise it is asked again, here and now."""
    call = approval.tool_call
    spec = find(call.tool)
    why = "The facts changed since this was asked"
    if spec is not None and spec.sensitive is not None:
        version, _ = policies.current()
        try:
            facts = present_facts(context, spec, validated(spec, call.arguments or {}))
            if seen_hash(call, version=version, facts=facts) == approval.seen_hash:
                return None
        except ToolError as error:
            why = error.sentence
    again = supersede(approval, why=why)
    if again is None:
        transitions.resume(approval.task)
        return Late(f"This cannot be decided any more: {why}", code="stale")
    return Late(
        "The order or the policy changed since this was asked. It is asked again with the present facts.",
        code="stale",
    )


def _conclude(approval: Approval, decision: Decision) -> None:
    call, by = approval.tool_call, decision.decided_by
    data = {"approval": approval.public_id, "call": call.key}
    match decision.verdict:
        case Verdict.REJECT:
            _close_approval(approval, ApprovalStatus.REJECTED)
            record(approval.task, Fact(Kind.APPROVAL_REJECTED, data, by=by))
            refused = f"{_name(by)} rejected this: {decision.reason}"
            close(call, CallStatus.REFUSED, {"refused": refused}, code=REJECTED)
        case Verdict.ANSWER:
            _close_approval(approval, ApprovalStatus.ANSWERED)
            record(approval.task, Fact(Kind.APPROVAL_ANSWERED, data, by=by))
            close(call, CallStatus.DONE, {"answer": decision.reason, "answered_by": _name(by)})
        case _:
            band = Band.model_validate(approval.band)
            if not complete(band, signatures_as_given(_decisions(approval))):
                record(approval.task, Fact(Kind.APPROVAL_SIGNED, data, by=by))
                return
            _close_approval(approval, ApprovalStatus.APPROVED)
            moved = rows.change(
                ToolCall,
                call.pk,
                where={"status": CallStatus.ASKING},
                put={"status": CallStatus.ALLOWED},
                returning="id",
            )
            assert moved, "an open approval belongs to a call that waits for it"
            record(approval.task, Fact(Kind.APPROVAL_APPROVED, data, by=by))
    transitions.resume(approval.task)


def _decisions(approval: Approval) -> list[Decision]:
    return rows.read(Decision, {"approval_id": approval.pk}, order_by=["decided_at", "id"])


def _close_approval(approval: Approval, status: ApprovalStatus) -> None:
    moved = rows.change(
        Approval,
        approval.pk,
        where={"status": ApprovalStatus.OPEN},
        put={"status": status},
        computed={"closed_at": rows.now()},
        returning="id",
    )
    assert moved, "the task's lock orders all decisions"


def _name(user: User) -> str:
    return user.get_full_name() or user.get_username()
