"""Events as Server-Sent Events: woken by the channel layer, read from the database, resumed without gap or repetition."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from channels.db import DatabaseSyncToAsync
from django.db import connection
from django.http import HttpResponse, StreamingHttpResponse

from agentdesk.api.auth import Caller
from agentdesk.core.errors import DeskError, Invalid
from agentdesk.core.sight import RECHECK_SECONDS
from agentdesk.events import cursor
from agentdesk.events.announce import EVERYTHING, task_group
from agentdesk.events.listen import Wakeups, listening
from agentdesk.events.models import Event, Kind
from tasks.models import Task

HEARTBEAT_SECONDS = 15.0
UNSETTLED_SECONDS = 0.25
READ_AT_ONCE = 200
MAX_OPEN = 200
MAX_FRAMES = 10_000
"""After so many a stream ends and its reader resumes: servers buffer without bound for a reader that has stalled."""
_NUMBER = re.compile(r"[0-9]{1,9}")
LAST = {Kind.TASK_DONE, Kind.TASK_FAILED, Kind.TASK_CANCELLED}

_threads = ThreadPoolExecutor(2, thread_name_prefix="api-stream")
_open: set[object] = set()


class TooManyStreams(DeskError):
    """Here are as many streams open as one process serves: try again later."""

    code = "too_many_streams"
    http_status = 503


@dataclass(frozen=True, slots=True)
class Follow:
    """What is read on: `after(place)` gives the next events, `place_of` the id that resumes behind one of them."""

    group: str
    after: Callable[[str], Iterable[Event]]
    place_of: Callable[[Event], str]
    ends: bool


def of_task(task: Task) -> Follow:
    """All events of one task, by number; ends when the task does."""

    def after(place: str) -> Iterable[Event]:
        return Event.objects.filter(task=task).after(int(place)).select_related("task", "by")[:READ_AT_ONCE]

    return Follow(task_group(task.public_id), after, lambda event: str(event.number), ends=True)


def of_everything() -> Follow:
    """The events of all tasks, in an order in which none is added before one that was sent."""
    return Follow(EVERYTHING, lambda place: cursor.after(place, READ_AT_ONCE), cursor.of, ends=False)


def task_place(last_event_id: str) -> str:
    """Raises Invalid unless the text is the number of an event; empty means the beginning."""
    if not _NUMBER.fullmatch(last_event_id or "0"):
        raise Invalid(
            "Last-Event-ID is the number of an event of this task.", fields={"last_event_id": "unknown"}
        )
    return last_event_id or "0"


def respond(follow: Follow, place: str, caller: Caller) -> HttpResponse | StreamingHttpResponse:
    """Raises TooManyStreams."""
    if len(_open) >= MAX_OPEN:
        raise TooManyStreams("Too many streams are open here. Try again in a minute.")
    if not connection.in_atomic_block:
        connection.close()  # this thread does nothing more, and a stream may last for hours
    response = StreamingHttpResponse(frames(follow, place, caller), content_type="text/event-stream")
    response["Cache-Control"] = "no-store"
    response["X-Accel-Buffering"] = "no"
    return response


async def frames(follow: Follow, place: str, caller: Caller) -> AsyncIterator[str]:
    """The text of the stream. It ends after a task's last event, or when the caller may no longer see."""
    mark = object()
    _open.add(mark)
    try:
        async with listening(follow.group) as wakeups:
            yield "retry: 2000\n\n"
            async for frame in _follow(follow, place, caller, wakeups):
                yield frame
    finally:
        _open.discard(mark)


async def _follow(follow: Follow, place: str, caller: Caller, wakeups: Wakeups) -> AsyncIterator[str]:
    checked_at = -RECHECK_SECONDS
    spoke_at = time.monotonic()
    sent = 0
    woken = False
    while sent < MAX_FRAMES:
        check = time.monotonic() - checked_at >= RECHECK_SECONDS
        events = await _in_thread(_read)(follow, place, caller if check else None)
        if events is None:
            return
        if check:
            checked_at = time.monotonic()
        for event in events:
            place = follow.place_of(event)
            sent += 1
            yield frame(event, place)
            if follow.ends and event.kind in LAST:
                return
        if events or time.monotonic() - spoke_at >= HEARTBEAT_SECONDS:
            spoke_at = time.monotonic()
            if not events:
                yield ": still here\n\n"
        if len(events) < READ_AT_ONCE:
            # woken and nothing there: on PostgreSQL an older transaction is still open, and nobody announces its end
            woken = await wakeups.wait(UNSETTLED_SECONDS if woken and not events else RECHECK_SECONDS)


def frame(event: Event, place: str) -> str:
    data = {
        "task": event.task.public_id,
        "number": event.number,
        "kind": event.kind,
        "at": event.at.isoformat(),
        "by": event.by.get_username() if event.by else None,
        "data": event.data,
    }
    return f"id: {place}\nevent: {event.kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"


def _read(follow: Follow, place: str, caller: Caller | None) -> list[Event] | None:
    """The next events, or None when `caller` may not see them any more."""
    return None if caller is not None and not caller.still_may_see() else list(follow.after(place))


def _in_thread(work: Callable[..., list[Event] | None]) -> Callable[..., asyncio.Future[list[Event] | None]]:
    # not the request's own thread, which would be held as long as the stream lasts
    return DatabaseSyncToAsync(work, thread_sensitive=False, executor=_threads)  # type: ignore[no-any-return]
