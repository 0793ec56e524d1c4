"""What a sensitive call wants, what has been used up before it, and the caps that have no room for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, Exists, Max, OuterRef, QuerySet, Sum
from django.db.models.functions import Coalesce

from agentdesk.brakes.models import Brake
from agentdesk.core import rows
from agentdesk.core.clock import from_now
from agentdesk.core.money import Money
from approvals.cap import Limit, OnReach, Per, Used, applies, has_room, reached_in_words
from approvals.cap_models import Cap, CapVersion
from approvals.models import Approval, ApprovalStatus, Decision, Verdict
from tools.arguments import Parsed
from tools.models import CallStatus, ToolCall
from tools.spec import Context, ToolSpec

COUNTED = (CallStatus.EXECUTING, CallStatus.UNKNOWN, CallStatus.DONE)
"""What has moved money, or may have."""
HAPPENED_AT = Coalesce("started_at", "finished_at")


@dataclass(frozen=True, slots=True)
class Claimant:
    """A sensitive call as caps look at it. Nothing of it is the model's word."""

    call: ToolCall
    amount: Money
    subject: str
    customer_id: int | None
    customer: str
    agent_id: int
    agent: str

    @property
    def columns(self) -> dict[str, Any]:
        """What its row keeps, so that later calls are counted together with it."""
        return {
            "amount_minor": self.amount.minor,
            "currency": self.amount.currency,
            "subject": self.subject,
            "customer_id": self.customer_id,
        }


@dataclass(frozen=True, slots=True)
class Reached:
    """A cap that has no room for a call, and why in one sentence."""

    version: CapVersion
    sentence: str

    @property
    def cap(self) -> Cap:
        return self.version.cap


def claimant(context: Context, spec: ToolSpec[Any], parsed: Parsed) -> Claimant:
    """Raises ToolError when the call became impossible."""
    assert spec.sensitive is not None
    customer = spec.sensitive.customer(context, parsed.value)
    agent = context.task.agent_version.agent
    return Claimant(
        call=context.call,
        amount=spec.sensitive.amount(context, parsed.value),
        subject=spec.sensitive.subject(context, parsed.value),
        customer_id=customer.pk if customer else None,
        customer=customer.number if customer else "",
        agent_id=agent.pk,
        agent=agent.title,
    )


def reached_by(
    wanted: Claimant, *, signer: User | None = None, per: Collection[Per] = tuple(Per)
) -> list[Reached]:
    """The caps in force that have no room for this call now, by name; those that count `per` these.

    `signer` counts as one of its signers, for somebody who is about to sign. Copies in forked tasks count nowhere.
    """
    versions = [
        version
        for version in in_force()
        if version.per in per
        and applies(version.limit, tool=wanted.call.tool, currency=wanted.amount.currency)
    ]
    by_signer = any(version.per == Per.APPROVER for version in versions)
    signers = _signers(wanted.call, signer) if by_signer else {}
    found = []
    for version in versions:
        for sharers, whose in _sharers(wanted, version.limit, signers):
            used = _used(_in_window(sharers, version))
            if not has_room(version.limit, used, wanted.amount):
                sentence = reached_in_words(version.cap.name, version.limit, used, whose=whose)
                found.append(Reached(version, sentence))
    return found


def in_force() -> list[CapVersion]:
    """The present versions of the caps that hold something back, each with its cap, by name."""
    caps = {cap.pk: cap for cap in rows.read(Cap, {}, order_by=["name"])}
    present = [cap.current_id for cap in caps.values() if cap.current_id is not None]
    versions = rows.read(CapVersion, {"id": present, "in_force": True}) if present else []
    for version in versions:
        version.cap = caps[version.cap_id]
    return sorted(versions, key=lambda version: version.cap.name)


def _signers(call: ToolCall, signer: User | None) -> dict[int, str]:
    """Who signed it, by id, with their names."""
    asked = rows.read(
        Approval, {"tool_call_id": call.pk, "status": [ApprovalStatus.OPEN, ApprovalStatus.APPROVED]}
    )
    keys = [approval.pk for approval in asked]
    signed = rows.read(Decision, {"approval_id": keys, "verdict": Verdict.APPROVE}) if keys else []
    signers = sorted({decision.decided_by_id for decision in signed})
    people = [*(rows.read(User, {"id": signers}) if signers else []), *([signer] if signer else [])]
    return {user.pk: user.get_full_name() or user.get_username() for user in people}


def _sharers(
    wanted: Claimant, limit: Limit, signers: dict[int, str]
) -> Iterator[tuple[QuerySet[ToolCall], str]]:
    """The calls that count together with this one, and whose they are; for each of its signers where they are counted."""
    calls = _like(wanted, limit)
    match limit.per:
        case Per.ORDER:
            if wanted.subject:
                yield calls.filter(subject=wanted.subject), wanted.subject.partition(":")[2] or wanted.subject
        case Per.CUSTOMER:
            if wanted.customer_id is not None:
                yield calls.filter(customer=wanted.customer_id), wanted.customer
        case Per.AGENT:
            yield calls.filter(task__agent_version__agent=wanted.agent_id), wanted.agent
        case Per.APPROVER:
            for pk, name in signers.items():
                # from the calls of the window to their signers, not from all that somebody ever signed
                theirs = Decision.objects.filter(
                    approval=OuterRef("pk"), verdict=Verdict.APPROVE, decided_by=pk
                )
                signature = Approval.objects.filter(
                    Exists(theirs), tool_call=OuterRef("pk"), status=ApprovalStatus.APPROVED
                )
                signed = calls.filter(Exists(signature))
                yield signed, name
        case Per.DESK:
            yield calls, "the desk"


def _like(wanted: Claimant, limit: Limit) -> QuerySet[ToolCall]:
    """The other calls that the limit is about and that moved money, or may have."""
    calls = ToolCall.objects.filter(copy_of__isnull=True, amount_minor__isnull=False)
    # said by exclusion, so that the database looks them up by subject, customer or time: by status it finds all that ever was
    calls = calls.exclude(status__in=set(CallStatus) - set(COUNTED))
    calls = calls.exclude(pk=wanted.call.pk)
    if limit.tools:
        calls = calls.filter(tool__in=sorted(limit.tools))
    return calls.filter(currency=limit.currency) if limit.currency else calls


def _in_window(calls: QuerySet[ToolCall], version: CapVersion) -> QuerySet[ToolCall]:
    calls = calls.annotate(happened_at=HAPPENED_AT)
    if version.window_hours is not None:
        calls = calls.filter(happened_at__gt=from_now(-timedelta(hours=version.window_hours)))
    if version.on_reach == OnReach.BRAKE:
        # whoever released the brake answers for what was before: it is counted anew from then on
        released = Brake.objects.filter(tripped_by=version.cap.name).aggregate(at=Max("released_at"))["at"]
        if released is not None:
            calls = calls.filter(happened_at__gt=released)
    return calls


def _used(calls: QuerySet[ToolCall]) -> Used:
    found = calls.aggregate(count=Count("pk"), sum_minor=Sum("amount_minor"))
    return Used(found["count"], found["sum_minor"] or 0)
