"""Messages of the database channel layer as rows: put in the change's transaction, read once committed, pruned."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

from django.db import connection, transaction
from django.db.models import QuerySet

from agentdesk.core import rows
from agentdesk.core.clock import from_now
from agentdesk.events.models import Signal

CHANNEL = "agentdesk_signals"
"""PostgreSQL's notification channel; its payload names the rows."""

IDS_PER_NOTE = 300
"""PostgreSQL takes less than 8,000 characters in one notification."""
BATCH = 1000
PRUNE_AT_MOST = 10_000
SQLITE_LOOK_SECONDS = 0.015
POSTGRES_WAIT_SECONDS = 0.5

Mail = tuple[Sequence[str], dict[str, Any]]
"""(groups, message)"""
Posted = tuple[str, dict[str, Any]]
"""(group, message)"""


@transaction.atomic(savepoint=False)
def put(mail: Sequence[Mail]) -> None:
    """Store messages, each for its groups; they are delivered when the outermost transaction commits, or never."""
    keys = rows.insert(
        Signal,
        [{"groups": " ".join(groups), "payload": message} for groups, message in mail],
        computed={"at": rows.now()},
    )
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for start in range(0, len(keys), IDS_PER_NOTE):
                note = ",".join(map(str, keys[start : start + IDS_PER_NOTE]))
                cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, note])


def prune(*, older_than: timedelta = timedelta(minutes=1)) -> int:
    """Delete delivered messages, at most 10,000 in one go; return how many. Several workers may do it at once."""
    with transaction.atomic(savepoint=False):
        old = (
            Signal.objects.select_for_update(skip_locked=True)
            .filter(at__lt=from_now(-older_than))
            .order_by("id")  # the oldest first: what is kept is a minute's worth, behind them
        )
        deleted, _ = Signal.objects.filter(
            pk__in=list(old.values_list("pk", flat=True)[:PRUNE_AT_MOST])
        ).delete()
    return deleted


class Reader(Protocol):
    """What was committed since the reader was made, in commit order, each message once."""

    def wait(self) -> list[Posted]:
        """Return what has come, or nothing after at most half a second. Raises django.db.Error."""


def reader() -> Reader:
    """Return a reader over this thread's connection. Raises django.db.Error while the database cannot be reached."""
    return _PostgresReader() if connection.vendor == "postgresql" else _SqliteReader()


class _SqliteReader:
    """Row ids are in commit order here (one writer, AUTOINCREMENT), and `data_version` tells of other connections' commits."""

    def __init__(self) -> None:
        self._last_id: int = Signal.objects.order_by("-id").values_list("id", flat=True).first() or 0
        self._version: object = None

    def wait(self) -> list[Posted]:
        time.sleep(SQLITE_LOOK_SECONDS)
        # read before the rows: a commit in between costs one look for nothing, the other order would miss it
        version = _data_version()
        if version == self._version:
            return []
        found = list(_rows().filter(id__gt=self._last_id)[:BATCH])
        if len(found) < BATCH:
            self._version = version
        if found:
            self._last_id = found[-1][0]
        return [(group, message) for _, groups, message in found for group in groups.split()]


class _PostgresReader:
    """Ids are not in commit order here, notifications are: they come at commit and name the rows."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"LISTEN {CHANNEL}")

    def wait(self) -> list[Posted]:
        assert connection.connection is not None
        notes = list(connection.connection.notifies(timeout=POSTGRES_WAIT_SECONDS, stop_after=1))
        ids = [int(text) for note in notes for text in note.payload.split(",")]
        found = (
            {row_id: (groups, message) for row_id, groups, message in _rows().filter(id__in=ids)}
            if ids
            else {}
        )
        return [
            (group, found[row_id][1])
            for row_id in ids
            if row_id in found
            for group in found[row_id][0].split()
        ]


def _rows() -> QuerySet[Signal, tuple[int, str, dict[str, Any]]]:
    return Signal.objects.order_by("id").values_list("id", "groups", "payload")


def _data_version() -> object:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return cursor.fetchone()
