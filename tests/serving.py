"""A real web process (daphne) over the test database, to be killed and started again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.db import connection

from agentdesk.events.models import Event

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30


def session_of(user: User) -> str:
    """Log `user` in and return the session's key, which is its cookie's value."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


class WebProcess:
    """One daphne on a free loopback port. `kill` is kill -9; `start` after it uses the same port."""

    def __init__(self, data: Path) -> None:
        self.data = data
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "daphne",
                "-b",
                "127.0.0.1",
                "-p",
                str(self.port),
                "agentdesk.asgi:application",
            ],
            cwd=ROOT,
            env={
                **os.environ,
                **self._database(),
                "PORT": str(self.port),
                "AGENTDESK_SECRET_KEY": settings.SECRET_KEY,
            },
            stdout=(self.data / "web.log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        end = time.monotonic() + START_SECONDS
        while not self._answers():
            if time.monotonic() > end or not self.running():
                raise RuntimeError(self.log())
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            urllib.request.urlopen(f"{self.url}/healthz", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def log(self) -> str:
        return (self.data / "web.log").read_text()[-4000:]

    def _database(self) -> dict[str, str]:
        """The variables that lead another process to the database of this test."""
        database = connection.settings_dict
        if connection.vendor == "sqlite":
            link = self.data / "agentdesk.sqlite3"
            if not link.exists():
                link.symlink_to(
                    str(database["NAME"])
                )  # SQLite opens, locks and logs beside the file it points to
            return {"AGENTDESK_DATA": str(self.data)}
        who = quote(database["USER"]) + (f":{quote(database['PASSWORD'])}" if database["PASSWORD"] else "")
        address = f"{who}@{database['HOST']}:{database['PORT'] or 5432}"
        return {
            "AGENTDESK_DATA": str(self.data),
            "DATABASE_URL": f"postgresql://{address}/{database['NAME']}",
        }


@pytest.fixture(scope="session")
def served(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebProcess]:
    """One for the whole run: it starts when the first test needs it, and again after a test that killed it."""
    process = WebProcess(tmp_path_factory.mktemp("web"))
    yield process
    process.kill()


@pytest.fixture
def web(transactional_db: None, served: WebProcess) -> WebProcess:
    if not served.running():
        served.start()
    return served


def settle() -> None:
    """Wait until every event counts as settled: on PostgreSQL, open transactions of other databases hold that back."""
    end = time.monotonic() + 10
    while Event.objects.settled().count() < Event.objects.count():
        assert time.monotonic() < end, "a transaction stays open"
        time.sleep(0.02)
