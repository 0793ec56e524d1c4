"""Programs with tokens, and streams read line by line."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from agentdesk.api import tokens
from tests.factories import support_version
from tests.serving import WebProcess, served, web

__all__ = ["served", "web"]


class Program:
    """A client that sends JSON with its owner's token."""

    def __init__(self, user: User, **token: Any) -> None:
        support_version()
        self.token, self.secret = tokens.create(user, name="tests", **token)
        self.client = Client(headers={"Authorization": f"Bearer {self.secret}"})

    def start(self, *, key: str | None = None, **body: Any) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return self.client.post("/api/v1/tasks", body, content_type="application/json", headers=headers)

    def get(self, path: str) -> Any:
        return self.client.get(path)


@pytest.fixture
def program(ada: User) -> Program:
    return Program(ada)


class Stream:
    """A Server-Sent Events stream of a served desk, read as it comes."""

    def __init__(self, web: WebProcess, path: str, headers: dict[str, str]) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=8)
        self.connection.request("GET", path, headers=headers)
        self.response = self.connection.getresponse()

    def lines_of_frame(self) -> list[str] | None:
        """The lines up to the next empty one; None when the stream has ended."""
        lines: list[str] = []
        while line := self.response.readline():
            if line == b"\n":
                return lines
            lines.append(line.decode().rstrip("\n"))
        return None

    def event(self) -> tuple[str, str, dict[str, Any]] | None:
        """(id, kind, data) of the next event; None when the stream has ended."""
        while (lines := self.lines_of_frame()) is not None:
            fields = dict(line.split(": ", 1) for line in lines)
            if "data" in fields:
                return fields["id"], fields["event"], json.loads(fields["data"])
        return None

    def close(self) -> None:
        self.connection.close()


@pytest.fixture
def follow(web: WebProcess) -> Iterator[Callable[..., Stream]]:
    opened: list[Stream] = []

    def follow(path: str, program: Program | None = None, **headers: str) -> Stream:
        if program is not None:
            headers["Authorization"] = f"Bearer {program.secret}"
        opened.append(Stream(web, path, headers))
        return opened[-1]

    yield follow
    for stream in opened:
        stream.close()
