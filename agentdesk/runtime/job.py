"""The queue's job: "there is work". It may run twice, at once, or for nothing."""

from __future__ import annotations

import asyncio

from django.db import transaction

from agentdesk.runtime import stop
from agentdesk.runtime.drive import Driver
from tasks import queue
from tasks.models import Task


def advance() -> None:
    """Drive tasks until there is nothing to do or the job's time is up; then leave a wake-up if work remains."""
    if stop.requested():
        return
    asyncio.run(Driver().drive())
    with transaction.atomic():
        if Task.objects.claimable().exists():
            queue.wake()
