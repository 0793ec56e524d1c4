"""Public ids: a prefix that says the kind, then 26 characters that sort by time (as ULIDs do)."""

from __future__ import annotations

import re
import secrets
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
LENGTH = 26
_TASK_ID = re.compile(f"tsk_[{_ALPHABET}]{{{LENGTH}}}")


def new_id(prefix: str) -> str:
    """Return for example `tsk_01k3m8...`: 48 bits of milliseconds, then 80 random bits."""
    number = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    characters = []
    for _ in range(LENGTH):
        number, index = divmod(number, 32)
        characters.append(_ALPHABET[index])
    return f"{prefix}_{''.join(reversed(characters))}"


def ticket_id() -> str:
    return new_id("tic")


def task_id() -> str:
    return new_id("tsk")


def is_task_id(text: str) -> bool:
    """Whether `task_id` could have made it."""
    return _TASK_ID.fullmatch(text) is not None


def call_key() -> str:
    return new_id("call")


def approval_id() -> str:
    return new_id("apr")


def brake_id() -> str:
    return new_id("brk")
