"""Web and worker processes over the benchmark's database, and people who use them over HTTP."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

from django.contrib.auth.models import User

from approvals.models import Approval
from tests.serving import session_of

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "b" * 32


def until(look: Callable[[], object], *, seconds: float, every: float = 0.05) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not happen within {seconds} s")
        time.sleep(every)


@contextmanager
def process(*arguments: str, **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, env={**os.environ, **extra})
    try:
        yield started
    finally:
        started.send_signal(signal.SIGTERM)
        try:
            started.wait(timeout=30)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


@contextmanager
def web() -> Iterator[int]:
    """A web process; its port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    with process("-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(port), "agentdesk.asgi:application"):
        until(lambda: answers(port), seconds=60)
        yield port


def answers(port: int) -> bool:
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False


@contextmanager
def workers(**extra: str) -> Iterator[subprocess.Popen[bytes]]:
    with process("manage.py", "work", "--supervise", **extra) as supervisor:
        yield supervisor


class Browser:
    """Somebody who is signed in."""

    def __init__(self, port: int, user: User) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.headers = {
            "Cookie": f"sessionid={session_of(user)}; csrftoken={TOKEN}",
            "X-CSRFToken": TOKEN,
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def approve(self, approval: Approval) -> None:
        form = urlencode({"verdict": "approve", "seen": approval.seen_hash})
        self.connection.request("POST", f"/approvals/{approval.public_id}/decide/", form, self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        assert answer.status in {200, 302, 303}, (answer.status, body[:500])
