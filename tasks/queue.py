"""Wake-ups for the workers: "there is work". The rows in `Task` are the truth; a lost or doubled wake-up harms nothing."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

from agentdesk.events.announce import send_all

JOB = "agentdesk.runtime.job.advance"
"""The one place that names the job which claims and drives tasks."""
SCHEDULE = "agentdesk: look for work"
"""The name of the wake-up that comes every minute."""
STUCK = timedelta(seconds=360)
"""A wake-up that waits longer means that the queue does not move: a busy worker takes the next one after its four minutes."""


WORK = "work"
"""The group of workers that are up and listen for "there is work"."""


def wake() -> None:
    """Tell the workers that listen, and leave a wake-up that becomes visible with this transaction.

    One that no worker has taken yet is enough: it is locked here, so that nobody can take it before this
    transaction commits and still miss its change.
    """
    assert transaction.get_connection().in_atomic_block, "a wake-up belongs to the transaction of its change"
    send_all([([WORK], {"type": "work.waits"})])
    untaken = OrmQ.objects.select_for_update(skip_locked=True).filter(
        key=Conf.CLUSTER_NAME, lock__lt=timezone.now()
    )
    if any(row.func() == JOB for row in untaken):
        return
    async_task(JOB, q_options={"save": False})


def oldest_untaken() -> timedelta:
    """How long the oldest wake-up has waited for a worker; zero when none does."""
    now = timezone.now()
    since = (
        OrmQ.objects.filter(key=Conf.CLUSTER_NAME, lock__lt=now)
        .order_by("lock")
        .values_list("lock", flat=True)
        .first()
    )
    return now - since if since else timedelta()
