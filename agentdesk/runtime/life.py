"""Signs of life of a worker tree's processes, in memory that all of them share; and who among them is silent.

There are no locks: a killed process would take one along. Each value is eight aligned bytes that one process writes.
Times are of the monotonic clock, which all processes of a machine share.
"""

from __future__ import annotations

import asyncio
import math
import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

from asgiref.sync import sync_to_async

from agentdesk.core import lifeline
from tools import deadline

PULSE_SECONDS = 0.5
SILENT_SECONDS = 10.0
"""A process that did nothing for so long: stopped, starved, or stuck in C code. Its claims are lost by then."""
STUCK_SECONDS = 30.0
"""An event loop or guard loop that did not turn; longer than SQLite's 20 s of waiting for a lock."""
ABSENT_SECONDS = 60.0
"""A thread that did not come back from the database."""
OVERDUE_SECONDS = 3.0
"""A tool that ran on so long after it was cut."""

_PLACES, _WIDTH = 128, 8
_PID, _PART, _SEEN, _TURNED, _BASE, _CALL, _UNTIL, _HELD = range(_WIDTH)
_SHARED = mmap.mmap(-1, _PLACES * _WIDTH * 8)
_WHOLE = memoryview(_SHARED).cast("q")
_REAL = memoryview(_SHARED).cast("d")


class Part(IntEnum):
    NOBODY = 0
    PARENT = 1
    SENTINEL = 2
    WORKER = 3
    PUSHER = 4
    MONITOR = 5

    @property
    def spoken(self) -> str:
        return {Part.PARENT: "parent"}.get(self, self.name.lower())


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a tree has to end, as the end of a sentence. `call` is the tool call that is stuck, or 0."""

    why: str
    call: int = 0


class Place:
    """Where one process of the tree shows its life. Taken by whoever forks that process, then used by that process."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.first = number * _WIDTH

    @classmethod
    def take(cls, part: Part) -> Place:
        """A free place for a process to be. Raises RuntimeError when a tree has more processes than places."""
        for number in range(_PLACES):
            if _WHOLE[number * _WIDTH + _PART] == Part.NOBODY:
                place = cls(number)
                _WHOLE[place.first + _PART] = part
                return place
        raise RuntimeError(f"A worker tree has at most {_PLACES} processes. Lower AGENTDESK_WORKERS.")

    def sit_down(self) -> None:
        """Say that this process is the one that sits there."""
        self.pulse()
        _WHOLE[self.first + _PID] = os.getpid()

    def leave(self) -> None:
        for value in range(_WIDTH):
            _WHOLE[self.first + value] = 0

    def pulse(self) -> None:
        _REAL[self.first + _SEEN] = time.monotonic()

    def turn(self) -> None:
        """The loop that does this process' work came around."""
        _REAL[self.first + _TURNED] = time.monotonic()

    def rest(self) -> None:
        """The loop ended in order; silence is fine from now on."""
        _REAL[self.first + _TURNED] = 0.0

    def at_database(self) -> None:
        _REAL[self.first + _BASE] = time.monotonic()

    def back_from_database(self) -> None:
        _REAL[self.first + _BASE] = 0.0

    def begin_call(self, call: int, until: float) -> None:
        _REAL[self.first + _UNTIL] = until
        _WHOLE[self.first + _CALL] = call

    def end_call(self) -> None:
        _WHOLE[self.first + _CALL] = 0

    def hold(self, tasks: int) -> None:
        _WHOLE[self.first + _HELD] = tasks

    @property
    def pid(self) -> int:
        return _WHOLE[self.first + _PID]

    @property
    def part(self) -> Part:
        return Part(_WHOLE[self.first + _PART])

    @property
    def call(self) -> int:
        """The tool call that runs there now, or 0."""
        return _WHOLE[self.first + _CALL]

    @property
    def held(self) -> int:
        """How many tasks are driven there."""
        return _WHOLE[self.first + _HELD]

    def trouble(self, now: float, since: float) -> Trouble | None:
        """What is wrong there; silence before `since` does not count."""
        who = f"the {self.part.spoken} (pid {self.pid})"
        silent = now - max(_REAL[self.first + _SEEN], since)
        if silent > SILENT_SECONDS and _stopped(self.pid):
            return Trouble(f"{who} was stopped from outside {silent:.0f} s ago")
        overdue = now - max(_REAL[self.first + _UNTIL], since) > OVERDUE_SECONDS
        if self.call and overdue and not _stopped(self.pid):
            return Trouble(f"{who} is stuck in a tool call that was cut at its deadline", call=self.call)
        if silent > SILENT_SECONDS:
            return Trouble(f"{who} has shown no life for {silent:.0f} s")
        for field, patience, what in (
            (_TURNED, STUCK_SECONDS, "loop has not turned"),
            (_BASE, ABSENT_SECONDS, "database thread has not come back"),
        ):
            stamp = _REAL[self.first + field]
            if stamp and now - max(stamp, since) > patience:
                return Trouble(f"{who} hangs: its {what} for {now - max(stamp, since):.0f} s")
        return None


def _stopped(pid: int) -> bool:
    """Whether somebody sent it SIGSTOP, so that nothing it was at is to blame. False where /proc does not tell."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state in {"T", "t"}


def taken() -> Iterator[Place]:
    """Where processes sit."""
    return (Place(number) for number in range(_PLACES) if _WHOLE[number * _WIDTH + _PID])


class Watch:
    """Looks at the others again and again. One that slept itself, as when the machine did, blames nobody for that time."""

    def __init__(self) -> None:
        self.since = self.looked = time.monotonic()

    def trouble(self, *, except_for: Part | None = None) -> Trouble | None:
        now = time.monotonic()
        if now - self.looked > PULSE_SECONDS * 4:
            self.since = now
        self.looked = now
        for place in taken():
            if place.part != except_for and (found := place.trouble(now, self.since)):
                return found
        return None


_mine: Place | None = None


def live_at(place: Place, *, parent: int, end: Callable[[], None]) -> None:
    """Show life there from a thread as long as this process runs; `end` it when `parent` dies or the tree's parent hangs."""
    global _mine  # noqa: PLW0603 -- a process has one place
    _mine = place
    place.sit_down()
    if place.part == Part.WORKER:
        deadline.show_at(place.begin_call, place.end_call)
    threading.Thread(target=_pulse, args=(place, parent, end), name="pulse", daemon=True).start()


def _pulse(place: Place, parent: int, end: Callable[[], None]) -> None:
    root = next(other for other in taken() if other.part == Part.PARENT)
    since = time.monotonic()
    while True:
        before = time.monotonic()
        place.pulse()
        if lifeline.orphaned(parent) or root.trouble(before, since):
            end()
        time.sleep(PULSE_SECONDS)
        if time.monotonic() - before > PULSE_SECONDS * 4:
            since = time.monotonic()


def turned() -> None:
    """The loop of this process came around."""
    if _mine is not None:
        _mine.turn()


def blame(call: int) -> None:
    """Tell the parent which tool call ends this tree, as this process' last act."""
    if _mine is not None:
        _mine.begin_call(call, math.inf)


async def turn_forever(held: Callable[[], int]) -> None:
    """Show that the event loop turns and how many tasks it drives, until cancelled."""
    if (place := _mine) is None:
        return
    try:
        while True:
            place.turn()
            place.hold(held())
            await asyncio.sleep(PULSE_SECONDS)
    finally:
        place.rest()
        place.hold(0)


async def ask_database_thread_forever() -> None:
    """Show that the thread of the database work answers, until cancelled."""
    if (place := _mine) is None:
        return
    place.at_database()
    try:
        while True:
            await sync_to_async(place.at_database)()
            await asyncio.sleep(1)
    finally:
        place.back_from_database()
