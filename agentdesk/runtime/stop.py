"""Whether this worker tree should stop: one byte of shared memory, set before the cluster is asked to end.

No signal reaches a django-q2 worker process, and a multiprocessing.Event has a lock that a killed process can take
along; a byte has none.
"""

from __future__ import annotations

import mmap

_SHARED = mmap.mmap(-1, 1)  # anonymous and shared: forked children see the parent's write


def request() -> None:
    _SHARED[0] = 1


def requested() -> bool:
    return _SHARED[0] == 1
