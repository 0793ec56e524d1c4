"""Write facts and announce them, in the transaction that makes them true."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F

from agentdesk.core.clock import database_now
from agentdesk.events.announce import announce
from agentdesk.events.models import Event, Kind, Stream, TransactionId


@dataclass(frozen=True, slots=True)
class Fact:
    """One event to be: `data` is JSON with short values."""

    kind: Kind
    data: dict[str, Any] = field(default_factory=dict)
    by: AbstractBaseUser | None = None


def record(task: Stream, *facts: Fact) -> int:
    """Number and store `facts` about `task`, announce them, and return the last number.

    Must run inside the transaction of the change itself; it locks the task's row until that commits.
    """
    assert transaction.get_connection().in_atomic_block, "an event belongs to the transaction of its change"
    rows = type(task)._base_manager.filter(pk=task.pk)  # noqa: SLF001 -- every task, whatever the default manager hides
    rows.update(last_event=F("last_event") + len(facts))
    last: int = rows.values_list("last_event", flat=True).get()
    now = database_now()
    Event.objects.bulk_create(
        Event(
            task_id=task.pk,
            number=last - len(facts) + offset,
            kind=fact.kind,
            data=fact.data,
            by=fact.by,  # type: ignore[misc]  # the project's user model is Django's
            at=now,
            transaction=TransactionId(),
        )
        for offset, fact in enumerate(facts, start=1)
    )
    task.last_event = last
    announce(task, last)
    return last
