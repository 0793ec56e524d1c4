"""Sockets of pages, and tasks that move."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from websockets.sync.client import ClientConnection, connect

from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from tasks.models import Task
from tests.serving import WebProcess, served, session_of, web

__all__ = ["served", "web"]


def move(task: Task, times: int = 1) -> int:
    """Record events as a worker does, each in a transaction of its own; return the last number."""
    for _ in range(times):
        with transaction.atomic():
            number = record(task, Fact(Kind.TODOS_ADDED, {"count": 1}))
    return number


class Page:
    """The browser's end of a socket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def watch(self, **watch: Any) -> None:
        """`tasks=True`, or `tsk_…=number`."""
        names = {name if name == "tasks" else f"task:{name}": value for name, value in watch.items()}
        self.socket.send(json.dumps({"watch": names}))

    def hear(self, seconds: float = 5) -> dict[str, Any]:
        heard: dict[str, Any] = json.loads(self.socket.recv(timeout=seconds))
        return heard

    def hear_until_watching(self) -> list[dict[str, Any]]:
        heard = [self.hear()]
        while "watching" not in heard[-1]:
            heard.append(self.hear())
        return heard[:-1]


@pytest.fixture
def open_page(web: WebProcess) -> Iterator[Callable[..., Page]]:
    opened: list[ClientConnection] = []

    def open_page(user: User | None = None, *, origin: str | None = None, session: str = "") -> Page:
        cookie = session or (session_of(user) if user else "")
        socket = connect(
            f"ws://{web.address}/ws/live/",
            origin=origin or web.url,  # type: ignore[arg-type]
            additional_headers={"Cookie": f"sessionid={cookie}"} if cookie else {},
            proxy=None,
        )
        opened.append(socket)
        return Page(socket)

    yield open_page
    for socket in opened:
        socket.close()
