"""Run the desk's processes side by side: start them, start a dead one again, stop all of them together."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

from django.conf import settings

GRACE_SECONDS = 12.0
TOO_OFTEN, MINUTE = 5, 60.0
"""Starts within a minute after which a process is given up: something has to be mended first."""


class GivenUp(Exception):
    """A process ends again and again."""


@dataclass(slots=True)
class Program:
    name: str
    arguments: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)

    def start(self) -> None:
        now = time.monotonic()
        self.starts = [moment for moment in self.starts if now - moment < MINUTE] + [now]
        if len(self.starts) > TOO_OFTEN:
            raise GivenUp(
                f"{self.name} ended {TOO_OFTEN} times within a minute. Its last lines above say why."
            )
        self.process = subprocess.Popen(  # noqa: S603 -- our own commands
            [sys.executable, *self.arguments],
            cwd=settings.BASE_DIR,
            env={**os.environ, "AGENTDESK_SUPERVISED": "1"},
            start_new_session=True,  # Ctrl-C reaches us alone; we stop the others in order
        )


class Supervisor:
    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = programs
        self.stopping = threading.Event()

    def run(self) -> None:
        """Return when told to stop (SIGINT, SIGTERM), with everything stopped. Raises GivenUp."""
        signal.signal(signal.SIGTERM, self._stop)
        signal.signal(signal.SIGINT, self._stop)
        try:
            for program in self.programs:
                program.start()
            while not self.stopping.wait(0.2):
                for program in self.programs:
                    self._look_after(program)
        finally:
            self._stop_all()

    def _look_after(self, program: Program) -> None:
        assert program.process is not None
        code = program.process.poll()
        if code is not None and not self.stopping.is_set():
            print(f"{program.name} ended with {code}; starting it again.", flush=True)  # noqa: T201 -- what the user sees
            program.start()

    def _stop(self, _: int, __: FrameType | None) -> None:
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
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
