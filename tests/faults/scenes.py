"""What happens to a desk in each scene: the fault comes while tasks run, lasts, and goes; then everything has to end well."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings

from tests.faults.proxy import Proxy
from tests.faults.scene import Scene

TICKETS = 4


def postgres_away(scene: Scene) -> dict[str, Any]:
    """The server refuses and drops connections for `seconds`."""
    proxy, url = _through_a_proxy()
    scene.open(TICKETS)
    scene.start_worker(DATABASE_URL=url)
    scene.until(scene.running, what="a running task")
    proxy.go_away()
    scene.open(1)  # somebody else still reaches it
    time.sleep(scene.told["seconds"])
    proxy.come_back()
    return _end(scene)


def sqlite_locked(scene: Scene) -> dict[str, Any]:
    """Somebody holds the write lock for `seconds`, longer than anybody waits for it."""
    scene.open(TICKETS)
    scene.start_worker()
    scene.until(scene.running, what="a running task")
    other = sqlite3.connect(settings.DATABASES["default"]["NAME"], isolation_level=None, timeout=20)
    other.execute("BEGIN IMMEDIATE")
    time.sleep(scene.told["seconds"])
    other.execute("ROLLBACK")
    return _end(scene)


def commits_cut(scene: Scene) -> dict[str, Any]:
    """Each tenth COMMIT of the workers loses its connection: the server never gets it, or its answer never comes."""
    proxy, url = _through_a_proxy()
    scene.open(2 * TICKETS)
    proxy.cut_every = 10
    scene.start_worker(DATABASE_URL=url)
    with suppress(AssertionError):
        scene.until(scene.at_rest, what="rest", seconds=scene.told["seconds"])
    proxy.cut_every = 0
    return {**_end(scene), "cuts": proxy.cuts}


def disk_full(scene: Scene) -> dict[str, Any]:
    """A file takes all the room there is for `seconds`."""
    scene.open(TICKETS)
    scene.start_worker()
    scene.until(scene.running, what="a running task")
    ballast = Path(settings.DATA_DIR) / "ballast"
    written = _fill(ballast)
    scene.sign()
    time.sleep(scene.told["seconds"])
    ballast.unlink()
    return {**_end(scene), "ballast": written}


def redis_dead(scene: Scene) -> dict[str, Any]:
    """kill -9 to the server that carries live messages; it stays away until every task has ended, then comes back."""
    port = int(urlsplit(os.environ["REDIS_URL"]).port or 0)
    server = _redis(port)
    scene.open(TICKETS)
    scene.start_worker()
    scene.until(scene.running, what="a running task")
    server.kill()
    server.wait()
    without = _end(scene)
    server = _redis(port)
    scene.open(1)
    again = _end(scene)
    server.kill()
    server.wait()
    return {**again, "without": without}


def _end(scene: Scene) -> dict[str, Any]:
    quiet = scene.until(scene.at_rest, what="rest", seconds=90)
    return {"quiet_after_s": quiet, "findings": scene.findings(quiet)}


def _through_a_proxy() -> tuple[Proxy, str]:
    url = urlsplit(os.environ["DATABASE_URL"])
    proxy = Proxy(url.hostname or "127.0.0.1", url.port or 5432)
    who = f"{url.username}:{url.password}@" if url.password else f"{url.username}@"
    return proxy, urlunsplit(url._replace(netloc=f"{who}127.0.0.1:{proxy.start()}"))


def _fill(ballast: Path) -> int:
    """Write until there is no room for one byte more; return how many went in."""
    written = 0
    with ballast.open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with suppress(OSError):
                while True:
                    written += file.write(b"\0" * size)
    return written


def _redis(port: int) -> subprocess.Popen[bytes]:
    program = shutil.which("redis-server")
    assert program is not None
    server = subprocess.Popen(
        [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
        cwd=settings.DATA_DIR,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return server
        time.sleep(0.05)
    raise AssertionError("Redis does not start")
