"""A Channels layer over the database, for one machine without Redis.

`group_send` puts a row, so a message commits or rolls back with the change it tells of. While somebody in this
process listens, one thread reads what was committed (agentdesk.events.wire) and hands it to the local inboxes.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable
from typing import Any

from channels.db import database_sync_to_async
from channels.layers import BaseChannelLayer
from django.db import connection
from django.utils.crypto import get_random_string

from agentdesk.events import wire

logger = logging.getLogger(__name__)

LOST: dict[str, Any] = {"type": "messages.lost"}
"""Delivered in place of messages that could not be: read the present state from the database."""

START_SECONDS = 5
RETRY_SECONDS = 1


class Inbox:
    """What waits for one listener on its event loop. When `capacity` is passed, all of it becomes one LOST."""

    def __init__(self, capacity: int) -> None:
        self.loop = asyncio.get_running_loop()
        self._capacity = capacity
        self._messages: deque[dict[str, Any]] = deque()
        self._filled = asyncio.Event()

    def put(self, message: dict[str, Any]) -> None:
        if message is LOST or len(self._messages) >= self._capacity:
            self._messages.clear()
            self._messages.append(LOST)
        if message is not LOST:
            self._messages.append(message)
        self._filled.set()

    async def get(self) -> dict[str, Any]:
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        return self._messages.popleft()


class DatabaseChannelLayer(BaseChannelLayer):  # type: ignore[misc]  # Channels has no types
    """Groups, and channels of this process. A listener that falls behind is told so, and never holds up the others."""

    extensions = ["groups"]

    def __init__(self, capacity: int = 500, expiry: int = 60) -> None:
        super().__init__(expiry=expiry, capacity=capacity)
        self._lock = threading.Lock()  # guards the three below
        self._inboxes: dict[str, Inbox] = {}
        self._groups: dict[str, set[str]] = {}
        self._reading: threading.Event | None = None

    async def new_channel(self, prefix: str = "specific") -> str:
        """Return the name of a new channel; what commits from now on reaches it. Raises TimeoutError without a database."""
        name = f"{prefix}.{get_random_string(16)}"
        with self._lock:
            self._inboxes[name] = Inbox(self.capacity)
            reading = self._reading
            if reading is None:
                reading = self._reading = threading.Event()
                threading.Thread(
                    target=self._read, args=[reading], name="channel-layer-reader", daemon=True
                ).start()
        if not reading.is_set() and not await asyncio.to_thread(reading.wait, START_SECONDS):
            self.forget(name)
            raise TimeoutError("The channel layer cannot read the database.")
        return name

    async def receive(self, channel: str) -> dict[str, Any]:
        """Return the next message. Cancelling it ends the channel: Channels does so when the socket is gone."""
        inbox = self._inboxes[channel]
        try:
            return await inbox.get()
        except asyncio.CancelledError:
            self.forget(channel)
            raise

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        with self._lock:
            self._hand_over([(channel, message)])

    async def group_add(self, group: str, channel: str) -> None:
        with self._lock:
            if channel in self._inboxes:
                self._groups.setdefault(group, set()).add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        with self._lock:
            self._leave(group, channel)

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await database_sync_to_async(wire.put)([([group], message)])

    def forget(self, channel: str) -> None:
        """End a channel and its memberships. Doing it twice does no harm."""
        with self._lock:
            self._drop(channel)

    def _drop(self, channel: str) -> None:
        self._inboxes.pop(channel, None)
        for group in [group for group, members in self._groups.items() if channel in members]:
            self._leave(group, channel)

    def _leave(self, group: str, channel: str) -> None:
        members = self._groups.get(group, set())
        members.discard(channel)
        if not members:
            self._groups.pop(group, None)

    def _hand_over(self, mail: Iterable[tuple[str, dict[str, Any]]]) -> None:
        """Put each message into its channel's inbox, with one call into each event loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[Inbox, dict[str, Any]]]] = defaultdict(list)
        for channel, message in mail:
            if inbox := self._inboxes.get(channel):
                by_loop[inbox.loop].append((inbox, message))
        for loop, pairs in by_loop.items():
            try:
                loop.call_soon_threadsafe(_put_all, pairs)
            except RuntimeError:  # the loop is closed, and its listeners gone with it
                for channel in [channel for channel, inbox in self._inboxes.items() if inbox.loop is loop]:
                    self._drop(channel)

    def _read(self, reading: threading.Event) -> None:
        """Hand over what commits until nobody listens. `reading` is set once nothing can be missed any more."""
        try:
            while self._wanted(reading):
                try:
                    self._read_on(reading)
                except (
                    Exception
                ):  # the boundary of the thread: whatever it was, the listeners must not wait for ever
                    logger.exception(
                        "The channel layer cannot read the database; it tries again in a second."
                    )
                    connection.close()
                    time.sleep(RETRY_SECONDS)
        finally:
            connection.close()

    def _read_on(self, reading: threading.Event) -> None:
        reader = wire.reader()
        if reading.is_set():
            with self._lock:
                self._hand_over([(channel, LOST) for channel in self._inboxes])
        reading.set()
        while self._wanted(reading):
            posted = reader.wait()
            with self._lock:
                self._hand_over(
                    [
                        (channel, message)
                        for group, message in posted
                        for channel in self._groups.get(group, ())
                    ]
                )

    def _wanted(self, reading: threading.Event) -> bool:
        """Whether this thread is still the one that reads; it stops being so when the last listener has left."""
        with self._lock:
            if not self._inboxes and self._reading is reading:
                self._reading = None
            return self._reading is reading


def _put_all(pairs: list[tuple[Inbox, dict[str, Any]]]) -> None:
    for inbox, message in pairs:
        inbox.put(message)
