"""Tools that no interruption of Python reaches: one sleeps in C, one kills its own process."""

from __future__ import annotations

import os
import re
import signal
import time
from typing import Any

from tools.models import Effect
from tools.spec import Arguments, Context, ToolSpec


class Nothing(Arguments):
    pass


def sleep_in_c(_: Context, __: Nothing) -> dict[str, Any]:
    time.sleep(1000)
    return {}


def hold_the_interpreter(_: Context, __: Nothing) -> dict[str, Any]:
    """A regular expression that never ends: no other thread of the process runs meanwhile."""
    re.match(r"(a+)+$", "a" * 60 + "b")
    return {}


def crash(_: Context, __: Nothing) -> dict[str, Any]:
    os.kill(os.getpid(), signal.SIGSEGV)
    return {}


TOOLS = [
    ToolSpec(
        name=handler.__name__,
        description="For tests",
        arguments=Nothing,
        effect=Effect.LOCAL,
        handler=handler,
        label=lambda _: "For tests",
        deadline_seconds=1,
    )
    for handler in (sleep_in_c, hold_the_interpreter, crash)
]
