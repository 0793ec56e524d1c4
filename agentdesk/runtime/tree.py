"""One worker tree from its start to its end: told to stop, or to be started again because something in it died or hangs.

The parent does nothing but look: it holds no database connection, waits for nobody without an end, and kills by pid.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from django.conf import settings
from django.db import DatabaseError, connections, transaction
from django.utils import timezone
from django_q.models import Schedule

from agentdesk.core import lifeline
from agentdesk.core.lifeline import EXIT_TRY_AGAIN
from agentdesk.runtime import cluster, job, life, notify, stop
from agentdesk.runtime.life import Part, Place, Trouble
from tasks import queue
from tools.models import ToolCall
from tools.stuck import close_by_force

LOOK_SECONDS = 0.1
START_SECONDS = 30.0
STOP_SECONDS = stop.DRAIN_SECONDS + 5.0
HURRY_SECONDS = 3.0
LAST_WORDS_SECONDS = 5.0


def run() -> int:
    """Return 0 after a stop that was asked for, and 75 when the tree has to be started again. No child is left."""
    lifeline.end_with_supervisor()
    stop.withdraw()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    _say(f"loaded {job.__name__}")  # before the fork: the children share its memory
    gc.collect()
    gc.freeze()  # what was loaded is never garbage: collections need not look through it, nor unshare its pages
    try:
        ensure_wake_ups()
    except DatabaseError as error:
        _say(f"the database does not answer ({str(error).splitlines()[0]}); start me again in a moment")
        return EXIT_TRY_AGAIN
    connections.close_all()
    place = Place.take(Part.PARENT)
    place.sit_down()
    sentinel, stop_event, start_event = cluster.start()
    trouble = _look_after(sentinel, start_event, place)
    if trouble is None:
        _ask_to_stop(stop_event)
        trouble = _wait_for_end(sentinel, place)
    if trouble is not None:
        _say(f"{trouble.why}; the tree ends" + ("" if stop.requested() else " and starts again"))
    _end_all(sentinel)
    if trouble is not None and trouble.call:
        _last_words(trouble)
    if stop.requested():
        _say("stopped")
        return 0
    return EXIT_TRY_AGAIN


def ensure_wake_ups() -> None:
    """A wake-up now, and one a minute for what waits for its time or lost its worker."""
    with transaction.atomic():
        Schedule.objects.update_or_create(
            name=queue.SCHEDULE,
            defaults={
                "func": queue.JOB,
                "schedule_type": Schedule.MINUTES,
                "minutes": 1,
                "repeats": -1,
                "next_run": timezone.now(),
            },
        )
        queue.wake()


def _look_after(sentinel: BaseProcess, start_event: Any, place: Place) -> Trouble | None:
    """Return why the tree has to end, or None when it is told to stop."""
    watch = life.Watch()
    ready, start = False, time.monotonic()
    while not stop.requested():
        place.pulse()
        if not sentinel.is_alive():
            return Trouble(f"the sentinel ended ({sentinel.exitcode})", call=_blamed())
        if found := watch.trouble(except_for=Part.PARENT):
            return found
        if not ready and start_event.is_set():
            ready = True
            _say(f"ready, up to {settings.WORKER_TASKS_IN_FLIGHT} tasks at once (pid {os.getpid()})")
            notify.tell("READY=1")
        if not ready and time.monotonic() - start > START_SECONDS:
            return Trouble(f"the sentinel did not start within {START_SECONDS:.0f} s")
        notify.tell("WATCHDOG=1")
        sentinel.join(timeout=LOOK_SECONDS)
    return None


def _blamed() -> int:
    return next((place.call for place in life.taken() if place.part == Part.SENTINEL), 0)


def _ask_to_stop(stop_event: Any) -> None:
    notify.tell("STOPPING=1")
    # in a thread: a killed process may have taken the event's lock along
    threading.Thread(target=stop_event.set, daemon=True).start()


def _wait_for_end(sentinel: BaseProcess, place: Place) -> Trouble | None:
    watch = life.Watch()
    deadline = time.monotonic() + STOP_SECONDS
    while sentinel.is_alive():
        place.pulse()
        if stop.hurried():
            deadline = min(deadline, time.monotonic() + HURRY_SECONDS)
        if found := watch.trouble(except_for=Part.PARENT):
            return found
        if time.monotonic() > deadline:
            return Trouble("some process does not end by itself")
        sentinel.join(timeout=LOOK_SECONDS)
    return None


def _end_all(sentinel: BaseProcess) -> None:
    """SIGKILL is enough even for stopped processes; what they held goes back to the queue when the leases run out."""
    cluster.kill_all(except_for=Part.PARENT)
    if sentinel.is_alive():
        sentinel.kill()
    sentinel.join(timeout=LAST_WORDS_SECONDS)


def _last_words(trouble: Trouble) -> None:
    """Close the tool call that hung, so that the next tree does not hang in it again. Best effort, and never for long."""
    speaker = threading.Thread(target=_close_call, args=(trouble.call,), daemon=True)
    speaker.start()
    speaker.join(timeout=LAST_WORDS_SECONDS)


def _close_call(call: int) -> None:
    with _told_about():
        closed = close_by_force(call)
        _say(f"tool call {call} is closed: {closed}" if closed else f"tool call {call} had ended already")


@contextlib.contextmanager
def _told_about() -> Iterator[None]:
    try:
        yield
    except (DatabaseError, ToolCall.DoesNotExist) as error:
        _say(f"the stuck call could not be closed ({error}); it is tried again when it hangs again")
    finally:
        connections.close_all()


def _stop(_: int, __: FrameType | None) -> None:
    stop.request()


def _say(sentence: str) -> None:
    sys.stdout.write(f"worker: {sentence}\n")
    sys.stdout.flush()
