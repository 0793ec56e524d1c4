"""A whole desk under fire: `manage.py up` with its supervisor, web process and worker tree, and people who use it over HTTP."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from tests.crash.running import ROOT, alive, children

SEEN = re.compile(r'name="seen" value="([0-9a-f]{64})"')
TOKEN = "x" * 32
"""The CSRF cookie and the form's field: that they are equal is what counts."""
START_SECONDS = 60


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


class Desk:
    """The product's own processes, started as an init system would: again whenever the supervisor is gone."""

    def __init__(self, log: Path) -> None:
        self.port = free_port()
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0
        self.orphans: list[str] = []
        self._down = threading.Event()

    def start(self) -> None:
        self.starts += 1
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env={
                **os.environ,
                "PORT": str(self.port),
                "AGENTDESK_WORKERS": "2",
                "AGENTDESK_OFFLINE_PACE_MS": "8",
            },
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
        )

    def keep_up(self) -> None:
        """Call it often: starts the supervisor again when it ended; what it left behind is noted and ended first."""
        assert self.process is not None
        if self.process.poll() is None:
            return
        self.start()

    def end_orphans(self, known: list[int], *, patience: float = 5.0) -> None:
        """After the supervisor died, what it had started has to go by itself."""
        until = time.monotonic() + patience
        while time.monotonic() < until and any(alive(pid) for pid in known):
            time.sleep(0.05)
        for pid in known:
            if alive(pid):
                self.orphans.append(command_of(pid))
                os.kill(pid, signal.SIGKILL)

    def processes(self) -> dict[str, int]:
        """By role; what is not there at the moment is missing."""
        assert self.process is not None
        found = {"supervisor": self.process.pid} if alive(self.process.pid) else {}
        for child in children(self.process.pid):
            line = command_of(child)
            if "daphne" in line:
                found["web"] = child
            elif "work" in line:
                found["main"] = child
                for sentinel in children(child)[:1]:
                    found["sentinel"] = sentinel
                    below = [pid for pid in children(sentinel) if alive(pid)]
                    # django-q2 forks its workers, then the monitor, then the pusher
                    if len(below) >= 4:
                        found |= {
                            "worker": below[0],
                            "second worker": below[1],
                            "monitor": below[-2],
                            "pusher": below[-1],
                        }
        return found

    def all_below(self) -> list[int]:
        assert self.process is not None
        found, left = [], [self.process.pid]
        while left:
            below = children(left.pop())
            found += below
            left += below
        return found

    def wait_ready(self) -> None:
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            self.keep_up()
            try:
                if len(self.processes()) >= 8 and Person(self.port, "").ask("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.2)
        raise AssertionError(f"the desk does not start:\n{self.log.read_text()[-3000:]}")

    def stop(self) -> None:
        if self.process is None:
            return
        below = self.all_below()
        self.process.terminate()
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.end_orphans(below, patience=10)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError:
        return ""


@dataclass(slots=True)
class Person:
    """Somebody with a browser, or a program with a token: every request is a connection of its own."""

    port: int
    session: str
    bearer: str = ""
    timeout: float = 25.0

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, str]:
        """Status and body. Raises OSError when the desk is away, and then nobody knows."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)
        sent = {"Cookie": f"sessionid={self.session}; csrftoken={TOKEN}", **headers}
        if self.bearer:
            sent = {"Authorization": f"Bearer {self.bearer}", **headers}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()

    def post(self, path: str, **fields: str) -> int:
        form = urlencode({"csrfmiddlewaretoken": TOKEN, **fields})
        return self.ask("POST", path, form, **{"Content-Type": "application/x-www-form-urlencoded"})[0]

    def decide(self, approval: str, verdict: str = "approve", reason: str = "") -> bool:
        """As one does: look at the card, send what it showed. True when the desk says that it is taken."""
        _, page = self.ask("GET", f"/approvals/{approval}/")
        seen = SEEN.search(page)
        if seen is None:
            return False
        return (
            self.post(f"/approvals/{approval}/decide/", seen=seen[1], verdict=verdict, reason=reason) == 302
        )


@dataclass(slots=True)
class Busy:
    """Repeats something people do, in a thread, until told to stop; a desk that is away is tried again."""

    act: Callable[[], None]
    pause_seconds: float
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    errors: list[str] = field(default_factory=list)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._repeat, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=60)

    def _repeat(self) -> None:
        while not self._stop.wait(self.pause_seconds):
            try:
                self.act()
            except OSError:
                continue
            except Exception as error:  # noqa: BLE001 -- told at the end: a thread that dies silently proves nothing
                self.errors.append(repr(error))
