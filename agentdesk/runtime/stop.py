"""Whether this worker tree should stop: one byte of shared memory, set before the cluster is asked to end.

No signal reaches a django-q2 worker process, and a multiprocessing.Event has a lock that a killed process can take
along; a byte has none.
"""

from __future__ import annotations

import mmap

DRAIN_SECONDS = 8.0
"""How long running tasks have to reach a safe point; giving back the rest fits into the two seconds after it."""

_SHARED = mmap.mmap(-1, 1)  # anonymous and shared: forked children see the parent's write
_GOING_ON, _DRAINING, _HURRYING = range(3)


def request() -> None:
    """The first time: take nothing new and bring tasks to a safe point. The second time: give all of them back now."""
    _SHARED[0] = min(_SHARED[0] + 1, _HURRYING)


def requested() -> bool:
    return _SHARED[0] != _GOING_ON


def hurried() -> bool:
    return _SHARED[0] == _HURRYING


def withdraw() -> None:
    """Forget the request; for those who use this process for something else afterwards."""
    _SHARED[0] = _GOING_ON
