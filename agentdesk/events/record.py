"""Write facts and announce them, in the transaction that makes them true."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import transaction

from agentdesk.core import rows
from agentdesk.events.announce import announce
from agentdesk.events.models import Event, Kind, Stream, transaction_id


@dataclass(frozen=True, slots=True)
class Fact:
    """One event to be: `data` is JSON with short values."""

    kind: Kind
    data: dict[str, Any] = field(default_factory=dict)
    by: AbstractBaseUser | None = None


@dataclass(slots=True)
class Gathered:
    """Facts about one task that wait for the end of their step."""

    task: Stream
    facts: list[Fact] = field(default_factory=list)


_gathering: ContextVar[Gathered | None] = ContextVar("facts that are written together", default=None)


def record(task: Stream, *facts: Fact) -> None:
    """Number and store `facts` about `task` and announce them; inside `gathered`, at its end.

    Must run inside the transaction of the change itself; it locks the task's row until that commits.
    """
    assert transaction.get_connection().in_atomic_block, "an event belongs to the transaction of its change"
    gathering = _gathering.get()
    if gathering is not None and gathering.task.pk == task.pk:
        gathering.facts.extend(facts)
        return
    last = rows.change(type(task), task.pk, add={"last_event": len(facts)}, returning="last_event")
    assert last is not None, "a task is never deleted"
    task.last_event = last
    write([(task, facts)])


@contextmanager
def gathered(task: Stream) -> Iterator[Gathered]:
    """What is recorded about `task` inside is written at the end, with one numbering and one announcement.

    Whoever rolls a part of it back takes that part's facts out of the list again.
    """
    assert _gathering.get() is None, "one step at a time"
    gathering = Gathered(task)
    token = _gathering.set(gathering)
    try:
        yield gathering
    finally:
        _gathering.reset(token)
    if gathering.facts:
        record(task, *gathering.facts)


def move(
    task: Stream,
    *facts: Fact,
    where: Mapping[str, Any],
    put: Mapping[str, Any] | None = None,
    add: Mapping[str, int] | None = None,
    computed: Mapping[str, str] | None = None,
) -> bool:
    """Change the task's row where it is as `where` says and record `facts` about it, by two statements and an announcement.

    False, and nothing changed, when the row is not so. The arguments are those of `rows.change`.
    """
    assert transaction.get_connection().in_atomic_block, "an event belongs to the transaction of its change"
    gathering = _gathering.get()
    before = gathering.facts if gathering is not None and gathering.task.pk == task.pk else []
    facts = (*before, *facts)  # what was recorded before comes before
    last = rows.change(
        type(task),
        task.pk,
        where=where,
        put=put or {},
        add={**(add or {}), "last_event": len(facts)},
        computed=computed or {},
        returning="last_event",
    )
    if last is None:
        return False
    before.clear()
    task.last_event = last
    write([(task, facts)])
    return True


def write(told: Iterable[tuple[Stream, tuple[Fact, ...]]]) -> None:
    """Store and announce facts whose numbers end at each task's `last_event`; for whoever moved that already."""
    told = [(task, facts) for task, facts in told if facts]
    if not told:
        return
    rows.insert(
        Event,
        [
            {
                "task_id": task.pk,
                "number": task.last_event - len(facts) + offset,
                "kind": fact.kind,
                "data": fact.data,
                "by_id": fact.by.pk if fact.by is not None else None,
            }
            for task, facts in told
            for offset, fact in enumerate(facts, start=1)
        ],
        computed={"at": rows.now(), "transaction": transaction_id()},
    )
    announce([task for task, _ in told])
