"""What a cap holds back: a person lets exactly this call over it, once, or ends the call with a reason the model reads."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.contrib.auth.models import User
from django.db import transaction

from agentdesk.core.canonical import digest
from agentdesk.core.clock import database_now
from agentdesk.core.errors import Forbidden, Late, ToolError
from agentdesk.core.text import checked
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from approvals.cap_count import Claimant, Reached, claimant, reached_by
from approvals.caps import exempted
from approvals.models import ApprovalStatus, Decision, Exemption, Verdict
from approvals.people import EXTEND, person
from tasks import transitions
from tasks.models import Task, TaskStatus, WaitingFor
from tools.arguments import validated
from tools.calls import close
from tools.models import CallStatus, ToolCall
from tools.registry import find, label
from tools.spec import Context

MAX_REASON = 300


class Obstacle(StrEnum):
    """Why a person may not let a call over a cap; each value is the sentence they read."""

    INACTIVE = "Your account is not active."
    NO_PERMISSION = "Your role may not let calls over caps. Ask finance or an administrator."
    REQUESTER = "You asked for this task, so somebody else has to let it over the cap."
    ONLY_SIGNER = "You alone signed this call, so somebody else has to let it over the cap."


@dataclass(frozen=True, slots=True)
class HeldCall:
    """A call that caps hold back, as a person is shown it."""

    call: ToolCall
    label: str
    wanted: Claimant
    reached: list[Reached]
    """Empty when there is room by now: then it only has to be tried again."""

    @property
    def seen(self) -> str:
        """Stands for what is shown: the call, its amount, and these versions of these caps."""
        return digest(
            {
                "call": self.call.key,
                "amount": [self.wanted.amount.minor, self.wanted.amount.currency],
                "caps": [one.version.pk for one in self.reached],
            }
        )


def held_call(task: Task) -> HeldCall | None:
    """The call of a waiting task that caps hold back, with what they say now; None when there is none."""
    if (task.status, task.waiting_for) != (TaskStatus.WAITING, WaitingFor.LIMIT):
        return None
    call = (
        ToolCall.objects.filter(task=task, status=CallStatus.ALLOWED, amount_minor__isnull=False)
        .select_related("turn")
        .order_by("turn_id", "position")
        .first()
    )
    spec = find(call.tool) if call is not None else None
    if call is None or spec is None or spec.sensitive is None:
        return None
    call.task = task
    try:
        wanted = claimant(Context(task=task, call=call), spec, validated(spec, call.arguments or {}))
    except ToolError:
        return None  # impossible by now: the run finds out and tells the model
    over = exempted(wanted)
    reached = [one for one in reached_by(wanted) if one.cap.pk not in over]
    return HeldCall(call, label(call.tool, call.arguments), wanted, reached)


def obstacle(call: ToolCall, by: User) -> Obstacle | None:
    """Why `by` may not let this call over a cap, or None; being a superuser changes nothing."""
    who = person(by.pk, right=EXTEND)
    if not who.active:
        return Obstacle.INACTIVE
    if not who.may_decide:
        return Obstacle.NO_PERMISSION
    if call.task.requested_by_id == by.pk:
        return Obstacle.REQUESTER
    signers = Decision.objects.filter(
        approval__tool_call=call, approval__status=ApprovalStatus.APPROVED, verdict=Verdict.APPROVE
    )
    return Obstacle.ONLY_SIGNER if set(signers.values_list("decided_by", flat=True)) == {by.pk} else None


def let_over(task: Task, *, by: User, reason: str, seen: str) -> None:
    """Let the task's held call over the caps that hold it, once, and let the task go on.

    Raises Forbidden, Invalid without a reason, and Late when the call or the caps are not what `seen` stands for.
    """
    with transaction.atomic():
        locked, held = _present(task)
        hindered = obstacle(held.call, by)
        if hindered is not None:
            raise Forbidden(hindered)
        reason = _checked(reason, held, seen)
        amount = held.wanted.amount
        for one in held.reached:
            Exemption.objects.create(
                cap=one.cap,
                cap_version=one.version,
                tool_call=held.call,
                amount_minor=amount.minor,
                currency=amount.currency,
                by=by,
                reason=reason,
                at=database_now(),
            )
        caps = [one.cap.name for one in held.reached]
        record(locked, Fact(Kind.CAP_LIFTED, {"call": held.call.key, "caps": caps, "why": reason}, by=by))
        transitions.resume(locked)


def uphold(task: Task, *, by: User, reason: str, seen: str) -> None:
    """End the held call: it never runs, the model reads the reason, and the task goes on without it.

    Raises Forbidden without the right, and what `let_over` raises.
    """
    with transaction.atomic():
        locked, held = _present(task)
        hindered = obstacle(held.call, by)
        if hindered in {Obstacle.INACTIVE, Obstacle.NO_PERMISSION}:
            raise Forbidden(hindered)
        reason = _checked(reason, held, seen)
        record(locked, Fact(Kind.CAP_UPHELD, {"call": held.call.key, "why": reason}, by=by))
        name = by.get_full_name() or by.get_username()
        close(held.call, CallStatus.REFUSED, {"refused": f"{name} kept the cap: {reason}"}, code="cap")
        transitions.resume(locked)


def _present(task: Task) -> tuple[Task, HeldCall]:
    locked = transitions.lock(task.pk)
    held = held_call(locked)
    if held is None:
        raise Late("No cap holds this task back any more. Look at the task again.")
    return locked, held


def _checked(reason: str, held: HeldCall, seen: str) -> str:
    reason = checked(reason, field="reason", max_length=MAX_REASON)
    if seen != held.seen:
        raise Late("The caps are not what you were shown. Look at the task again.", code="stale")
    return reason
