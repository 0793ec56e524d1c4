"""Blocking code in a thread of its own, so that it holds up nobody, whatever it does."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from django.db import connections

T = TypeVar("T")


def start(function: Callable[[], T], *, name: str) -> Future[T]:
    """Run `function` at once and return its future; it runs to its end, whether or not anybody still waits.

    A daemon thread, not one of a pool: one that hangs takes no place from others and does not keep the process alive.
    """
    answer: Future[T] = Future()
    answer.set_running_or_notify_cancel()  # whoever stops waiting for it cancels nothing

    def run() -> None:
        try:
            answer.set_result(function())
        except BaseException as error:  # noqa: BLE001 -- it belongs to whoever waits for the answer
            answer.set_exception(error)
        finally:
            connections.close_all()  # this thread's own, should the code have opened any

    threading.Thread(target=run, name=name, daemon=True).start()
    return answer
