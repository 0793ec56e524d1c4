"""Ask people: open the approvals of a paused task and let the task wait, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from agentdesk.core import rows
from agentdesk.core.clock import database_now
from agentdesk.core.errors import ToolError
from agentdesk.core.text import shortened
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, gathered, record
from approvals import policies
from approvals.cap_count import claimant
from approvals.models import Approval, ApprovalKind, ApprovalStatus
from approvals.policy import Allowed, consider
from approvals.seen import present_facts, seen_hash
from tasks import transitions
from tasks.models import Task, WaitingFor
from tools.arguments import Parsed, validated
from tools.calls import close, refresh
from tools.models import CallStatus, ToolCall
from tools.registry import find
from tools.spec import Context, ToolSpec

QUESTION_EXPIRES = timedelta(days=7)


def pause(task: Task, calls: Sequence[ToolCall]) -> None:
    """Make a claimed task wait for the open questions about these calls, and open those that are missing.

    Where one of them was decided meanwhile, the task goes straight back to the queue instead. Raises ClaimLost.
    """
    with transaction.atomic():
        transitions.confirm(task)
        with gathered(task):
            asking: list[ToolCall] = []
            waiting: list[str] = []
            for call in calls:
                refresh(call, task)
                context = Context(task=task, call=call)
                if needs_other_task(call):
                    waiting += filter(None, [_other_task(context)])
                    continue
                if call.status == CallStatus.PROPOSED:
                    open_for(context)
                if call.status == CallStatus.ASKING:
                    asking.append(call)
            if len(asking) + len(waiting) < len(calls):
                transitions.release(task, why="What it waited for came meanwhile")
            elif asking:
                questions = all(
                    (spec := find(call.tool)) is not None and spec.asks_question for call in asking
                )
                transitions.wait(task, waiting_for=WaitingFor.QUESTION if questions else WaitingFor.APPROVAL)
            else:
                transitions.wait(task, waiting_for=WaitingFor.TASK, note=" ".join(waiting))


def needs_other_task(call: ToolCall) -> bool:
    """Whether the call can run only once another task has ended."""
    spec = find(call.tool)
    return spec is not None and spec.waits_for_task is not None


def _other_task(context: Context) -> str:
    """What a call that needs another task to have ended still waits for, or nothing.

    Read under the lock of the waiting task: whoever ends the other one takes that lock afterwards and sees it wait.
    """
    spec = find(context.call.tool)
    assert spec is not None
    assert spec.waits_for_task is not None
    if context.call.status != CallStatus.PROPOSED:
        return ""
    try:
        return spec.waits_for_task(context, validated(spec, context.call.arguments or {}).value)
    except ToolError:
        return ""


def open_for(context: Context) -> Approval | None:
    """Ask people about a proposed call; None when there turned out to be nothing to ask (it was closed or allowed).

    Call it inside a transaction that holds the task. Afterwards the call is as the database has it.
    """
    call = context.call
    spec = find(call.tool)
    assert spec is not None
    parsed = validated(spec, call.arguments or {})
    try:
        approval = (
            _question(context, spec, parsed) if spec.asks_question else _sign_off(context, spec, parsed)
        )
    except ToolError as error:
        close(call, CallStatus.FAILED, {"error": error.sentence}, code=error.code)
        return None
    wanted = claimant(context, spec, parsed).columns if spec.sensitive else {}
    if approval is None:
        _move(call, CallStatus.ALLOWED, **wanted)
        return None
    (approval.pk,) = rows.insert(Approval, [vars(approval)])
    _move(call, CallStatus.ASKING, **wanted)
    record(
        call.task,
        Fact(
            Kind.APPROVAL_OPENED, {"approval": approval.public_id, "call": call.key, "title": approval.title}
        ),
    )
    return approval


def _move(call: ToolCall, status: CallStatus, **columns: Any) -> None:
    put = {"status": status, **columns}
    moved = rows.change(ToolCall, call.pk, where={"status": CallStatus.PROPOSED}, put=put, returning="id")
    assert moved, "whoever holds the task moves its calls"
    vars(call).update(put)


def _question(context: Context, spec: ToolSpec[Any], parsed: Parsed) -> Approval:
    assert spec.asks_question is not None
    call, now = context.call, database_now()
    facts = {"question": spec.asks_question(parsed.value)}
    return Approval(
        kind=ApprovalKind.QUESTION,
        task=context.task,
        tool_call=call,
        title=shortened(" ".join(facts["question"].split()), 200),
        why="The agent cannot go on without an answer.",
        facts=facts,
        seen_hash=seen_hash(call, version=None, facts=facts),
        opened_at=now,
        expires_at=now + QUESTION_EXPIRES,
    )


def _sign_off(context: Context, spec: ToolSpec[Any], parsed: Parsed) -> Approval | None:
    sensitive = spec.sensitive
    assert sensitive is not None
    facts = present_facts(context, spec, parsed)
    amount = sensitive.amount(context, parsed.value)
    version, rules = policies.current()
    verdict = consider(rules, tool=spec.name, amount=amount)
    if isinstance(verdict, Allowed):
        return None
    call, now = context.call, database_now()
    return Approval(
        kind=ApprovalKind.SIGN_OFF,
        task=context.task,
        tool_call=call,
        title=shortened(sensitive.title(context, parsed.value), 200),
        subject=sensitive.subject(context, parsed.value),
        amount_minor=amount.minor,
        currency=amount.currency,
        policy_version=version,
        rule=verdict.rule,
        why=verdict.why,
        band=verdict.band.model_dump(mode="json"),
        facts=facts,
        seen_hash=seen_hash(call, version=version, facts=facts),
        opened_at=now,
        expires_at=now + timedelta(hours=verdict.expires_after_hours),
    )


def supersede(approval: Approval, *, why: str) -> Approval | None:
    """The world changed under an approval: close it and ask again with the present facts.

    Return the new approval, or None when the call became impossible or needs nobody now. Call it inside a transaction
    that holds or locks the task; `approval.tool_call.task` must be that locked task.
    """
    call = approval.tool_call
    moved = Approval.objects.filter(
        pk=approval.pk, status__in=[ApprovalStatus.OPEN, ApprovalStatus.APPROVED]
    ).update(status=ApprovalStatus.SUPERSEDED, closed_at=Now())
    assert moved, "only an open or an unused approved approval is superseded"
    ToolCall.objects.filter(pk=call.pk, status__in=[CallStatus.ASKING, CallStatus.ALLOWED]).update(
        status=CallStatus.PROPOSED
    )
    call.status = CallStatus.PROPOSED
    record(
        call.task,
        Fact(Kind.APPROVAL_SUPERSEDED, {"approval": approval.public_id, "call": call.key, "why": why}),
    )
    again = open_for(Context(task=call.task, call=call))
    if again is not None:
        Approval.objects.filter(pk=approval.pk).update(superseded_by=again)
    return again


def ask_again(task: Task, call: ToolCall, *, why: str) -> None:
    """The sign-off of an allowed call does not hold at its execution: supersede it and wait. Raises ClaimLost."""
    with transaction.atomic():
        transitions.confirm(task)
        approval = (
            Approval.objects.filter(tool_call=call, status=ApprovalStatus.APPROVED)
            .select_related("tool_call")
            .first()
        )
        if approval is not None:
            approval.task = approval.tool_call.task = task
            supersede(approval, why=why)
        else:
            ToolCall.objects.filter(pk=call.pk, status=CallStatus.ALLOWED).update(status=CallStatus.PROPOSED)
        pause(task, [call])
