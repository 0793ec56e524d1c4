"""The gate: before each tool call it allows, asks a person, or refuses; and again inside the effect's transaction."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from django.db import transaction

from agentdesk.core import rows
from agentdesk.core.clock import database_now
from agentdesk.core.errors import DeskError, ToolError
from agentdesk.events.record import gathered
from approvals import policies
from approvals.ask import open_for
from approvals.caps import hold_to
from approvals.models import Approval, ApprovalStatus, Decision, Verdict
from approvals.people import askers_of, person
from approvals.policy import Allowed, Band, Signature, complete, consider, entitled
from approvals.seen import present_facts, seen_hash
from tasks import transitions
from tasks.models import Task
from tools.arguments import Parsed, validated
from tools.calls import close, refresh
from tools.models import FINISHED, OUTSIDE, REJECTED, CallStatus, ToolCall
from tools.registry import find
from tools.spec import Context, ToolSpec


class Answer(StrEnum):
    RUN = "run"
    ASK = "ask"


class MustAsk(DeskError):
    """There is no valid sign-off for exactly this call in exactly this state of the world: ask people (again)."""

    code = "must_ask"


def never_asks(call: ToolCall) -> bool:
    """Whether the gate has no question about this call, whatever the policy says; costs no database query."""
    spec = find(call.tool)
    return call.status in FINISHED or spec is None or not spec.may_have_to_wait


def ask_gate(task: Task, call: ToolCall) -> Answer:
    """Whether a call of a claimed task can go on now; afterwards `call` is as the database has it.

    Where a person is needed, the approval is open when this returns. A refused or impossible call is closed here, and goes
    on to tell the model so. Raises ClaimLost.
    """
    spec = find(call.tool)
    if spec is None or never_asks(call):
        return Answer.RUN
    with transaction.atomic():
        transitions.confirm(task)
        refresh(call, task)
        with gathered(task):
            match call.status:
                case CallStatus.ASKING:
                    return Answer.ASK
                case CallStatus.PROPOSED:
                    return _consider(Context(task=task, call=call), spec)
                case _:
                    return Answer.RUN


def _consider(context: Context, spec: ToolSpec[Any]) -> Answer:
    call = context.call
    if spec.asks_question is not None:
        return Answer.ASK if open_for(context) else Answer.RUN
    parsed = validated(spec, call.arguments or {})
    if spec.waits_for_task is not None:
        try:
            return Answer.ASK if spec.waits_for_task(context, parsed.value) else Answer.RUN
        except ToolError:
            return Answer.RUN  # its handler says the same to the model
    assert spec.sensitive is not None
    try:
        spec.sensitive.check(context, parsed.value)
        _refuse_repetition(call)
        subject = spec.sensitive.subject(context, parsed.value)
        if subject and _busy(subject, call):
            raise ToolError(
                "Another call about the same order waits for a person, or is under way. Wait for its end first.",
                code="subject_busy",
            )
    except ToolError as error:
        status = (
            CallStatus.REFUSED if error.code in {"rejected_before", "subject_busy"} else CallStatus.FAILED
        )
        close(
            call,
            status,
            {"refused" if status == CallStatus.REFUSED else "error": error.sentence},
            code=error.code,
        )
        return Answer.RUN
    return Answer.ASK if open_for(context) else Answer.RUN


def _busy(subject: str, call: ToolCall) -> bool:
    """Whether people are asked about the same thing, or another call acts on it outside, or may have."""
    asked = rows.read(Approval, {"status": ApprovalStatus.OPEN, "subject": subject})
    acting = rows.read(ToolCall, {"status": OUTSIDE, "subject": subject})
    return any(other.tool_call_id != call.pk for other in asked) or any(
        other.pk != call.pk for other in acting
    )


def _refuse_repetition(call: ToolCall) -> None:
    rejected = {"task_id": call.task_id, "tool": call.tool, "arguments_hash": call.arguments_hash}
    # those taken over from another task included
    if rows.read(ToolCall, {**rejected, "error_code": REJECTED}, limit=1):
        raise ToolError(
            "A person rejected exactly this call before. Take their reason into account instead.",
            code="rejected_before",
        )


def authorise(context: Context, spec: ToolSpec[Any], parsed: Parsed) -> None:
    """The last check, inside the effect's transaction.

    Raises MustAsk when a sensitive call has no valid sign-off (or its facts, policy or signers changed since), CapReached
    when a cap has no room for it, and ToolError when it has become impossible.
    """
    if spec.asks_question is not None:
        raise MustAsk("Only a person's answer ends this call.")
    if spec.waits_for_task is not None and (sentence := spec.waits_for_task(context, parsed.value)):
        raise MustAsk(sentence)
    if spec.sensitive is not None:
        _signed_off(context, spec, parsed)
        hold_to(context, spec, parsed)


def _signed_off(context: Context, spec: ToolSpec[Any], parsed: Parsed) -> None:
    assert spec.sensitive is not None
    if context.call.status != CallStatus.ALLOWED:
        raise MustAsk("Nobody has allowed this call yet.")
    facts = present_facts(context, spec, parsed)
    version, rules = policies.current()
    verdict = consider(rules, tool=spec.name, amount=spec.sensitive.amount(context, parsed.value))
    if isinstance(verdict, Allowed):
        return
    approved = rows.read(Approval, {"tool_call_id": context.call.pk, "status": ApprovalStatus.APPROVED})
    if not approved:
        raise MustAsk("Nobody has signed this call.")
    approval = approved[-1]
    approval.task = context.task
    if seen_hash(context.call, version=version, facts=facts) != approval.seen_hash:
        raise MustAsk("The order or the policy changed after the sign-off.")
    if approval.expires_at is not None and approval.expires_at <= database_now():
        raise MustAsk("The sign-off ran out before the call could run.")
    if not _still_signed(approval, verdict.band):
        raise MustAsk("Somebody who signed may not sign this any more.")


def _still_signed(approval: Approval, band: Band) -> bool:
    """Enough signatures for exactly what was shown, by people who could sign it this very moment."""
    valid: list[Signature] = []
    signed = {"approval_id": approval.pk, "verdict": Verdict.APPROVE, "seen": approval.seen_hash}
    for decision in rows.read(Decision, signed, order_by=["decided_at", "id"]):
        signer = person(decision.decided_by_id)
        if entitled(band, signer, askers=askers_of(approval.task)) is None:
            valid.append(Signature(signer.id, signer.groups))
    return complete(band, valid)
