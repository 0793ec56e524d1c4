"""The socket of open pages at /ws/live/: it says which tasks moved, never what they contain, and takes no decisions.

A page sends `{"watch": {"tasks": true, "task:<id>": <last number shown>, …}}` after each connect and whenever it shows
other tasks. It gets `{"task": id, "at": n}` at once for every task that is ahead of it and then as they move, `{"tasks": true}`
when lists may be out of date, `{"watching": n}` once that is said, `{"task": id, "turn": n, "delta": text}` while a model answers, `{"ack": n}` to send back, and
`{}` every dozen seconds as a sign of life. Codes of a close: 4400 bad message, 4403 may not see, 4408 too slow.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import Error

from agentdesk.core.errors import Invalid
from agentdesk.core.sight import RECHECK_SECONDS, session_viewer
from agentdesk.events.channel_layer import DatabaseChannelLayer
from agentdesk.live.watch import Present, Watch, parse_message, parse_watch, present

logger = logging.getLogger(__name__)

BAD_MESSAGE, MAY_NOT_SEE, TOO_SLOW, TRY_AGAIN = 4400, 4403, 4408, 1013
ACK_EVERY = 16_000
UNREAD_AT_MOST = 256_000
"""Characters sent and not acknowledged. Servers buffer without bound for a stalled client, so the bound is here."""
MESSAGES_PER_CHECK = 40
CHECKS_PER_SIGN_OF_LIFE = 4


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # Channels has no types
    channel_layer: Any
    channel_name = ""

    def __init__(self) -> None:
        super().__init__()
        self.open = False
        self.watch = Watch()
        self.told: dict[str, int] = {}
        self.newest: str | None = None
        self.last_forwarded: dict[str, Any] = {}
        self.moved_since_check = False
        self.messages_since_check = 0
        self.sent = self.asked_at = self.acknowledged = 0
        self.checked_at = 0.0
        self.checks: asyncio.Task[None] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            if self.checks is not None:
                self.checks.cancel()
            if isinstance(self.channel_layer, DatabaseChannelLayer):
                self.channel_layer.forget(self.channel_name)

    async def dispatch(self, message: dict[str, Any]) -> None:
        # Channels' own dispatch hops to the database thread for every message; most of ours need no database
        await getattr(self, message["type"].replace(".", "_"))(message)

    async def connect(self) -> None:
        await self.accept()
        self.open = True
        if await self._look():
            self.checks = asyncio.create_task(self._check_for_ever())

    async def disconnect(self, code: int) -> None:  # noqa: ARG002 -- Channels passes it
        self.open = False
        for group in self.watch.groups():
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:  # noqa: ARG002 -- ditto
        if not self.open:
            return
        try:
            await self._take(parse_message(text_data))
        except Invalid as error:
            await self._tell({"error": error.sentence})
            await self._end(BAD_MESSAGE, error.sentence)

    async def _take(self, message: dict[str, Any]) -> None:
        self.messages_since_check += 1
        match message:
            case _ if self.messages_since_check > MESSAGES_PER_CHECK:
                raise Invalid("Too many messages.")
            case {"watch": wanted}:
                await self._watch(parse_watch(wanted))
            case {"ack": int(number)} if number <= self.sent:
                self.acknowledged = max(self.acknowledged, number)
            case _:
                raise Invalid("A message is “watch” or “ack”.")

    async def _watch(self, watch: Watch) -> None:
        before, after = self.watch.groups(), watch.groups()
        for group in before - after:
            await self.channel_layer.group_discard(group, self.channel_name)
        # listen first, then read: what happens in between is told twice rather than never
        for group in after - before:
            await self.channel_layer.group_add(group, self.channel_name)
        if self.watch.every is None:
            self.newest = watch.every
        self.watch, self.told, self.moved_since_check = watch, dict(watch.tasks), False
        if await self._look():
            await self._tell({"watching": len(watch.groups())})

    async def task_at(self, message: dict[str, Any]) -> None:
        """A task moved. A page with lists hears of every task, once for its two groups."""
        self.moved_since_check = True
        if not self.open or not await self._still_may_see():
            return
        task, number = message["task"], message["at"]
        if number > self.told.get(task, 0) or (
            self.watch.every is not None and self.last_forwarded != message
        ):
            self.last_forwarded = message
            if task in self.told:
                self.told[task] = max(number, self.told[task])
            await self._tell({"task": task, "at": number})

    async def desk_changed(self, _: dict[str, Any]) -> None:
        """Something that every page shows changed, a brake for example."""
        if self.open and self.watch.every is not None and await self._still_may_see():
            await self._tell({"tasks": True})

    async def task_delta(self, message: dict[str, Any]) -> None:
        if self.open and await self._still_may_see():
            await self._tell({"task": message["task"], "turn": message["turn"], "delta": message["text"]})

    async def messages_lost(self, _: dict[str, Any]) -> None:
        await self._end(TOO_SLOW, "Messages were lost; connect again.")

    async def _check_for_ever(self) -> None:
        for count in range(1, 1 << 60):
            await asyncio.sleep(RECHECK_SECONDS)
            self.messages_since_check = 0
            if not await self._look():
                return
            if count % CHECKS_PER_SIGN_OF_LIFE == 0:
                await self._tell({})

    async def _still_may_see(self) -> bool:
        return time.monotonic() - self.checked_at <= RECHECK_SECONDS or await self._look()

    async def _look(self) -> bool:
        """Read right and numbers afresh and tell what is behind; whatever a layer lost is made up for here."""
        session, watch, started = self.scope["session"].session_key, self.watch, time.monotonic()
        try:
            now = await database_sync_to_async(_right_and_numbers)(session, watch)
        except Error:
            logger.exception("A socket cannot read the database.")
            return await self._end(TRY_AGAIN, "The database does not answer.")
        if now is None:
            return await self._end(MAY_NOT_SEE, "You are logged out, or may not see the desk.")
        self.checked_at = started
        if watch is self.watch:
            await self._catch_up(now)
        return self.open

    async def _catch_up(self, now: Present) -> None:
        for task, number in now.tasks.items():
            if number > self.told[task]:
                self.told[task] = number
                await self._tell({"task": task, "at": number})
        if self.watch.every is not None and now.newest != self.newest:
            self.newest = now.newest
            if not self.moved_since_check:
                await self._tell({"tasks": True})
        self.moved_since_check = False

    async def _tell(self, message: dict[str, Any]) -> None:
        if not self.open:
            return
        text = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        self.sent += len(text)
        if self.sent - self.acknowledged > UNREAD_AT_MOST:
            await self._end(TOO_SLOW, "The page does not keep up; connect again.")
            return
        await self.send(text_data=text)
        if self.sent - self.asked_at >= ACK_EVERY:
            self.asked_at = self.sent
            await self.send(text_data=json.dumps({"ack": self.sent}))

    async def _end(self, code: int, reason: str) -> bool:
        """Close the socket, once. Returns False, as the answer to whether it goes on."""
        if self.open:
            self.open = False
            await self.close(code, reason)
        return False


def _right_and_numbers(session_key: str | None, watch: Watch) -> Present | None:
    return present(watch) if session_viewer(session_key) else None
