"""A desk on several machines, as far as one machine can play them: two web processes, two worker trees, PostgreSQL, Redis."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection

from tests.crash.running import alive, children
from tests.serving import ROOT, WebProcess, session_of


def eventually(look: Callable[[], Any], *, seconds: float = 60, why: str) -> Any:
    """What `look` returns once it is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {why}")


class Tree:
    """`manage.py work` on a data folder of its own, as on a machine of its own."""

    def __init__(self, data: Path, *, like: WebProcess) -> None:
        data.mkdir()
        self.log = data / "worker.log"
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "work"],
            cwd=ROOT,
            env={
                **os.environ,
                **like._database(),
                "AGENTDESK_DATA": str(data),
                "AGENTDESK_SECRET_KEY": settings.SECRET_KEY,
                "AGENTDESK_TASKS_IN_FLIGHT": "2",
                "AGENTDESK_OFFLINE_PACE_MS": "15",
                "EMAIL_URL": "dummymail://",
            },
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return "worker: ready" in self.log.read_text()

    def pids(self) -> set[int]:
        def below(pid: int) -> list[int]:
            return [pid, *(deeper for child in children(pid) for deeper in below(child))]

        return set(below(self.process.pid))

    def kill(self) -> None:
        """kill -9 for its parent alone: the kernel has to end the others."""
        pids = self.pids()
        self.process.kill()
        self.process.wait()
        eventually(lambda: not [pid for pid in pids if alive(pid)], seconds=5, why="nothing of it goes on")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=30)


class Browser:
    """A signed-in person at one web process, without JavaScript."""

    def __init__(self, web: WebProcess, user: User) -> None:
        self.web = web
        self.cookies = {"sessionid": session_of(user)}

    def get(self, path: str) -> str:
        return self._ask(urllib.request.Request(f"{self.web.url}{path}"))

    def post(self, path: str, *, form_at: str, **fields: str) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.get(form_at))
        assert token is not None
        data = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        return self._ask(urllib.request.Request(f"{self.web.url}{path}", data=data))

    def _ask(self, request: urllib.request.Request) -> str:
        request.add_header("Cookie", "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        request.add_header("Origin", self.web.url)
        with urllib.request.build_opener(_Stay).open(request, timeout=20) as answer:
            for cookie in answer.headers.get_all("Set-Cookie") or []:
                name, _, value = cookie.partition(";")[0].partition("=")
                self.cookies[name] = value
            return str(answer.headers["Location"] if answer.status == 302 else answer.read().decode())


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is the answer."""

    def http_error_302(self, _: Any, answer: Any, *__: Any) -> Any:
        return answer


@pytest.fixture
def desk(transactional_db: None, tmp_path: Path) -> Iterator[Any]:
    """(web A, web B), (tree A, tree B)."""
    if connection.vendor != "postgresql" or not settings.REDIS_URL:
        pytest.skip("Needs PostgreSQL and Redis: DATABASE_URL, REDIS_URL")
    for name in ("web-a", "web-b"):
        (tmp_path / name).mkdir()
    webs = [WebProcess(tmp_path / name) for name in ("web-a", "web-b")]
    trees = [Tree(tmp_path / name, like=webs[0]) for name in ("worker-a", "worker-b")]
    try:
        for web in webs:
            web.start()
        for tree in trees:
            eventually(tree.ready, why="the worker is ready")
        yield webs, trees
    finally:
        for tree in trees:
            tree.stop()
        for web in webs:
            web.kill()
