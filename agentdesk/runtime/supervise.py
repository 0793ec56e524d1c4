"""Run the desk's processes side by side: start them, start a dead one again, stop all of them together.

This module is all that a supervising process needs; it holds no database connection and loads no model client.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from types import FrameType

from django.conf import settings

from agentdesk.core import lifeline
from agentdesk.core.lifeline import EXIT_TRY_AGAIN

LOOK_SECONDS = 0.1
GRACE_SECONDS = 16.0
STEADY_SECONDS = 10.0
"""A process that ran for so long had started well: its next start is immediate."""
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.2, 30.0
LONGEST_PAUSE_AFTER_KILL_SECONDS = 2.0
"""It was killed or asks to be started again: a pause mends nothing, it only keeps the machine from spinning."""
OWN_FAULTS = 5


class GivenUp(Exception):
    """A process ends by itself again and again, right after its start: something has to be mended first."""


@dataclass(slots=True)
class Program:
    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    quick_ends: int = 0
    own_faults: int = 0
    due: float = 0.0
    """When it is started again."""

    def start(self) -> None:
        self.started = time.monotonic()
        self.process = subprocess.Popen(  # noqa: S603 -- our own commands
            [sys.executable, *self.arguments],
            cwd=settings.BASE_DIR,
            env={**os.environ, lifeline.SUPERVISOR: str(os.getpid())},
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the others in order
        )

    def note_end(self, code: int) -> float:
        """Remember how it ended and return how many seconds to wait before the next start."""
        steady = time.monotonic() - self.started >= STEADY_SECONDS
        own_fault = code >= 0 and code != EXIT_TRY_AGAIN
        self.quick_ends = 0 if steady else self.quick_ends + 1
        self.own_faults = self.own_faults + 1 if own_fault and not steady else 0
        if self.quick_ends <= 1:
            return 0.0
        longest = LONGEST_PAUSE_SECONDS if own_fault else LONGEST_PAUSE_AFTER_KILL_SECONDS
        return min(longest, FIRST_PAUSE_SECONDS * 2.0 ** min(self.quick_ends, 10))


class Supervisor:
    """Starts programs again for ever; with `may_give_up`, only until one fails at once, by itself, OWN_FAULTS times in a row."""

    def __init__(self, programs: Sequence[Program], *, may_give_up: bool = False) -> None:
        self.programs = programs
        self.may_give_up = may_give_up
        self.stopping = threading.Event()

    def run(self) -> None:
        """Return when told to stop (SIGINT, SIGTERM), with everything stopped. Raises GivenUp."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        try:
            for program in self.programs:
                program.start()
            while not self.stopping.wait(LOOK_SECONDS):
                for program in self.programs:
                    self._look_after(program)
        finally:
            self._stop_all()

    def _look_after(self, program: Program) -> None:
        now = time.monotonic()
        if program.process is None:
            if now >= program.due:
                program.start()
            return
        code = program.process.poll()
        if code is None or self.stopping.is_set():
            return
        program.process = None
        pause = program.note_end(code)
        if self.may_give_up and program.own_faults >= OWN_FAULTS:
            raise GivenUp(
                f"{program.name} ended {OWN_FAULTS} times right after its start. Its last lines above say why."
            )
        program.due = now + pause
        again = f"again in {pause:.1f} s" if pause else "again at once"
        print(f"{program.name}: {_spoken(code)}; it starts {again}.", flush=True)  # noqa: T201 -- what the user sees

    def _stop(self, _: int, __: FrameType | None) -> None:
        if self.stopping.is_set():  # the second time: hurry
            for program in self.programs:
                if program.process is not None and program.process.poll() is None:
                    program.process.terminate()
        self.stopping.set()

    def _stop_all(self) -> None:
        alive = [
            program.process for program in self.programs if program.process and program.process.poll() is None
        ]
        for process in alive:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for process in alive:
            try:
                process.wait(timeout=max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _kill_session(process.pid)
                process.wait()


def _kill_session(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _spoken(code: int) -> str:
    if code == EXIT_TRY_AGAIN:
        return "it asks to be started again (exit code 75)"
    if code < 0:
        return f"it was killed ({signal.Signals(-code).name})"
    return f"it ended with exit code {code}"
