"""What a tool is: name, typed arguments, declared effect, handler, and what a person must know to sign it off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from agentdesk.core.money import Money
from tasks.models import Task
from tools.models import Effect, ToolCall


class Arguments(BaseModel):
    """Base of every tool's arguments: no coercion, no unknown keys, nothing optional."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may know about the call it serves."""

    task: Task
    call: ToolCall
    found: dict[str, Any] = field(default_factory=dict, compare=False)
    """What was read for this call already; a context lives no longer than its transaction or page."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a sign-off card: a label, a value in words, and whether to draw attention to it."""

    label: str
    value: str
    warn: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Card:
    """The facts of one sensitive call, read from the database and from nothing the model wrote."""

    headline: str
    rows: Sequence[Row] = ()
    tables: Sequence[Table] = ()
    undo: str = ""


@dataclass(frozen=True, slots=True)
class Sensitive(Generic[A]):
    """Makes a tool one that the gate may ask people about. All functions read the database and change nothing."""

    amount: Callable[[Context, A], Money]
    subject: Callable[[Context, A], str]
    """What two open approvals may not be about at once, for example `order:A-1001`."""
    check: Callable[[Context, A], None]
    """Raises ToolError when the call is impossible, so that no person is asked for it."""
    facts: Callable[[Context, A], dict[str, Any]]
    """The state the decision rests on, as JSON; when it changes, the approval is asked again."""
    title: Callable[[Context, A], str]
    """What is asked, in one line for the queue, for example `Refund $29.00 to Ann Lee for A-1001`."""
    card: Callable[[Context, A], Card]


@dataclass(frozen=True, slots=True)
class ToolSpec(Generic[A]):
    name: str
    description: str
    """For the model: what it does and when to use it."""
    arguments: type[A]
    effect: Effect
    handler: Callable[[Context, A], dict[str, Any]]
    """Runs inside the transaction of its result (read, local); returns JSON. Raises ToolError."""
    label: Callable[[dict[str, Any]], str]
    """One short line for people from the parsed arguments, for example `Refund $29.00 on A-1001`."""
    sensitive: Sensitive[A] | None = None
    asks_question: Callable[[A], str] | None = None
    """For a tool that is a question to people: the text of the question. Its handler never runs."""
    waits_for_task: Callable[[Context, A], str] | None = None
    """For a tool that needs another task to have ended: one sentence for people while it has not, then nothing.

    What it once says has ended must stay so. Raises ToolError when there is no such task.
    """
    schema: dict[str, Any] = field(init=False)

    @property
    def people_decide(self) -> bool:
        """Whether the gate may have a question to people about a call of it."""
        return self.sensitive is not None or self.asks_question is not None

    def __post_init__(self) -> None:
        object.__setattr__(self, "schema", strict_schema(self.arguments))


def strict_schema(arguments: type[Arguments]) -> dict[str, Any]:
    """JSON schema of the arguments with every property required, as strict function calling wants it.

    Strict function calling knows no string lengths: they are told in words, and held by our own parsing.
    Raises TypeError when an argument is optional.
    """
    schema = arguments.model_json_schema()
    properties = schema.get("properties", {})
    optional = set(properties) - set(schema.get("required", []))
    if optional:
        raise TypeError(
            f"{arguments.__name__}: every argument must be required, these are not: {sorted(optional)}"
        )
    schema.setdefault("properties", {})
    schema.setdefault("required", [])
    schema["additionalProperties"] = False
    told: dict[str, Any] = _lengths_in_words(schema)
    return told


def _lengths_in_words(node: Any) -> Any:
    if isinstance(node, list):
        return [_lengths_in_words(item) for item in node]
    if not isinstance(node, dict):
        return node
    told = {
        key: _lengths_in_words(value) for key, value in node.items() if key not in {"minLength", "maxLength"}
    }
    if isinstance(told.get("title"), str):
        del told["title"]  # pydantic's repetition of the name
    longest = node.get("maxLength")
    if isinstance(longest, int):
        told["description"] = f"{told.get('description', '')} (at most {longest:,} characters)".strip()
    return told
