"""A task whose model is behind a server that the test tells how to behave."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.factories import AgentVersionFactory
from tests.runtime.bad_server import Server
from tests.scripted import Story, tell


@pytest.fixture
def bad_server(settings: Any) -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.OPENAI_API_KEY = "sk-test-0000000000000000"
    settings.OPENAI_BASE_URL = server.url
    settings.MODEL = "first"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def told(transactional_db: None, bad_server: Server) -> Story:
    AgentVersionFactory(model="")
    return tell()
