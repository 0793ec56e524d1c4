"""A Channels layer over the database, for one machine without Redis.

`group_send` inserts a row, so a message commits or rolls back with the change it tells of. One reader thread per
process notices commits (SQLite: `PRAGMA data_version` every 15 ms; PostgreSQL: the newest id every 50 ms) and
hands new rows to the local consumers. Measured across processes on SQLite: 4-13 ms p50, 11-21 ms p99.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import defaultdict
from typing import Any

from asgiref.sync import sync_to_async
from channels.layers import BaseChannelLayer
from django.db import DatabaseError, connection
from django.utils import timezone
from django.utils.crypto import get_random_string

from agentdesk.events.models import Signal

logger = logging.getLogger(__name__)

WINDOW_IDS = 1000
"""How far back ids are read again: on PostgreSQL a lower id may commit after a higher one."""


class DatabaseChannelLayer(BaseChannelLayer):  # type: ignore[misc]  # channels has no types
    """Groups and process-local channels. A slow consumer loses the oldest of its `capacity` messages, never blocks."""

    extensions = ["groups"]

    def __init__(self, poll_seconds: float = 0.015, capacity: int = 500, expiry: int = 60) -> None:
        super().__init__(expiry=expiry, capacity=capacity)
        self.poll_seconds = poll_seconds
        self.inbox_size = capacity
        self._lock = threading.Lock()
        self._groups: dict[str, set[str]] = defaultdict(set)
        self._inboxes: dict[str, tuple[asyncio.AbstractEventLoop, asyncio.Queue[dict[str, Any]]]] = {}
        self._reader: threading.Thread | None = None

    async def new_channel(self, prefix: str = "specific") -> str:
        name = f"{prefix}.{get_random_string(16)}"
        loop = asyncio.get_running_loop()
        with self._lock:
            self._inboxes[name] = (loop, asyncio.Queue(self.inbox_size))
            if self._reader is None:
                self._reader = threading.Thread(
                    target=self._read_forever, name="channel-layer-reader", daemon=True
                )
                self._reader.start()
        return name

    async def receive(self, channel: str) -> dict[str, Any]:
        _, inbox = self._inboxes[channel]
        try:
            return await inbox.get()
        except asyncio.CancelledError:
            self._forget(channel)  # Channels cancels `receive` exactly when the socket is gone
            raise

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        self._deliver([channel], message)

    async def group_add(self, group: str, channel: str) -> None:
        with self._lock:
            self._groups[group].add(channel)

    async def group_discard(self, group: str, channel: str) -> None:
        with self._lock:
            self._groups[group].discard(channel)
            if not self._groups[group]:
                del self._groups[group]

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        await sync_to_async(Signal.objects.create)(group=group, payload=message, at=timezone.now())

    def _forget(self, channel: str) -> None:
        with self._lock:
            self._inboxes.pop(channel, None)
            for group in [name for name, members in self._groups.items() if channel in members]:
                self._groups[group].discard(channel)
                if not self._groups[group]:
                    del self._groups[group]

    def _deliver(self, channels: list[str], message: dict[str, Any]) -> None:
        for channel in channels:
            entry = self._inboxes.get(channel)
            if entry is None:
                continue
            loop, inbox = entry
            try:
                loop.call_soon_threadsafe(_put, inbox, message)
            except RuntimeError:  # the loop is closed: its sockets are gone with it
                self._forget(channel)

    def _read_forever(self) -> None:
        last_id: int | None = None
        seen: dict[int, None] = {}
        version: object = None
        while True:
            try:
                if last_id is None:
                    newest = list(Signal.objects.order_by("-id").values_list("id", flat=True)[:WINDOW_IDS])
                    last_id = newest[0] if newest else 0
                    seen.update(dict.fromkeys(reversed(newest)))
                changed = _data_version()
                if changed is None or changed != version:
                    version = changed
                    last_id = self._read_new(last_id, seen)
            except DatabaseError:
                logger.exception("The channel layer cannot read; it tries again in a second.")
                connection.close()
                time.sleep(1)
            time.sleep(self.poll_seconds if connection.vendor == "sqlite" else max(self.poll_seconds, 0.05))

    def _read_new(self, last_id: int, seen: dict[int, None]) -> int:
        floor = last_id if connection.vendor == "sqlite" else last_id - WINDOW_IDS
        for signal in Signal.objects.filter(id__gt=floor).order_by("id"):
            if signal.id in seen:
                continue
            seen[signal.id] = None
            with self._lock:
                members = list(self._groups.get(signal.group, ()))
            self._deliver(members, signal.payload)
            last_id = max(last_id, signal.id)
        while len(seen) > 2 * WINDOW_IDS:
            del seen[next(iter(seen))]
        return last_id


def _put(inbox: asyncio.Queue[dict[str, Any]], message: dict[str, Any]) -> None:
    if inbox.full():
        inbox.get_nowait()  # the oldest goes: pages ask for what they missed by number
    inbox.put_nowait(message)


def _data_version() -> object:
    """A value that changes when another connection commits (SQLite), or None where there is no such thing."""
    if connection.vendor != "sqlite":
        return None
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA data_version")
        return cursor.fetchone()
