"""Whether there are people who can do what the agents ask for."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import User

from agentdesk.desk.doctor.finding import Finding, problem
from approvals.people import ANSWER, DECIDE


def exist() -> Iterator[Finding]:
    if not User.objects.filter(is_active=True).exists():
        yield problem(
            "There is no active account, so nobody can sign in.",
            "Make the first one: “manage.py createsuperuser”.",
        )


def can_sign() -> Iterator[Finding]:
    for right, what in ((DECIDE, "sign"), (ANSWER, "answer agents' questions")):
        able = User.objects.with_perm(
            f"approvals.{right}",
            is_active=True,
            include_superusers=False,
            backend=settings.AUTHENTICATION_BACKENDS[0],
        )
        if not able.exists():
            yield problem(
                f"No active account may {what}, so whatever agents ask for will expire.",
                "Put somebody into a group that has the right, in the admin under Users.",
            )
