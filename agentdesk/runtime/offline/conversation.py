"""The conversation so far as facts: the request, what each call gave, where the to-dos stand, which tools there are."""

from __future__ import annotations

import ast
import datetime as dt
import enum
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agentdesk.runtime.offline.request import MARK, Request, parse

_TODAY = re.compile(r"\btoday(?:\s+is|\s*:)?\s+(?:\w+,?\s+)?(\d{4}-\d{2}-\d{2})", re.IGNORECASE)
_SUBJECT = re.compile(r"(?<=:)[^\n]*(?=\n)")
_SDK_FAILURES = ("an error occurred while", "error running tool", "error:")
_SDK_REFUSALS = ("tool execution was not approved", "rejected by")


class Outcome(enum.StrEnum):
    OPEN = "open"
    DONE = "done"
    ERROR = "error"
    REFUSED = "refused"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Call:
    """One call and what came of it; `sentence` says why it failed, was refused or expired."""

    tool: str
    arguments: dict[str, Any]
    outcome: Outcome
    result: dict[str, Any]
    sentence: str


@dataclass(frozen=True, slots=True)
class Conversation:
    request: Request
    calls: tuple[Call, ...]
    todos: Mapping[int, str]
    """State by position."""
    tools: frozenset[str]
    today: dt.date

    def of(self, tool: str, **arguments: Any) -> list[Call]:
        """The calls of `tool` whose arguments include these, oldest first."""
        return [
            call
            for call in self.calls
            if call.tool == tool and all(call.arguments.get(key) == value for key, value in arguments.items())
        ]

    def done(self, tool: str, **arguments: Any) -> Call | None:
        """The latest such call that worked."""
        return next(
            (call for call in reversed(self.of(tool, **arguments)) if call.outcome is Outcome.DONE), None
        )


def read(
    *, instructions: str, items: Iterable[Mapping[str, Any]], tools: frozenset[str], today: dt.date
) -> Conversation:
    """Read input items in Responses format. `today` holds unless the instructions or the goal's head name a day."""
    goal = ""
    asked: list[Mapping[str, Any]] = []
    outputs: dict[Any, Any] = {}
    finished = False  # the last thing said was a final answer, so a user's message after it is a new request
    for item in items:
        kind = item.get("type") or "message"
        if kind == "message" and item.get("role") == "user":
            if not goal:
                goal = _text(item.get("content"))
            elif finished:
                goal, asked = _follow_up(goal, _text(item.get("content"))), []
            finished = False
        elif kind == "message" and item.get("role") == "assistant":
            finished = True
        elif kind == "function_call":
            asked.append(item)
            finished = False
        elif kind == "function_call_output":
            outputs[item.get("call_id")] = item.get("output")
            finished = False
    calls = tuple(_call(item, outputs.get(item.get("call_id"))) for item in asked)
    named = _TODAY.search(instructions) or _TODAY.search(goal.partition(MARK)[0])
    return Conversation(
        request=parse(goal),
        calls=calls,
        todos=dict(_todo_states(calls)),
        tools=tools,
        today=dt.date.fromisoformat(named.group(1)) if named else today,
    )


def _follow_up(goal: str, text: str) -> str:
    """The goal after a new message of the same customer: the head stays but for the subject, the words are new."""
    head, mark, _ = goal.partition(MARK)
    if not mark or MARK in text:
        return text
    return f"{_SUBJECT.sub('', head, count=1)}{mark}\n{text}\n{mark}"


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return ""


def _call(item: Mapping[str, Any], output: Any) -> Call:
    arguments = _object(item.get("arguments") or "{}")
    tool = str(item.get("name", ""))
    if output is None:
        return Call(tool, arguments, Outcome.OPEN, {}, "")
    text = _text(output)
    result = _object(text)
    for outcome in (Outcome.ERROR, Outcome.REFUSED, Outcome.EXPIRED):
        if outcome.value in result:
            return Call(tool, arguments, outcome, result, str(result[outcome.value]).strip())
    if not result:
        said = text.strip()
        if said.lower().startswith(_SDK_REFUSALS):
            return Call(tool, arguments, Outcome.REFUSED, {}, said)
        if not said or said.lower().startswith(_SDK_FAILURES) or tool != "ask_person":
            return Call(tool, arguments, Outcome.ERROR, {}, said or "the tool gave no answer")
        result = {"answer": said}
    return Call(tool, arguments, Outcome.DONE, result, "")


def _object(text: str) -> dict[str, Any]:
    """The JSON object in `text` (or its Python form, as some tool wrappers print it); empty when there is none."""
    for load in (json.loads, ast.literal_eval):
        try:
            value = load(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, dict):
            return value
    return {}


def _todo_states(calls: Iterable[Call]) -> Iterator[tuple[int, str]]:
    for call in calls:
        if call.outcome is not Outcome.DONE:
            continue
        if call.tool == "add_todos":
            for todo in call.result.get("todos", []):
                yield int(todo["position"]), str(todo.get("state", "pending"))
        elif call.tool == "set_todo_state" and "position" in call.result:
            yield int(call.result["position"]), str(call.result.get("state", ""))
