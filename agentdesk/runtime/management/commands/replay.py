"""`manage.py replay`: ask the model of an ended task again and compare with the journal; nothing is changed."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from agentdesk.core.errors import DeskError
from agentdesk.core.text import visible
from agentdesk.runtime.replay import Compared, Replayed, Said, Script, Verdict, load, read_only, replay
from agentdesk.runtime.thinking import Thinkers

DIFFERENT, CANNOT = 1, 2


class Command(BaseCommand):
    help = (
        "Ask the model of an ended task again, each turn with what it was told then, and report the first answer that differs. "
        "No tool runs and nothing is written. Exit code 0 the same, 1 different, 2 it cannot be replayed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("id", metavar="ID", help="The task’s id, for example tsk_01k3…")
        parser.add_argument(
            "--model", help="Ask this model instead of the task’s own; “offline” is the built-in one"
        )
        parser.add_argument(
            "--strict", action="store_true", help="Let different words count as a difference too"
        )
        parser.add_argument("--json", action="store_true", help="Print one JSON object")

    def handle(self, *, id: str, model: str | None, strict: bool, json: bool, **_: Any) -> None:  # noqa: A002 -- the argument's name
        try:
            with read_only():
                found = asyncio.run(_ask_again(load(id, model=model), strict=strict))
        except DeskError as error:
            raise CommandError(error.sentence, returncode=CANNOT) from None
        self.stdout.write(_as_json(found) if json else visible(_in_words(found)))
        if found.difference is not None:
            sys.exit(DIFFERENT)


async def _ask_again(script: Script, *, strict: bool) -> Replayed:
    async with Thinkers() as thinkers:
        return await replay(script, thinkers, strict=strict)


def _as_json(found: Replayed) -> str:
    difference = found.difference
    return json.dumps(
        {
            "task": found.task,
            "model": found.model,
            "same": difference is None,
            "first_difference": difference.number if difference else None,
            "asked": found.asked,
            "turns": [{**asdict(turn), "text_differs": turn.text_differs} for turn in found.turns],
        },
        ensure_ascii=False,
    )


def _in_words(found: Replayed) -> str:
    lines = [f"{found.task}, asked of {found.model}"]
    lines += [line for turn in found.turns for line in _of_turn(turn)]
    difference, other_words = found.difference, sum(turn.text_differs for turn in found.turns)
    if difference is not None:
        lines.append(f"The first difference is in turn {difference.number}.")
    else:
        lines.append(f"Asked again: {found.asked}, all with the same calls; in other words: {other_words}.")
    return "\n".join(lines)


def _of_turn(turn: Compared) -> list[str]:
    calls = ", ".join(tool for tool, _ in turn.recorded.calls) or "final answer"
    head = f"  Turn {turn.number}: {turn.verdict} ({calls})"
    if turn.verdict != Verdict.DIFFERENT:
        return [f"{head}, in other words"] if turn.text_differs else [head]
    if turn.now is None:
        return [head, f"    {turn.why}"]
    return [head, "    the journal:", *_of_answer(turn.recorded), "    the model now:", *_of_answer(turn.now)]


def _of_answer(said: Said) -> list[str]:
    calls = [f"      {tool} {arguments}" for tool, arguments in said.calls]
    return [*calls, *(f"      “{line}”" for line in said.text.splitlines() if line.strip())] or [
        "      nothing"
    ]
