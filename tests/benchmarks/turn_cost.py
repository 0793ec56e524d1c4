"""What a turn costs the database, early and late in a task: statements, and bytes written.

python -m tests.benchmarks.turn_cost [TURNS]
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import django

if __name__ == "__main__":
    django.setup()

from django.core.management import call_command
from django.db.backends.utils import CursorWrapper

from agentdesk.roster.models import AgentVersion
from tests.benchmarks.say import say
from tests.scripted import (
    call,
    drive,
    tell,
)
from tests.scripted import say as final

EARLY, LATE, AROUND = 5, 200, 2
"""Medians over the turns around: the worker's upkeep adds a statement here and there by the clock."""


@dataclass
class Turn:
    statements: int = 0
    written_bytes: int = 0


@contextmanager
def counted() -> Iterator[list[Turn]]:
    """The turns that are recorded inside, each with what is sent to the database from its row to the next one's."""
    turns: list[Turn] = []
    execute = CursorWrapper.execute

    def counting(self: CursorWrapper, sql: str, params: Any = None) -> Any:
        if sql.startswith('INSERT INTO "tasks_turn"'):
            turns.append(Turn())
        if turns:
            turns[-1].statements += 1
            if sql.startswith(("INSERT", "UPDATE")):
                turns[-1].written_bytes += sum(len(str(value)) for value in params or ())
        return execute(self, sql, params)

    CursorWrapper.execute = counting  # type: ignore[method-assign]
    try:
        yield turns
    finally:
        CursorWrapper.execute = execute  # type: ignore[method-assign]


def run(turns: int) -> list[Turn]:
    """A task of so many turns, each of which moves a to-do and says a sentence."""
    story = tell()
    AgentVersion.objects.filter(pk=story.task.agent_version_id).update(
        max_turns=turns + 2, max_tool_calls=turns + 2, max_tokens=10**9
    )
    states = ("doing", "done")
    steps = [[call("add_todos", "plan", todos=["The only step"])]]
    steps += [
        [call("set_todo_state", f"call{number:04}", position=1, state=states[number % 2])]
        for number in range(turns)
    ]
    with counted() as seen:
        drive(story.script(*steps, [final("Done.")]))
    return seen


def around(turns: list[Turn], number: int) -> Turn:
    near = turns[number - AROUND : number + AROUND + 1]
    return Turn(
        int(statistics.median(turn.statements for turn in near)),
        int(statistics.median(turn.written_bytes for turn in near)),
    )


def main(turns: int) -> None:
    call_command("migrate", verbosity=0)
    seen = run(turns + 2 * AROUND)
    for number in (EARLY, turns):
        turn = around(seen, number)
        name = EARLY if number == EARLY else LATE
        say(f"statements_per_turn_{name}", turn.statements, "", f"turn {number}, which makes one call")
        say(f"bytes_per_turn_{name}", turn.written_bytes, "bytes", "sent in INSERT and UPDATE")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else LATE)
