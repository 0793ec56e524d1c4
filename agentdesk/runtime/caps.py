"""What one answer of a model may be at most; what is more is cut while it streams, and nothing of it is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agents.items import TResponseOutputItem, TResponseStreamEvent
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseReasoningItem

from agentdesk.core.errors import DeskError

MAX_CHARACTERS = 1_000_000
"""Of text, reasoning and arguments together: twice what the largest models write at once."""
MAX_ARGUMENT_CHARACTERS = 500_000
MAX_ITEMS = 1_100
"""Messages and tool calls; of the calls of one answer 32 run (`tools.calls.MAX_CALLS_PER_TURN`)."""


class UnusableAnswer(DeskError):
    """An answer that nobody acts on. The sentence says what is wrong with it, without a full stop.

    `hint` is what the model is told when it is asked once more; empty where asking again would tell it nothing.
    """

    code = "unusable_answer"

    def __init__(self, sentence: str, *, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class Meter:
    """Counts an answer while it streams. `see` raises UnusableAnswer as soon as it is too much."""

    def __init__(self) -> None:
        self._streamed = self._arguments = self._finished = self._items = 0

    def see(self, event: TResponseStreamEvent) -> None:
        delta = getattr(event, "delta", None)
        if isinstance(delta, str):
            self._streamed += len(delta)
            if event.type == "response.function_call_arguments.delta":
                self._arguments += len(delta)
                _check_arguments(self._arguments)
            _check_characters(self._streamed)
        elif event.type == "response.output_item.added":
            self._items += 1
            _check_items(self._items)
        elif event.type == "response.output_item.done":
            self._finished += size(event.item)  # a server need not stream what it says in the end
            _check_characters(self._finished)


def check_whole(output: Sequence[TResponseOutputItem], *, taken: Callable[[str], bool]) -> None:
    """Raises UnusableAnswer unless a complete answer says something and can be stored and acted on.

    `taken` tells whether a call of this task has this id already.
    """
    calls = [item for item in output if isinstance(item, ResponseFunctionToolCall)]
    if any(not _sound(call) for call in calls):
        raise UnusableAnswer("The model’s answer has a tool call without a name, an id or arguments")
    _check_items(len(output))
    _check_arguments(sum(len(call.arguments) for call in calls))
    _check_characters(sum(size(item) for item in output))
    ids = [call.call_id for call in calls]
    if len(set(ids)) != len(ids) or any(taken(call_id) for call_id in ids):
        raise UnusableAnswer("The model’s answer uses the id of another tool call again")
    if not calls and not any(_says(item) for item in output):
        raise UnusableAnswer(
            "The model’s answer is empty",
            hint="it was empty. Call a tool, or give your final answer in words",
        )


def size(item: TResponseOutputItem) -> int:
    """Characters that an item holds, whatever kind it is of."""
    match item:
        case ResponseFunctionToolCall():
            return len(item.arguments or "") + len(item.name or "")
        case ResponseOutputMessage():
            return sum(len(_words(part)) for part in item.content or [])
        case ResponseReasoningItem():
            parts: list[object] = [*(item.summary or []), *(item.content or [])]
            return len(item.encrypted_content or "") + sum(len(_words(part)) for part in parts)
        case _:
            return len(item.model_dump_json())


def _says(item: TResponseOutputItem) -> bool:
    return isinstance(item, ResponseOutputMessage) and any(
        _words(part).strip() for part in item.content or []
    )


def _words(part: object) -> str:
    return str(getattr(part, "text", None) or getattr(part, "refusal", None) or "")


def _sound(call: ResponseFunctionToolCall) -> bool:
    """The client builds what a server sends without checking it."""
    given: tuple[object, ...] = (call.call_id, call.name)
    return all(isinstance(value, str) and value for value in given) and isinstance(call.arguments, str)


def _check_characters(count: int) -> None:
    if count > MAX_CHARACTERS:
        raise UnusableAnswer(
            f"The model’s answer is longer than {MAX_CHARACTERS:,} characters and was cut off",
            hint=f"it was longer than {MAX_CHARACTERS:,} characters. Be much shorter",
        )


def _check_arguments(count: int) -> None:
    if count > MAX_ARGUMENT_CHARACTERS:
        raise UnusableAnswer(
            f"The model’s answer has tool calls with more than {MAX_ARGUMENT_CHARACTERS:,} characters of arguments and was cut off",
            hint=f"its tool calls had more than {MAX_ARGUMENT_CHARACTERS:,} characters of arguments. Call fewer tools at once, with shorter arguments",
        )


def _check_items(count: int) -> None:
    if count > MAX_ITEMS:
        raise UnusableAnswer(
            f"The model’s answer asks for more than {MAX_ITEMS:,} things at once and was cut off",
            hint=f"it had more than {MAX_ITEMS:,} parts. Call a few tools at a time",
        )
