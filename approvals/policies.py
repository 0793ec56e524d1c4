"""The policy in force, and how a new version comes into force."""

from __future__ import annotations

import json
from functools import lru_cache

from django.contrib.auth.models import Group, User
from django.db import transaction

from agentdesk.core import rows
from agentdesk.core.errors import Invalid
from agentdesk.core.text import checked
from approvals import policy as rules_of
from approvals.models import Policy, PolicyVersion

NAME = "desk"


def current() -> tuple[PolicyVersion, rules_of.Policy]:
    """Raises Invalid when the desk has no policy: then nothing sensitive runs."""
    found = rows.read(Policy, {"name": NAME})
    if not found or found[0].current_id is None:
        raise Invalid("The desk has no policy. Run `manage.py migrate`, or publish one in the admin.")
    (version,) = rows.read(PolicyVersion, {"id": found[0].current_id})
    version.policy = found[0]
    return version, _parsed_once(json.dumps(version.rules))


@lru_cache(maxsize=8)
def _parsed_once(rules: str) -> rules_of.Policy:
    return rules_of.parse(json.loads(rules))


def parsed(rules: object) -> rules_of.Policy:
    """The rules as the desk could follow them. Raises Invalid when they are wrong or name a group that does not exist."""
    policy = rules_of.parse(rules)
    named = {group for rule in policy.rules for band in rule.bands for group in band.groups}
    unknown = named - set(Group.objects.filter(name__in=named).values_list("name", flat=True))
    if unknown:
        raise Invalid(
            f"The policy names groups that do not exist: {', '.join(sorted(unknown))}.",
            fields={"rules": "unknown group"},
        )
    return policy


def publish(*, rules: object, reason: str, by: User) -> PolicyVersion:
    """Put a new version in force. Raises Invalid as `parsed` does, and on a missing reason."""
    policy = parsed(rules)
    reason = checked(reason, field="reason", max_length=300)
    with transaction.atomic():
        row, _ = Policy.objects.select_for_update().get_or_create(name=NAME)
        last = row.versions.order_by("-number").values_list("number", flat=True).first() or 0
        version = PolicyVersion.objects.create(
            policy=row, number=last + 1, rules=policy.model_dump(mode="json"), reason=reason, author=by
        )
        Policy.objects.filter(pk=row.pk).update(current=version)
    return version
