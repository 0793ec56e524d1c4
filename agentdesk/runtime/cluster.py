"""django-q2's cluster, made to end as a whole: a process of it that dies unexpectedly takes the tree along.

Left alone, a killed worker that held the queue's lock hangs the cluster for ever (django-q2 issue 23), and a killed
sentinel leaves orphans that keep executing. Here the sentinel ends the tree with exit code 75 as soon as a child died,
the kernel ends the children when their parent died (Linux), and whoever started the command starts it again.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from multiprocessing.process import BaseProcess
from typing import Any

from django_q import cluster as q2

EXIT_TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: start me again."""
_PR_SET_PDEATHSIG = 1


class Guardian(q2.Sentinel):  # type: ignore[misc]  # django-q2 has no types
    """The sentinel that does not try to mend a tree with a dead process in it."""

    def start(self) -> None:
        # A supervisor may signal every process of the group. The parent alone answers, and ends the others in order:
        # a sentinel that died while it waited for the stop event would hang whoever sets that event.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().start()

    def reincarnate(self, process: BaseProcess) -> None:
        recycled = process.exitcode == 0
        if recycled:
            super().reincarnate(process)
            return
        sys.stderr.write(
            f"worker: process {process.pid} died ({process.exitcode}); the tree ends and starts again\n"
        )
        for child in [*self.pool, self.monitor, self.pusher]:
            if child is not None and child.is_alive():
                child.kill()
        os._exit(EXIT_TRY_AGAIN)


def start() -> Any:
    """Fork the cluster and return it. Call it from the main thread, with database connections closed."""
    q2.Sentinel = Guardian  # Cluster.start names the class; it has no other hook
    os.register_at_fork(after_in_child=die_with_parent)
    cluster = q2.Cluster()
    cluster.start()
    return cluster


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies; a no-op where there is no such call."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
