"""What a check says: that something is wrong and how to mend it, or what is good to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Level(StrEnum):
    PROBLEM = "problem"
    """Something does not work, or will not for long."""
    NOTE = "note"
    """Good to know; nothing has to be done."""


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    sentence: str
    cure: str = ""


Check = Callable[[], Iterator[Finding]]
"""Yields nothing when all is well. It only reads."""


def problem(sentence: str, cure: str) -> Finding:
    return Finding(Level.PROBLEM, sentence, cure)


def note(sentence: str, cure: str = "") -> Finding:
    return Finding(Level.NOTE, sentence, cure)


def spoken(age: timedelta) -> str:
    """`45 s`, `12 min`, `5 h` or `3 days`."""
    seconds = age.total_seconds()
    for limit, size, unit in ((120, 1, "s"), (7200, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds / 86_400:.0f} days"
