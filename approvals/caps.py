"""Caps: the check inside each sensitive effect, publishing a new version, and what a card says beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib.auth.models import User
from django.db import connection, transaction
from django.db.models import F, QuerySet

from agentdesk.core.errors import DeskError, Late
from agentdesk.core.text import checked
from approvals.cap import OnReach, Per
from approvals.cap_count import Claimant, Reached, claimant, reached_by
from approvals.cap_models import Cap, CapVersion, Exemption
from approvals.models import Approval
from tasks import transitions
from tasks.models import Task, TaskStatus, WaitingFor
from tools.arguments import Parsed, validated
from tools.models import CallStatus, ToolCall
from tools.registry import all_tools, find
from tools.spec import Context, ToolSpec


class CapReached(DeskError):
    """The call may happen only when a person with the right lets it over these caps."""

    code = "cap_reached"

    def __init__(self, reached: Sequence[Reached]) -> None:
        super().__init__(f"Cap reached. {' '.join(one.sentence for one in reached)}")
        self.reached = list(reached)


class BreakerTripped(CapReached):
    """A cap that stops its tools altogether; its brake is pulled outside the transaction that found it."""

    code = "breaker_tripped"

    @property
    def cap(self) -> str:
        return self.reached[0].cap.name

    @property
    def tools(self) -> list[str]:
        named = self.reached[0].version.tools
        return sorted(named or {spec.name for spec in all_tools().values() if spec.sensitive})


def hold_to(context: Context, spec: ToolSpec[Any], parsed: Parsed) -> None:
    """The last check of a sensitive effect, inside its transaction and after its sign-off was found valid.

    Locks the rows of the caps, in one order, until the transaction ends, so that calls which share one come one after
    the other. Raises BreakerTripped, and CapReached unless somebody let exactly this call and amount over.
    """
    wanted = claimant(context, spec, parsed)
    if any(getattr(wanted.call, name) != value for name, value in wanted.columns.items()):
        ToolCall.objects.filter(pk=wanted.call.pk).update(**wanted.columns)
    # before the versions are read: a row that waited for its lock is read afresh, what it is joined with is not
    _lock_caps()
    reached = reached_by(wanted)
    breakers = [one for one in reached if one.version.on_reach == OnReach.BRAKE]
    if breakers:
        raise BreakerTripped(breakers[:1])
    if reached:
        over = exempted(wanted)
        missing = [one for one in reached if one.cap.pk not in over]
        if missing:
            raise CapReached(missing)


def wait_for_person(task: Task, stop: CapReached) -> None:
    """Let go of a task whose call these caps hold back; queue it again if one of them changed meanwhile. Raises ClaimLost."""
    versions = [one.version.pk for one in stop.reached]
    with transaction.atomic():
        _lock_caps()  # before the task, as `publish` does: it either finds this task waiting or is found published
        still = CapVersion.objects.filter(pk__in=versions, pk=F("cap__current")).count()
        held = transitions.hold(task.pk, fence=task.fence)
        if still == len(versions):
            transitions.wait(held, waiting_for=WaitingFor.LIMIT, note=stop.sentence)
        else:
            transitions.release(held, why="A cap changed")


def _lock_caps() -> None:
    """Until the transaction ends, nobody else counts towards a cap or changes one. On SQLite whoever writes is alone."""
    if connection.features.has_select_for_update:
        list(Cap.objects.order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def exempted(wanted: Claimant) -> set[int]:
    """The caps that somebody let this call over, for exactly this amount."""
    given = Exemption.objects.filter(
        tool_call=wanted.call, amount_minor=wanted.amount.minor, currency=wanted.amount.currency
    )
    return set(given.values_list("cap", flat=True))


def caps_reached(approval: Approval, viewer: User) -> list[str]:
    """What the card of an open sign-off says about caps, as if `viewer` had signed it; nothing when it became impossible."""
    try:
        wanted = _wanted_by(Context(task=approval.task, call=approval.tool_call))
    except DeskError:
        return []
    return [] if wanted is None else [one.sentence for one in reached_by(wanted, signer=viewer)]


def refuse_signer(context: Context, signer: User) -> None:
    """Raises Late when a cap on one person's signatures has no room for `signer` here. Others may still sign."""
    wanted = _wanted_by(context)
    if wanted is None:
        return
    for one in reached_by(wanted, signer=signer, per=[Per.APPROVER]):
        raise Late(f"Somebody else has to sign this. {one.sentence}", code="cap_reached")


def _wanted_by(context: Context) -> Claimant | None:
    spec = find(context.call.tool)
    if spec is None or spec.sensitive is None:
        return None
    return claimant(context, spec, validated(spec, context.call.arguments or {}))


def publish(cap: Cap, *, by: User, reason: str, **says: Any) -> CapVersion:
    """Put a new version in force; tasks that a cap held back try again under it.

    `says` are the fields of CapVersion. Raises Invalid on a missing reason.
    """
    reason = checked(reason, field="reason", max_length=300)
    with transaction.atomic():
        locked = Cap.objects.select_for_update(no_key=True).get(pk=cap.pk)
        last = locked.versions.order_by("-number").values_list("number", flat=True).first() or 0
        version = CapVersion.objects.create(cap=locked, number=last + 1, reason=reason, author=by, **says)
        Cap.objects.filter(pk=cap.pk).update(current=version)
        for task in held_tasks().select_for_update(of=("self",)).order_by("pk"):
            transitions.resume(task)
    return version


def held_tasks() -> QuerySet[Task]:
    """Tasks that wait because of a cap."""
    held = ToolCall.objects.filter(status=CallStatus.ALLOWED, amount_minor__isnull=False)
    return Task.objects.filter(
        status=TaskStatus.WAITING, waiting_for=WaitingFor.LIMIT, pk__in=held.values("task")
    )
