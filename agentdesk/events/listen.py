"""Hear that something moved, wherever the layer of channels runs: a wake-up for code that then reads the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from channels.layers import get_channel_layer

from agentdesk.events.channel_layer import LOST, DatabaseChannelLayer

MOVES = {"task.at", "work.waits", LOST["type"]}


class Wakeups:
    def __init__(self, layer: Any, channel: str) -> None:
        self._layer, self._channel = layer, channel
        self.receiving: asyncio.Task[dict[str, Any]] | None = None

    async def wait(self, seconds: float) -> bool:
        """Return True as soon as something moved, False when nothing did for so long."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            if self.receiving is None:
                # kept over several waits: a cancelled `receive` ends the channel
                self.receiving = asyncio.create_task(self._layer.receive(self._channel))
            left = end - asyncio.get_running_loop().time()
            done, _ = await asyncio.wait([self.receiving], timeout=max(0.0, left))
            if not done:
                return False
            message, self.receiving = self.receiving.result(), None
            if message["type"] in MOVES:
                return True


@asynccontextmanager
async def listening(*groups: str) -> AsyncIterator[Wakeups]:
    """From here on, what is announced to these groups wakes; on leaving, the channel is gone."""
    layer: Any = get_channel_layer()
    channel = await layer.new_channel()
    wakeups = Wakeups(layer, channel)
    try:
        for group in groups:
            await layer.group_add(group, channel)
        yield wakeups
    finally:
        for group in groups:
            await layer.group_discard(group, channel)
        if wakeups.receiving is not None:
            wakeups.receiving.cancel()
            await asyncio.gather(wakeups.receiving, return_exceptions=True)
        if isinstance(layer, DatabaseChannelLayer):
            layer.forget(channel)
