"""Write facts and announce them, in the transaction that makes them true."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

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
    last = _take_numbers(task, len(facts))
    Event.objects.bulk_create(
        Event(
            task_id=task.pk,
            number=last - len(facts) + offset,
            kind=fact.kind,
            data=fact.data,
            by=fact.by,  # type: ignore[misc]  # the project's user model is Django's
            at=Now(),
            transaction=TransactionId(),
        )
        for offset, fact in enumerate(facts, start=1)
    )
    task.last_event = last
    announce(task, last)
    return last


def _take_numbers(task: Stream, count: int) -> int:
    """Move the counter on the task's row, which locks it, and return the last number taken."""
    row = type(task)._base_manager.filter(pk=task.pk)  # noqa: SLF001 -- every task, whatever the default manager hides
    if row.filter(last_event=task.last_event).update(last_event=task.last_event + count):
        return task.last_event + count  # whoever locked the task before this knows the number already
    row.update(last_event=F("last_event") + count)
    last: int = row.values_list("last_event", flat=True).get()
    return last
