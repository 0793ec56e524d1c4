"""A tool that hangs is cut at its own deadline, in its thread and inside its transaction, so that nothing of it stays.

Its SQL is cancelled and its Python interrupted by one watching thread; a call that ends in time costs two assignments.
What neither reaches (a sleep in C, a regular expression that never ends) is seen by whoever `show_at` was told of.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import psycopg
from django.db import connection

T = TypeVar("T")

LOOK_SECONDS = 0.1
AGAIN_SECONDS = 1.0
"""A handler that swallowed the interruption is interrupted again."""


class TooSlow(Exception):
    """A handler was cut at its deadline. Roll back; on SQLite the whole transaction may be gone already."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"cut after {seconds:g} seconds")
        self.seconds = seconds


class _Cut(BaseException):
    """Raised inside the handler's thread; not an Exception, so that `except Exception` in a handler lets it through."""


class _Guard:
    """One running handler. All changes of `cuts` and `over` happen under the lock."""

    __slots__ = ("cut_at", "cuts", "handle", "over", "thread")

    def __init__(self, until: float) -> None:
        self.thread = threading.get_ident()
        self.handle: Any = connection.connection
        self.cut_at = until
        self.cuts = 0
        self.over = False

    def end(self) -> None:
        """After this nothing is raised any more. Being cut while it runs is harmless: call it once more."""
        if self.over:
            return
        with _LOCK:
            _RUNNING.pop(self.thread, None)
            if self.cuts:
                _raise_in(self.thread, None)  # what was not delivered yet must not hit the commit
            self.over = True  # last, so that a second call makes up for a first one that was cut

    def cut(self) -> None:
        _cancel_statement(self.handle)
        with _LOCK:
            if not self.over:
                self.cuts += 1
                self.cut_at = time.monotonic() + AGAIN_SECONDS
                _raise_in(self.thread, _Cut)


_LOCK = threading.Lock()
_RUNNING: dict[int, _Guard] = {}
"""By thread."""
_watched_in = 0
_begin: Callable[[int, float], None] | None = None
_end: Callable[[], None] | None = None


def show_at(begin: Callable[[int, float], None], end: Callable[[], None]) -> None:
    """From now on tell `begin(call, until)` and `end()` of each guarded handler; both must be quick and never raise."""
    global _begin, _end
    _begin, _end = begin, end


def within(seconds: float, call: int, function: Callable[..., T], *arguments: Any) -> T:
    """Return `function(*arguments)`. Raises TooSlow when it took longer; `call` says whose it is.

    What `function` raises in time comes through.
    """
    _watch()
    until = time.monotonic() + seconds
    guard = _Guard(until)
    if _begin is not None:
        _begin(call, until)
    _RUNNING[guard.thread] = guard
    try:
        try:
            result = function(*arguments)
        finally:
            guard.end()
    except BaseException:
        guard.end()
        if guard.cuts:
            raise TooSlow(seconds) from None
        raise
    finally:
        if _end is not None:
            _end()
    if guard.cuts:  # it swallowed the interruption and came to an end
        raise TooSlow(seconds)
    return result


def _watch() -> None:
    """Start the watching thread, once a process: a fork has none of its parent's."""
    global _watched_in  # noqa: PLW0603 -- a process has one watcher
    if _watched_in != os.getpid():
        _watched_in = os.getpid()
        threading.Thread(target=_look, name="tool-deadlines", daemon=True).start()


def _look() -> None:
    while True:
        time.sleep(LOOK_SECONDS)
        now = time.monotonic()
        for guard in list(_RUNNING.values()):
            if now > guard.cut_at:
                guard.cut()


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    exception = ctypes.py_object(kind) if kind is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception)


def _cancel_statement(handle: Any) -> None:
    if isinstance(handle, sqlite3.Connection):
        handle.interrupt()  # does nothing when no statement runs
    elif isinstance(handle, psycopg.Connection) and _is_busy(handle):
        with contextlib.suppress(psycopg.Error):  # then its Python is interrupted, or the tree ends
            handle.cancel()


def _is_busy(handle: psycopg.Connection[Any]) -> bool:
    return not handle.closed and handle.info.transaction_status == psycopg.pq.TransactionStatus.ACTIVE
