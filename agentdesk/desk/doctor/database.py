"""Whether the database is there, is the right one, and keeps what it is given."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.models.functions import Now
from django.utils import timezone

from agentdesk.core.clock import database_now
from agentdesk.desk.doctor.finding import Finding, note, problem, spoken
from tasks.models import WorkerProcess

SKEW = timedelta(seconds=2)
OLD_TRANSACTION = timedelta(seconds=60)


def answers() -> Iterator[Finding]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        said = str(error).strip().partition("\n")[0]
        yield problem(
            f"The database does not answer: {said}",
            "Start it, and check DATABASE_URL (or, for SQLite, that AGENTDESK_DATA can be read and written).",
        )


def is_migrated() -> Iterator[Finding]:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        first, _ = missing[0]
        yield problem(
            f"{len(missing)} migrations have not been run, from {first.app_label} {first.name} on.",
            "Stop the workers, run “manage.py migrate”, and start them again.",
        )


def can_be_written() -> Iterator[Finding]:
    try:
        with transaction.atomic():
            WorkerProcess.objects.create(
                name="doctor",
                host="",
                pid=os.getpid(),
                version="",
                started_at=Now(),
                seen_at=Now(),
                capacity=0,
            )
            transaction.set_rollback(True)
    except DatabaseError as error:
        yield problem(
            f"The database can be read but not written: {str(error).strip()}",
            "Look for a full disk, a read-only file or server, or another program that holds a lock.",
        )


def sqlite_keeps_what_it_commits() -> Iterator[Finding]:
    if connection.vendor != "sqlite":
        return
    wanted = {"journal_mode": ("wal", "WAL"), "synchronous": (2, "FULL"), "foreign_keys": (1, "ON")}
    with connection.cursor() as cursor:
        for pragma, (value, spoken_value) in wanted.items():
            (found,) = cursor.execute(f"PRAGMA {pragma}").fetchone()
            if found != value:
                yield problem(
                    f"SQLite runs with {pragma} = {found} instead of {spoken_value}.",
                    "Put the data folder on a local disk (network file systems cannot do it), and leave the settings as they are.",
                )


def has_no_old_transaction() -> Iterator[Finding]:
    """On PostgreSQL an open writing transaction anywhere on the server holds back the stream of all events."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid, coalesce(datname, ''), coalesce(application_name, ''), clock_timestamp() - xact_start "
            "FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid() "
            "AND extract(epoch FROM clock_timestamp() - xact_start) > %s ORDER BY xact_start LIMIT 3",
            [OLD_TRANSACTION.total_seconds()],
        )
        for pid, name, application, age in cursor.fetchall():
            yield problem(
                f"A transaction has been open for {spoken(age)} (process {pid}, database {name}, {application or 'no name'}).",
                f"End it if nobody needs it: SELECT pg_terminate_backend({pid}). Lists and streams of all tasks wait for it.",
            )


def clocks_agree() -> Iterator[Finding]:
    """Leases and expiry go by the database's clock alone; a wrong clock here only shows wrong times."""
    skew = timezone.now() - database_now()
    if abs(skew) > SKEW:
        direction = "ahead of" if skew > timedelta() else "behind"
        yield note(
            f"The clock of this machine is {spoken(abs(skew))} {direction} the database's.",
            "Switch time synchronisation on.",
        )
