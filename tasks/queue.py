"""Wake-ups for the workers: "there is work". The rows in `Task` are the truth; a lost or doubled wake-up harms nothing."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django_q.conf import Conf
from django_q.models import OrmQ
from django_q.tasks import async_task

JOB = "agentdesk.runtime.job.advance"
"""The one place that names the job which claims and drives tasks."""


def wake() -> None:
    """Leave a wake-up that becomes visible with this transaction.

    One that no worker has taken yet is enough: it is locked here, so that nobody can take it before this
    transaction commits and still miss its change.
    """
    assert transaction.get_connection().in_atomic_block, "a wake-up belongs to the transaction of its change"
    untaken = OrmQ.objects.select_for_update(skip_locked=True).filter(
        key=Conf.CLUSTER_NAME, lock__lt=timezone.now()
    )
    if any(row.func() == JOB for row in untaken):
        return
    async_task(JOB, q_options={"save": False})
