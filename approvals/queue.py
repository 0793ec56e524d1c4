"""What waits for a person, and what waits for others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.contrib.auth.models import User

from agentdesk.brakes.models import Brake, Depth
from agentdesk.brakes.pulled import deciding_stopped, pulled
from approvals import reconcile
from approvals.models import Approval, ApprovalKind, Decision
from approvals.people import ANSWER, DECIDE, RECONCILE, askers_of, person, signatures_as_given
from approvals.policy import Band, Hindrance, Person, hindrance


@dataclass(frozen=True, slots=True)
class Waiting:
    approval: Approval
    hindrance: str | None
    """None when this person may decide it now, otherwise the sentence that says why not."""
    signed: list[Decision]


@dataclass(frozen=True, slots=True)
class QueueView:
    mine: list[Waiting]
    others: list[Waiting]


def waiting_for(user: User, *, limit: int = 200) -> QueueView:
    """The first `limit` open approvals, reconciliations and then the soonest to expire first, split by whether `user` may
    decide them now.
    """
    reader = _Reader(user)
    waiting = [
        Waiting(approval, _hindrance(approval, reader), list(approval.decisions.all()))
        for approval in Approval.objects.for_queue()[:limit]
    ]
    return QueueView(
        mine=[item for item in waiting if item.hindrance is None],
        others=[item for item in waiting if item.hindrance is not None],
    )


def waiting_in(task_ids: Sequence[int], user: User) -> list[Waiting]:
    """The open approvals of these tasks, the soonest to expire first, each with why `user` may not decide it now."""
    reader = _Reader(user)
    return [
        Waiting(approval, _hindrance(approval, reader), list(approval.decisions.all()))
        for approval in Approval.objects.for_queue().filter(task__in=task_ids)
    ]


def count_for(user: User) -> int:
    """How many open approvals `user` may decide now."""
    return len(waiting_for(user).mine)


def hindrance_of(approval: Approval, user: User) -> str | None:
    """Why `user` may not decide this approval now, or None."""
    return _hindrance(approval, _Reader(user))


class _Reader:
    """A user as each kind of approval looks at one, and the brakes, read when the first of that kind comes up."""

    def __init__(self, user: User) -> None:
        self._id = user.pk

    @cached_property
    def decider(self) -> Person:
        return person(self._id, right=DECIDE)

    @cached_property
    def answerer(self) -> Person:
        return person(self._id, right=ANSWER)

    @cached_property
    def reconciler(self) -> Person:
        return person(self._id, right=RECONCILE)

    @cached_property
    def brakes(self) -> list[Brake]:
        return pulled(Depth.DECIDE)


def _hindrance(approval: Approval, reader: _Reader) -> str | None:
    not_entitled = _not_entitled(approval, reader)
    if not_entitled is not None:
        return not_entitled
    brake = deciding_stopped(reader.brakes, tool=approval.tool_call.tool)
    return brake.in_words if brake else None


def _not_entitled(approval: Approval, reader: _Reader) -> str | None:
    if approval.kind == ApprovalKind.RECONCILIATION:
        return reconcile.hindrance(approval, reader.reconciler)
    if approval.kind == ApprovalKind.QUESTION:
        answerer = reader.answerer
        if not answerer.active:
            return Hindrance.INACTIVE
        return None if answerer.may_decide else "Your role may not answer agents' questions."
    return hindrance(
        Band.model_validate(approval.band),
        reader.decider,
        askers=askers_of(approval.task),
        signatures=signatures_as_given(list(approval.decisions.all())),
    )
