"""What a page asks to be told about, and what it has not been told yet."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from agentdesk.core.errors import Invalid
from agentdesk.events import cursor
from agentdesk.events.announce import EVERYTHING, task_group
from tasks.models import Task

MAX_WATCHED = 20
MAX_MESSAGE_CHARACTERS = 4096
MAX_CURSOR_CHARACTERS = 40
_TASK = re.compile(r"task:([a-z]{2,6}_[0-9a-z]{1,26})")


@dataclass(frozen=True, slots=True)
class Watch:
    """Numbers shown per task, by public id; `every` is None, or the newest event the page's lists show ("" if unknown)."""

    tasks: dict[str, int] = field(default_factory=dict)
    every: str | None = None

    def groups(self) -> set[str]:
        return {task_group(public_id) for public_id in self.tasks} | (
            {EVERYTHING} if self.every is not None else set()
        )


@dataclass(frozen=True, slots=True)
class Present:
    """Where the watched tasks are now; `newest` is the newest event of all."""

    tasks: dict[str, int]
    newest: str


def parse_message(text: str | None) -> dict[str, Any]:
    """Return the object a page sent. Raises Invalid on binary, oversized or malformed messages."""
    if text is None or len(text) > MAX_MESSAGE_CHARACTERS:
        raise Invalid(f"A message is text of at most {MAX_MESSAGE_CHARACTERS:,} characters.")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("The message is not JSON.") from None
    if not isinstance(message, dict):
        raise Invalid("A message is one JSON object.")
    return message


def parse_watch(wanted: object) -> Watch:
    """Return what `{"tasks": true or text, "task:<public id>": number, …}` asks for. Raises Invalid on anything else."""
    if not isinstance(wanted, dict) or len(wanted) > MAX_WATCHED:
        raise Invalid(f"“watch” is an object with at most {MAX_WATCHED} entries.")
    tasks: dict[str, int] = {}
    every: str | None = None
    for key, value in wanted.items():
        named = _TASK.fullmatch(key)
        if named and type(value) is int and 0 <= value < 2**31:
            tasks[named[1]] = value
        elif key == "tasks" and value is True:
            every = ""
        elif key == "tasks" and isinstance(value, str) and len(value) <= MAX_CURSOR_CHARACTERS:
            every = value
        else:
            raise Invalid("“watch” names tasks as “task:<id>”, each with the last number shown, or “tasks”.")
    return Watch(tasks, every)


def present(watch: Watch) -> Present:
    """Read where everything watched is now; unknown tasks are left out. Two small queries at most."""
    found = (
        Task.objects.filter(public_id__in=watch.tasks).values_list("public_id", "last_event")
        if watch.tasks
        else []
    )
    return Present(dict(found), cursor.newest() if watch.every is not None else cursor.START)
