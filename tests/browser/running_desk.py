"""The desk as `make up` starts it, on data of its own and a free port, and what its database says from outside."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.crash.running import alive, children, run, start

READY_SECONDS, STOP_SECONDS, QUIET_SECONDS = 240, 30, 90
CASES = """
from tests.factories import CustomerFactory, order_with
for n in range(12):
    amount = 150_000 if n == 11 else 2900
    customer = CustomerFactory(number=f"C-90{n:02}", name=f"Vera Ottosson {n}")
    order_with(number=f"A-90{n:02}", customer=customer, charges=(amount, amount), subscription=True)
"""
"""Customers who were charged twice, one for each case of the tests."""


def eventually(look: Callable[[], Any], *, seconds: float = 60, why: str) -> Any:
    """What `look` returns once it is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {why}")


class RunningDesk:
    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self.process = start(
            "manage.py", "up", data=self.data, PORT=str(self.port), AGENTDESK_DEMO="1", PYTHONUNBUFFERED="1"
        )
        threading.Thread(target=self._read, daemon=True).start()
        ready = f"AgentDesk is ready at {self.url}"
        eventually(
            lambda: any(ready in line for line in self.lines), seconds=READY_SECONDS, why="the ready line"
        )
        made = run("manage.py", "shell", "-c", CASES, data=self.data)
        assert made.returncode == 0, made.stderr

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        self.lines.extend(self.process.stdout)

    def stop(self) -> int:
        """Ask it to stop, as Ctrl-C does; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=STOP_SECONDS)
        finally:
            if self.process.poll() is None:
                for pid in self.tree(self.process.pid):
                    os.kill(pid, signal.SIGKILL)
                self.process.wait(timeout=STOP_SECONDS)

    def tree(self, pid: int) -> list[int]:
        return [pid, *(below for child in children(pid) for below in self.tree(child))]

    def part(self, words: str) -> int:
        """The process below the supervisor whose command contains `words`; 0 while there is none."""
        assert self.process is not None
        commands = {pid: Path(f"/proc/{pid}/cmdline") for pid in children(self.process.pid)}
        return next(
            (
                pid
                for pid, command in commands.items()
                if command.exists() and words in command.read_text().replace("\0", " ")
            ),
            0,
        )

    def kill(self, words: str) -> None:
        """kill -9 for that process and everything below it, children last."""
        top = eventually(lambda: self.part(words), why=f"a process runs {words!r}")
        for pid in self.tree(top):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)

    def rows(self, sql: str, *values: object) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.data}/agentdesk.sqlite3?mode=ro", uri=True)) as connection:
            return connection.execute(sql, values).fetchall()

    def value(self, sql: str, *values: object) -> Any:
        found = self.rows(sql, *values)
        return found[0][0] if found else None

    def status_of(self, task: str) -> str:
        return str(self.value("SELECT status FROM tasks_task WHERE public_id = ?", task))

    def open_approval(self, task: str) -> str | None:
        """The public id of the task's open approval, as soon as there is one."""
        sql = (
            "SELECT a.public_id FROM approvals_approval a JOIN tasks_task t ON t.id = a.task_id"
            " WHERE t.public_id = ? AND a.status = 'open'"
        )
        found: str | None = self.value(sql, task)
        return found

    def refunds_of(self, order: str) -> list[Any]:
        return self.rows(
            "SELECT r.amount_minor FROM store_refund r JOIN store_order o ON o.id = r.order_id WHERE o.number = ?",
            order,
        )
