"""Run the refund story in child processes and kill one at a chosen commit; print what the database says at the end.

Runs as a script of its own, with AGENTDESK_DATA naming an empty directory. The parent loads everything once and holds no
connection; each step of the story is a forked child, so that SIGKILL ends a real process that holds real locks.

    python -m tests.crash.harness commits            how many commits the story has, as JSON
    python -m tests.crash.harness before|after 1 2 …  one JSON line for each of these crash points
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
django.setup()

from django.conf import settings  # noqa: E402 -- Django first
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402
from django.db.backends.sqlite3.base import DatabaseWrapper  # noqa: E402
from django.utils import timezone  # noqa: E402

from agentdesk.events.models import Event  # noqa: E402
from agentdesk.runtime.drive import Driver  # noqa: E402
from approvals.decide import decide  # noqa: E402
from approvals.models import Approval  # noqa: E402
from tasks.models import Task, TaskStatus  # noqa: E402
from tests.factories import person  # noqa: E402
from tests.scripted import tell  # noqa: E402
from tools.library.models import Document  # noqa: E402
from tools.messages.models import OutgoingMessage  # noqa: E402
from tools.models import CallStatus, ToolCall  # noqa: E402
from tools.store.models import Order, Refund  # noqa: E402

DATABASE = Path(settings.DATABASES["default"]["NAME"])
TEMPLATE = DATABASE.with_suffix(".template")
KILLED = -signal.SIGKILL


def in_child(action: Callable[[], None], *, kill_at: int = 0, phase: str = "after") -> tuple[int, int]:
    """Fork, run `action`, and return (exit code, commits it made); the child kills itself at its commit `kill_at`."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.close(reader)
            count_commits(writer, kill_at=kill_at, phase=phase)
            action()
            connections.close_all()
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        commits = len(pipe.read())
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), commits


def count_commits(writer: int, *, kill_at: int, phase: str) -> None:
    commit = DatabaseWrapper._commit
    made = 0

    def counted(self: DatabaseWrapper) -> None:
        nonlocal made
        made += 1
        os.write(writer, b".")
        if made == kill_at and phase == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        commit(self)
        if made == kill_at and phase == "after":
            os.kill(os.getpid(), signal.SIGKILL)

    DatabaseWrapper._commit = counted  # type: ignore[method-assign]


def prepare() -> None:
    call_command("migrate", verbosity=0)
    person("lena", "lead")
    tell()
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def start_over() -> None:
    for leftover in (DATABASE, Path(f"{DATABASE}-wal"), Path(f"{DATABASE}-shm")):
        leftover.unlink(missing_ok=True)
    shutil.copy(TEMPLATE, DATABASE)


def work() -> None:
    """What a worker's job does, until nothing is claimable. A dead worker's claim is let run out at once."""
    Task.objects.filter(status=TaskStatus.RUNNING).update(lease_until=timezone.now() - timedelta(seconds=1))
    asyncio.run(Driver(linger_seconds=0, drive_seconds=30).drive())


def sign() -> None:
    approval = Approval.objects.open().get()
    decide(approval, by=User.objects.get(username="lena"), verdict="approve", seen=approval.seen_hash)


STEPS = [work, sign, work]


def tell_story(*, kill_at: int = 0, phase: str = "after") -> dict[str, Any]:
    """Run the steps; the process that reaches the story's commit `kill_at` is killed, and its step done again."""
    start_over()
    done = 0
    kills = 0
    for step in STEPS:
        within = kill_at - done if kill_at > done else 0
        code, commits = in_child(step, kill_at=within, phase=phase)
        done += commits
        if code == KILLED:
            kills += 1
            code = 0
            if step is not sign or approval_open():  # a signature that was committed before the kill stands
                code, commits = in_child(step)
                done += commits
        assert code == 0, f"{step.__name__} ended with {code}"
    return {**verdict(), "commits": done, "kills": kills, "kill_at": kill_at, "phase": phase}


def approval_open() -> bool:
    code, _ = in_child(lambda: os._exit(0 if Approval.objects.open().exists() else 3))
    return code == 0


def verdict() -> dict[str, Any]:
    """What the database says about I1, I3 and I4 at the end; read in a child, the parent holds no connection."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, json.dumps(facts()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        found: dict[str, Any] = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return found


def facts() -> dict[str, Any]:
    task = Task.objects.get()
    numbers = list(Event.objects.filter(task=task).order_by("number").values_list("number", flat=True))
    effects = ToolCall.objects.filter(task=task, status=CallStatus.DONE).exclude(effect="read")
    return {
        "status": task.status,
        "refunds": Refund.objects.count(),
        "refunded_minor": Order.objects.get().refunded_minor,
        "documents": Document.objects.count(),
        "messages": OutgoingMessage.objects.count(),
        "todos": task.todos.count(),
        "turns": task.turns.count(),
        "effects": effects.count(),
        "gapless": numbers == list(range(1, task.last_event + 1)),
        "unfinished": ToolCall.objects.exclude(status__in=["done", "failed", "refused"]).count(),
    }


def main(arguments: list[str]) -> None:
    if not TEMPLATE.exists():
        code, _ = in_child(prepare)
        assert code == 0
        shutil.copy(DATABASE, TEMPLATE)
    if arguments == ["commits"]:
        print(json.dumps(tell_story()))
        return
    phase, *points = arguments
    for point in points:
        print(json.dumps(tell_story(kill_at=int(point), phase=phase)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
