"""End with one's parent: a process whose parent died must not go on where nobody looks after it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

EXIT_TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: start me again."""
SUPERVISOR = "AGENTDESK_SUPERVISED"
"""Names the environment variable that tells a process the pid of the supervisor which started it."""
_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """Let the kernel kill this process when `parent` dies (Linux); end at once when it is dead already.

    The signal comes when the thread ends that started this process, so start processes from the main thread.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if orphaned(parent):  # it died before the kernel knew
        os._exit(EXIT_TRY_AGAIN)


def end_with_supervisor() -> None:
    """The same for a process that a supervisor of ours started; nothing for one that was started by hand."""
    supervisor = os.environ.pop(SUPERVISOR, "")  # its own children have another parent
    if supervisor.isdigit():
        end_with(int(supervisor))


def orphaned(parent: int) -> bool:
    return os.getppid() != parent
