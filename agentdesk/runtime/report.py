"""A worker process says every few seconds in the database that it lives, also when it has nothing to do."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import socket
import threading
from collections.abc import Iterator

from django.conf import settings
from django.db import DatabaseError, connections

from agentdesk.core.version import version
from agentdesk.runtime.life import Place
from tasks.models.worker import SEEN_EVERY_SECONDS
from tasks.workers import say_alive, say_goodbye

logger = logging.getLogger(__name__)


@contextlib.contextmanager
def alive(place: Place) -> Iterator[None]:
    """Say so from a thread and a connection of its own; at the orderly end, say goodbye."""
    over = threading.Event()
    speaker = threading.Thread(target=_speak, args=(place, over), name="report", daemon=True)
    speaker.start()
    try:
        yield
    finally:
        over.set()
        speaker.join(timeout=2)  # a database that does not answer holds nobody up


def _speak(place: Place, over: threading.Event) -> None:
    host, pid = socket.gethostname()[:60], os.getpid()
    name = f"{host[:40]}:{pid}:{secrets.token_hex(4)}"
    told = False
    while True:
        try:
            say_alive(
                name=name,
                host=host,
                pid=pid,
                version=version(),
                tasks_held=place.held,
                capacity=settings.WORKER_TASKS_IN_FLIGHT,
            )
            told = False
        except DatabaseError as error:
            connections.close_all()
            if not told:  # once an outage: others say it too
                logger.warning("This worker cannot say that it lives: %s", error)
            told = True
        if over.wait(SEEN_EVERY_SECONDS):
            break
    with contextlib.suppress(DatabaseError):
        say_goodbye(name=name)
    connections.close_all()
