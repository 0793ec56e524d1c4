"""What a sensitive call wants, what has been used up before it, and the caps that have no room for it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, F, Max, QuerySet, Sum
from django.db.models.functions import Coalesce

from agentdesk.brakes.models import Brake
from agentdesk.core.clock import from_now
from agentdesk.core.money import Money
from approvals.cap import Limit, OnReach, Per, Used, applies, has_room, reached_in_words
from approvals.cap_models import Cap, CapVersion
from approvals.models import ApprovalStatus, Verdict
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
        for rows, whose in _sharers(wanted, version.limit, signers):
            used = _used(_in_window(rows, version))
            if not has_room(version.limit, used, wanted.amount):
                sentence = reached_in_words(version.cap.name, version.limit, used, whose=whose)
                found.append(Reached(version, sentence))
    return found


def in_force() -> QuerySet[CapVersion]:
    """The present versions of the caps that hold something back, by name."""
    return (
        CapVersion.objects.filter(pk=F("cap__current"), in_force=True)
        .select_related("cap")
        .order_by("cap__name")
    )


def _signers(call: ToolCall, signer: User | None) -> dict[int, str]:
    """Who signed it, by id, with their names."""
    signed = User.objects.filter(
        decisions__approval__tool_call=call,
        decisions__approval__status__in=[ApprovalStatus.OPEN, ApprovalStatus.APPROVED],
        decisions__verdict=Verdict.APPROVE,
    )
    people = [*signed, *([signer] if signer else [])]
    return {user.pk: user.get_full_name() or user.get_username() for user in people}


def _sharers(
    wanted: Claimant, limit: Limit, signers: dict[int, str]
) -> Iterator[tuple[QuerySet[ToolCall], str]]:
    """The calls that count together with this one, and whose they are; for each of its signers where they are counted."""
    rows = _like(wanted, limit)
    match limit.per:
        case Per.ORDER:
            if wanted.subject:
                yield rows.filter(subject=wanted.subject), wanted.subject.partition(":")[2] or wanted.subject
        case Per.CUSTOMER:
            if wanted.customer_id is not None:
                yield rows.filter(customer=wanted.customer_id), wanted.customer
        case Per.AGENT:
            yield rows.filter(task__agent_version__agent=wanted.agent_id), wanted.agent
        case Per.APPROVER:
            for pk, name in signers.items():
                signed = rows.filter(
                    approvals__status=ApprovalStatus.APPROVED,
                    approvals__decisions__verdict=Verdict.APPROVE,
                    approvals__decisions__decided_by=pk,
                )
                yield signed, name
        case Per.DESK:
            yield rows, "the desk"


def _like(wanted: Claimant, limit: Limit) -> QuerySet[ToolCall]:
    """The other calls that the limit is about and that moved money, or may have."""
    rows = ToolCall.objects.filter(status__in=COUNTED, copy_of__isnull=True, amount_minor__isnull=False)
    rows = rows.exclude(pk=wanted.call.pk)
    if limit.tools:
        rows = rows.filter(tool__in=sorted(limit.tools))
    return rows.filter(currency=limit.currency) if limit.currency else rows


def _in_window(rows: QuerySet[ToolCall], version: CapVersion) -> QuerySet[ToolCall]:
    rows = rows.annotate(happened_at=HAPPENED_AT)
    if version.window_hours is not None:
        rows = rows.filter(happened_at__gt=from_now(-timedelta(hours=version.window_hours)))
    if version.on_reach == OnReach.BRAKE:
        # whoever released the brake answers for what was before: it is counted anew from then on
        released = Brake.objects.filter(tripped_by=version.cap.name).aggregate(at=Max("released_at"))["at"]
        if released is not None:
            rows = rows.filter(happened_at__gt=released)
    return rows


def _used(rows: QuerySet[ToolCall]) -> Used:
    found = rows.aggregate(count=Count("pk"), sum_minor=Sum("amount_minor"))
    return Used(found["count"], found["sum_minor"] or 0)
