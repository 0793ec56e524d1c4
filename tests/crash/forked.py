"""Steps in forked children: the parent has loaded everything once and holds no connection, a child dies like any process."""

from __future__ import annotations

import json
import os
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db import connections

from tests.crash.points import Plan, Points

HANGS_AFTER_SECONDS = 90


class Hung(AssertionError):
    """A step neither ended nor died."""


@dataclass(slots=True)
class Ended:
    """What a child left behind."""

    code: int
    passed: list[str] = field(default_factory=list)
    killed_at: str = ""
    stopped_at: str = ""
    events: list[tuple[int, int, str]] = field(default_factory=list)
    answer: Any = None
    error: str = ""
    pid: int = 0

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Child:
    """`before` runs without crash points and says which tasks are spared, `action` with them; its result is the answer."""

    def __init__(
        self,
        action: Callable[[], Any],
        *,
        before: Callable[[], Iterable[int] | None] | None = None,
        plan: Plan | None = None,
        equip: Callable[[Points], None] | None = None,
    ) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- it outlives this function
        self.pid = os.fork()
        if self.pid == 0:
            self._be(action, before, plan or Plan(), equip)

    def wait(self, *, seconds: float | None = None) -> Ended | None:
        """What it left when it ended or stopped; None when neither happened within `seconds`. Raises Hung."""
        deadline = time.monotonic() + (seconds if seconds is not None else HANGS_AFTER_SECONDS + 10)
        while seconds is not None and time.monotonic() < deadline:
            pid, status = os.waitpid(self.pid, os.WUNTRACED | os.WNOHANG)
            if pid:
                return self._ended(status)
            time.sleep(0.005)
        if seconds is not None:
            return None
        _, status = os.waitpid(self.pid, os.WUNTRACED)
        return self._ended(status)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> Ended:
        os.kill(self.pid, signal.SIGKILL)
        ended = self.wait()
        assert ended is not None
        return ended

    def _ended(self, status: int) -> Ended:
        ended = Ended(0 if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status), pid=self.pid)
        self._log.seek(0)
        for line in self._log.read().decode().splitlines():
            mark, _, rest = line.partition(" ")
            match mark:
                case "P":
                    ended.passed.append(rest)
                case "K":
                    ended.killed_at = rest
                case "S":
                    ended.stopped_at = rest
                case "W":
                    task, number, kind = rest.split(" ", 2)
                    ended.events.append((int(task), int(number), kind))
                case "A":
                    ended.answer = json.loads(rest)
                case _:
                    ended.error += f"{line}\n"
        if ended.code == -signal.SIGALRM:
            raise Hung(f"a step did not end within {HANGS_AFTER_SECONDS} s; it passed {ended.passed[-3:]}")
        return ended

    def _be(
        self,
        action: Callable[[], Any],
        before: Callable[[], Iterable[int] | None] | None,
        plan: Plan,
        equip: Callable[[Points], None] | None,
    ) -> None:
        code, log = 1, self._log.fileno()
        try:
            signal.alarm(HANGS_AFTER_SECONDS)
            points = Points(log, plan)
            if before is not None:
                points.spare(before() or ())
                connections.close_all()
            points.install()
            if equip is not None:
                equip(points)
            answer = action()
            connections.close_all()
            os.write(log, f"A {json.dumps(answer)}\n".encode())
            code = 0
        except BaseException:  # noqa: BLE001 -- the parent tells it
            os.write(log, traceback.format_exc().encode())
        finally:
            os._exit(code)


def done(action: Callable[[], Any]) -> Any:
    """Run a step that nothing happens to, and return its answer. Raises RuntimeError."""
    ended = Child(action).wait()
    assert ended is not None
    if ended.code:
        raise RuntimeError(f"a quiet step ended with {ended.code}:\n{ended.error}")
    return ended.answer
