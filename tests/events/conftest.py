"""A channel layer over the test database, and programs that write to it from outside."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from agentdesk.events.channel_layer import DatabaseChannelLayer

PATIENCE_SECONDS = 10


class Listener:
    """One channel, as a socket has it: `next` waits for a message, `leave` is what Channels does when it is gone."""

    def __init__(self, layer: DatabaseChannelLayer, name: str) -> None:
        self.layer, self.name = layer, name

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await self.layer.receive(self.name)

    async def numbers(self, count: int) -> list[int]:
        return [(await self.next())["number"] for _ in range(count)]

    async def leave(self) -> None:
        waiting = asyncio.create_task(self.layer.receive(self.name))
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


@pytest.fixture
async def layer(transactional_db: None) -> AsyncIterator[DatabaseChannelLayer]:
    layer = DatabaseChannelLayer(capacity=50)
    yield layer
    for name in list(layer._inboxes):
        layer.forget(name)
    for thread in threading.enumerate():
        if thread.name == "channel-layer-reader":
            await asyncio.to_thread(thread.join, PATIENCE_SECONDS)
    await sync_to_async(connections.close_all)()


@pytest.fixture
async def listen(layer: DatabaseChannelLayer) -> Callable[..., Any]:
    async def listener(*groups: str) -> Listener:
        name = await layer.new_channel()
        for group in groups:
            await layer.group_add(group, name)
        return Listener(layer, name)

    return listener


@pytest.fixture
def elsewhere(transactional_db: None) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start Python code in another process that uses the test database; `put` and `transaction` are imported there."""
    started: list[subprocess.Popen[str]] = []
    prelude = (
        "import sys, time, django; django.setup()\n"
        "from django.db import connection, transaction\n"
        "connection.settings_dict['NAME'] = sys.argv[1]\n"
        "from agentdesk.events.wire import put\n"
    )

    def run(code: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", prelude + code, str(connection.settings_dict["NAME"])],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": "agentdesk.settings"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()
