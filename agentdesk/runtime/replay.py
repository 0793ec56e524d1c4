"""Ask the model of an ended task again, turn by turn with the recorded transcript, and compare; no tool runs, nothing is written."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from agents import Model, ModelSettings, ModelTracing, Tool
from django.conf import settings as conf
from django.db import connection

from agentdesk.core.errors import DeskError, Missing
from agentdesk.core.logs import blotted
from agentdesk.core.text import shortened
from agentdesk.roster.models import AgentVersion
from agentdesk.runtime.contradiction import as_handed_on, contradiction
from agentdesk.runtime.journal import Answer, Item, Journal, opening_of
from agentdesk.runtime.recorded_model import RecordedModel
from agentdesk.runtime.thinking import Thinkers, instructions_for
from agentdesk.runtime.toolbox import as_function
from tasks.models import TERMINAL, Task, Turn
from tools.models import ToolCall


class CannotReplay(DeskError):
    """There is nothing to compare, or no model to ask: look at the sentence."""

    code = "cannot_replay"


class Verdict(StrEnum):
    SAME = "same"
    DIFFERENT = "different"
    TAKEN_OVER = "taken over"
    """Told in the task this one was made from: replay that one."""
    NOT_ASKED = "not asked"
    """Told by another agent than the task's own."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: its calls as (tool, canonical arguments), and its text."""

    calls: list[tuple[str, str]]
    text: str


@dataclass(frozen=True, slots=True)
class Compared:
    number: int
    verdict: Verdict
    recorded: Said
    now: Said | None = None
    """None where the model was not asked."""
    why: str = ""

    @property
    def text_differs(self) -> bool:
        return self.now is not None and self.now.text != self.recorded.text


@dataclass(frozen=True, slots=True)
class Replayed:
    task: str
    model: str
    turns: list[Compared]
    """In order, up to and including the first difference."""

    @property
    def difference(self) -> Compared | None:
        last = self.turns[-1]
        return last if last.verdict == Verdict.DIFFERENT else None

    @property
    def asked(self) -> int:
        return sum(turn.now is not None for turn in self.turns)


@dataclass(frozen=True, slots=True)
class Script:
    """Everything about a task that a replay needs, in memory."""

    journal: Journal
    version: AgentVersion
    instructions: str
    tools: list[Tool]


@contextmanager
def read_only() -> Iterator[None]:
    """The database refuses every write of this connection meanwhile."""
    on, off = {
        "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
        "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
    }[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(on)
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(off)


def load(public_id: str, *, model: str | None = None) -> Script:
    """Read an ended task, to be asked of its own model or of `model`. Raises Missing and CannotReplay."""
    task = Task.objects.select_related("agent_version__agent", "previous").filter(public_id=public_id).first()
    if task is None:
        raise Missing(f"There is no task {shortened(public_id, 60)!r}.")
    if task.status not in TERMINAL:
        raise CannotReplay(
            f"This task is {task.get_status_display().lower()}. Only a task that has ended can be replayed."
        )
    journal = Journal(
        task=task,
        turns=list(Turn.objects.filter(task=task, path="").order_by("number")),
        calls={call.call_id: call for call in ToolCall.objects.filter(task=task, path="")},
        opening=opening_of(task),
    )
    version = copy.copy(task.agent_version)
    if model is not None:
        version.model = model
    if all(_not_asked(turn, version) for turn in journal.turns):
        raise CannotReplay("No model answered in this task itself, so there is nothing to ask again.")
    tools: list[Tool] = [tool for name in version.tools if (tool := as_function(name)) is not None]
    return Script(journal, version, instructions_for(task), tools)


async def replay(script: Script, thinkers: Thinkers, *, strict: bool = False) -> Replayed:
    """Ask again until an answer differs in its calls (or, with `strict`, in its text). Touches no database.

    Raises CannotReplay when the model gives no answer.
    """
    try:
        model, name = thinkers.choose(script.version)
    except DeskError as error:
        raise CannotReplay(error.sentence) from None
    settings = thinkers.how(script.version)
    done: list[Compared] = []
    for index, turn in enumerate(script.journal.turns):
        recorded = Said(_calls(turn.items), turn.text)
        verdict, wrong = _not_asked(turn, script.version), contradiction(turn, script.journal.calls)
        if wrong:
            done.append(Compared(turn.number, Verdict.DIFFERENT, recorded, why=wrong))
        elif verdict is not None:
            done.append(Compared(turn.number, verdict, recorded))
        else:
            answer = await _ask(script, model, name, settings, index)
            now = Said(_calls(answer.items), answer.text)
            same = now.calls == recorded.calls and not (strict and now.text != recorded.text)
            done.append(Compared(turn.number, Verdict.SAME if same else Verdict.DIFFERENT, recorded, now))
        if done[-1].verdict == Verdict.DIFFERENT:
            break
    return Replayed(script.journal.task.public_id, name, done)


async def _ask(script: Script, model: Model, name: str, settings: ModelSettings, index: int) -> Answer:
    """The model's answer to everything before the turn at `index`, as the run asked for it."""
    journal, answers = script.journal, []

    async def keep(answer: Answer) -> None:
        answers.append(answer)

    asked = RecordedModel(
        model,
        agent_name=script.version.agent.name,
        model_name=name,
        replay=None,
        before=_nothing,
        record=keep,
        delta=lambda _: None,
        call_seconds=script.version.call_seconds,
        silence_seconds=conf.MODEL_SILENCE_SECONDS,
        foreign=any(turn.model_name != name for turn in journal.turns[:index]),
    )
    before = Journal(journal.task, journal.turns[: index + 1], journal.calls, journal.opening)
    transcript: list[Any] = before.transcript()
    number = journal.turns[index].number
    try:
        async for _ in asked.stream_response(
            script.instructions,
            transcript,
            settings,
            script.tools,
            None,
            [],
            ModelTracing.DISABLED,
            previous_response_id=None,
            conversation_id=None,
            prompt=None,
        ):
            pass
    except Exception as error:
        said = shortened(blotted(" ".join(str(error).split())), 300)
        raise CannotReplay(f"The model {name!r} gave no answer to turn {number}: {said}") from error
    if not answers:
        raise CannotReplay(f"The model {name!r} broke off its answer to turn {number}.")
    return answers[0]


async def _nothing() -> None:
    pass


def _not_asked(turn: Turn, version: AgentVersion) -> Verdict | None:
    if turn.taken_over:
        return Verdict.TAKEN_OVER
    return None if turn.agent_name == version.agent.name else Verdict.NOT_ASKED


def _calls(items: Sequence[Item]) -> list[tuple[str, str]]:
    return [
        (str(item.get("name")), as_handed_on(str(item.get("arguments", ""))))
        for item in items
        if item.get("type") == "function_call"
    ]
