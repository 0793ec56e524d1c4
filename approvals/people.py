"""A user as the rules see one, read fresh: being a superuser changes nothing here."""

from __future__ import annotations

from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType

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
    memberships = rows.read(User.groups.through, {"user_id": user.pk})
    group_ids = [membership.group_id for membership in memberships]
    groups = rows.read(Group, {"id": group_ids}) if group_ids else []
    return Person(
        id=user.pk,
        groups=frozenset(group.name for group in groups),
        active=user.is_active,
        may_decide=_has(user, group_ids, right),
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


def _has(user: User, group_ids: list[int], right: str) -> bool:
    """Whether the person or one of their groups has the permission with this codename."""
    for permission in rows.read(Permission, {"codename": right}):
        if ContentType.objects.get_for_id(permission.content_type_id).app_label != "approvals":
            continue
        has = {"permission_id": permission.pk}
        if group_ids and rows.read(Group.permissions.through, {"group_id": group_ids, **has}, limit=1):
            return True
        if rows.read(User.user_permissions.through, {"user_id": user.pk, **has}, limit=1):
            return True
    return False


def signatures_as_given(decisions: list[Decision]) -> list[Signature]:
    """Signatures with the groups their signers had when they signed."""
    return [
        Signature(person_id=decision.decided_by_id, groups=frozenset(decision.groups))
        for decision in decisions
    ]
