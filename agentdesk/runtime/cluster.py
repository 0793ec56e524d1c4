"""django-q2's cluster, made to end as a whole: a process of it that dies or hangs takes the tree along.

Left alone, a killed worker that held the queue's lock hangs the cluster for ever (django-q2 issue 23), and a killed
sentinel leaves orphans that keep executing. Here every process shows its life (agentdesk.runtime.life), the sentinel ends
the tree with exit code 75 as soon as a child died, the parent does so when anything hangs, the kernel ends the children
when their parent died (Linux), and whoever started the command starts it again.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import sys
import threading
import time
import uuid
from collections.abc import Callable
from multiprocessing import Event
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

from django_q import cluster as q2

from agentdesk.core import lifeline
from agentdesk.core.lifeline import EXIT_TRY_AGAIN
from agentdesk.runtime import life, report
from agentdesk.runtime.life import Part, Place

LOOK_SECONDS = 0.1
CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE}
"""How a process ends by what it does itself; SIGKILL comes from outside."""
_TARGETS = {q2.worker: Part.WORKER, q2.pusher: Part.PUSHER, q2.monitor: Part.MONITOR}


class Guardian(q2.Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """The sentinel that does not try to mend a tree with a dead process in it."""

    def start(self) -> None:
        # A supervisor may signal every process of the group. The parent alone answers, and ends the others in order:
        # a sentinel that died while it waited for the stop event would hang whoever sets that event.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        self.children: list[Any] = []
        threading.Thread(target=self._look_after_children, name="guardian", daemon=True).start()
        super().start()

    def status(self) -> str:
        """Asked for in every round of each of the sentinel's loops: the one place to see that they turn."""
        life.turned()
        said: str = super().status()
        return said

    def spawn_process(self, target: Callable[..., None], *args: Any) -> BaseProcess:
        place = Place.take(_TARGETS[target])
        process: Any = q2.get_mp_context().Process(
            target=_live, args=(place, os.getpid(), target, *args), name=f"Process-{uuid.uuid4().hex}"
        )
        process.daemon = True
        process.place = place
        if target is q2.worker:
            process.timer = args[2]
            self.pool.append(process)
        process.start()
        self.children = [*self.children, process]
        return process  # type: ignore[no-any-return]

    def reincarnate(self, process: Any) -> None:
        if process.exitcode != 0:  # dead, or beyond the time a job may take
            self._end(process, process.exitcode)
        self.children = [child for child in self.children if child is not process]
        process.place.leave()
        super().reincarnate(process)

    def _look_after_children(self) -> None:
        """From a thread: the guard loop itself may wait for a lock that a killed worker took along."""
        while True:
            for child in self.children:
                if status := _exit_status(child.pid):
                    self._end(child, status)
            time.sleep(LOOK_SECONDS)

    def _end(self, process: Any, status: int | None) -> NoReturn:
        place: Place = process.place
        died = f"died ({_spoken(status)})" if status else "worked on one job beyond its time"
        sys.stderr.write(
            f"worker: the {place.part.spoken} (pid {process.pid}) {died}; the tree ends and starts again\n"
        )
        sys.stderr.flush()
        if place.call and status is not None and -status in CRASHES:
            life.blame(place.call)
        kill_all(except_for=Part.PARENT)
        os._exit(EXIT_TRY_AGAIN)


def start() -> tuple[BaseProcess, Any, Any]:
    """Fork the sentinel; return it with its stop event and its start event.

    Call it from the main thread, with database connections closed.
    """
    stop_event, start_event = Event(), Event()
    place = Place.take(Part.SENTINEL)
    sentinel = q2.get_mp_context().Process(
        target=_live,
        args=(place, os.getpid(), Guardian, stop_event, start_event, uuid.uuid4()),
        name="Process-sentinel",
    )
    sentinel.start()
    return sentinel, stop_event, start_event


def kill_all(*, except_for: Part) -> None:
    """SIGKILL every process of the tree but this one and `except_for`."""
    for place in life.taken():
        if place.pid != os.getpid() and place.part != except_for:
            _kill(place.pid)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _live(place: Place, parent: int, target: Callable[..., None], *args: Any) -> None:
    """What a forked process of the tree runs."""
    lifeline.end_with(parent)
    life.live_at(place, parent=parent, end=functools.partial(_end_tree_from_below, place))
    if place.part == Part.PUSHER:
        _show_at_database(args[2], place)
    if place.part == Part.WORKER:
        with report.alive(place):
            target(*args)
    else:
        target(*args)


def _end_tree_from_below(place: Place) -> NoReturn:
    """The parent is dead or hangs: nothing of the tree may go on."""
    for other in life.taken():
        if other.part == Part.PARENT and os.getpid() != other.pid:
            _kill(other.pid)
    if place.part == Part.SENTINEL:
        kill_all(except_for=Part.PARENT)
    os._exit(EXIT_TRY_AGAIN)


def _show_at_database(broker: Any, place: Place) -> None:
    """The pusher may wait for ever for a worker, but not for the database."""
    look = broker.dequeue

    def dequeue() -> Any:
        place.at_database()
        try:
            return look()
        finally:
            place.back_from_database()

    broker.dequeue = dequeue


def _exit_status(pid: int | None) -> int | None:
    """None while it runs, 0 after an orderly end, otherwise as `exitcode`; leaves the zombie to its owner."""
    if pid is None or not hasattr(os, "waitid"):
        return None
    try:
        found = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return None  # its owner has seen it
    if found is None:
        return None
    return found.si_status if found.si_code == os.CLD_EXITED else -found.si_status


def _spoken(status: int | None) -> str:
    if status is not None and status < 0:
        return signal.Signals(-status).name
    return f"exit code {status}"
