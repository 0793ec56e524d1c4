"""What waits for a person, and what waits for others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User

from approvals.models import Approval, ApprovalKind, Decision
from approvals.people import ANSWER, DECIDE, person, signatures_as_given
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
    """The first `limit` open approvals, the soonest to expire first, split by whether `user` may decide them now."""
    decider, answerer = person(user.pk, right=DECIDE), person(user.pk, right=ANSWER)
    waiting = [
        Waiting(approval, _hindrance(approval, decider, answerer), list(approval.decisions.all()))
        for approval in Approval.objects.for_queue()[:limit]
    ]
    return QueueView(
        mine=[item for item in waiting if item.hindrance is None],
        others=[item for item in waiting if item.hindrance is not None],
    )


def waiting_in(task_ids: Sequence[int], user: User) -> list[Waiting]:
    """The open approvals of these tasks, the soonest to expire first, each with why `user` may not decide it now."""
    decider, answerer = person(user.pk, right=DECIDE), person(user.pk, right=ANSWER)
    return [
        Waiting(approval, _hindrance(approval, decider, answerer), list(approval.decisions.all()))
        for approval in Approval.objects.for_queue().filter(task__in=task_ids)
    ]


def count_for(user: User) -> int:
    """How many open approvals `user` may decide now."""
    return len(waiting_for(user).mine)


def hindrance_of(approval: Approval, user: User) -> str | None:
    """Why `user` may not decide this approval now, or None."""
    return _hindrance(approval, person(user.pk, right=DECIDE), person(user.pk, right=ANSWER))


def _hindrance(approval: Approval, decider: Person, answerer: Person) -> str | None:
    if approval.kind == ApprovalKind.QUESTION:
        if not answerer.active:
            return Hindrance.INACTIVE
        return None if answerer.may_decide else "Your role may not answer agents' questions."
    return hindrance(
        Band.model_validate(approval.band),
        decider,
        requester_id=approval.task.requested_by_id,
        signatures=signatures_as_given(list(approval.decisions.all())),
    )
