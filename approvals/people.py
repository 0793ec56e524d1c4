"""A user as the rules see one, read fresh: being a superuser changes nothing here."""

from __future__ import annotations

from django.contrib.auth.models import Permission, User
from django.db.models import Q

from agentdesk.core import rows
from approvals.models import Decision
from approvals.policy import Person, Signature
from tasks.models import Task

DECIDE, ANSWER, EXTEND = "decide_approval", "answer_question", "extend_limit"
RECONCILE = "reconcile_effect"


def person(user_id: int, *, right: str = DECIDE) -> Person:
    """Raises User.DoesNotExist. `right` is the codename that `may_decide` speaks of."""
    found = rows.read(User, {"id": user_id})
    if not found:
        raise User.DoesNotExist
    (user,) = found
    entitled = Permission.objects.filter(
        Q(group__user=user) | Q(user=user), codename=right, content_type__app_label="approvals"
    ).exists()
    return Person(
        id=user.pk,
        groups=frozenset(user.groups.values_list("name", flat=True)),
        active=user.is_active,
        may_decide=entitled,
    )


def askers_of(task: Task) -> set[int]:
    """Who asked for the task and for those it was made from: a retry by somebody else makes nobody of them a signer."""
    asked: set[int] = set()
    told: Task | None = task
    while told is not None:
        if told.requested_by_id is not None:
            asked.add(told.requested_by_id)
        told = told.origin
    return asked


def signatures_as_given(decisions: list[Decision]) -> list[Signature]:
    """Signatures with the groups their signers had when they signed."""
    return [
        Signature(person_id=decision.decided_by_id, groups=frozenset(decision.groups))
        for decision in decisions
    ]
