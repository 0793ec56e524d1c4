"""Whether wake-ups reach the workers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.signing import BadSignature, SignedPackage

from agentdesk.desk.doctor.finding import Finding, note, problem, spoken
from tasks import queue

LOOKED_AT = 100


def moves() -> Iterator[Finding]:
    age = queue.oldest_untaken()
    if age > queue.STUCK:
        yield problem(
            f"A wake-up has waited {spoken(age)} in the queue, and no worker took it.", "Restart the workers."
        )
    retry = timedelta(seconds=Conf.RETRY)
    lock = (
        OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__gt=timezone.now())
        .order_by("lock")
        .values_list("lock", flat=True)
        .first()
    )
    taken = timezone.now() - (lock - retry) if lock else timedelta()
    if taken > queue.STUCK:
        yield note(
            f"A worker took a wake-up {spoken(taken)} ago and was lost with it.",
            f"Nothing has to be done: it is handed out again {spoken(retry)} after it was taken.",
        )


def can_be_read() -> Iterator[Finding]:
    unreadable = sum(
        not _readable(row.payload) for row in OrmQ.objects.filter(key=Conf.CLUSTER_NAME)[:LOOKED_AT]
    )
    if unreadable:
        yield note(
            f"{unreadable} wake-ups in the queue were signed with another secret key; the workers drop them.",
            "Nothing has to be done: workers leave new ones when they start and every minute.",
        )


def _readable(payload: str) -> bool:
    try:
        SignedPackage.loads(payload)
    except BadSignature:
        return False
    return True
