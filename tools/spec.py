"""What a tool is: name, typed arguments, declared effect, handler, and what a person must know to sign it off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Generic, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict

from agentdesk.core.money import Money
from tasks.models import Customer, Task
from tools.models import ACTS_OUTSIDE, Effect, ToolCall
from tools.outcomes import Found, Happened, Outcome

DEADLINE_SECONDS = 5.0
"""A handler holds its process' database thread, and on SQLite the write lock of everybody. A beat that was due when it began
and waits for it must still renew the claims of that process in time: 2.5 s + 5 s < 10 s (tasks.transitions)."""


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
    customer: Callable[[Context, A], Customer | None]
    """Whose money it is, by the records it is about; caps per customer count by it. Never what the model says."""


@dataclass(frozen=True, slots=True)
class Outside(Generic[A]):
    """How a tool acts outside this desk, in three phases: the intent is committed, then it acts, then the outcome is committed.

    `perform` and `find` run outside any transaction, in a thread of their own, as plain blocking code; they get the call's
    key and the request, and nothing from the database. The other three run inside the transaction that they are part of.
    """

    intend: Callable[[Context, A], dict[str, Any]]
    """With the intent: validates, locks, reserves; returns the request as JSON. Raises ToolError."""
    perform: Callable[[str, dict[str, Any]], Outcome]
    """Acts once. What it raises counts as "nobody knows"."""
    settle: Callable[[Context, A, dict[str, Any], Happened], dict[str, Any]]
    """It happened: books it and returns the tool's result. Must not refuse what is true."""
    undo: Callable[[Context, A, dict[str, Any]], None]
    """It certainly did not happen: releases what `intend` reserved."""
    find: Callable[[str, dict[str, Any]], Found] | None = None
    """Asks whether it happened under this key. Needed for KEYED; without it nobody can be asked but people."""
    deadline_seconds: float = 30
    """After so long an attempt counts as unanswered, whatever its thread still does."""
    repeat_within: timedelta = timedelta(0)
    """How long after the intent the other side surely still knows the key; after that nothing is ever repeated."""
    about: Callable[[dict[str, Any]], Sequence[Row]] = lambda _: ()
    """The request in words, for whoever has to find out what became of it."""


def _acts_outside(*_: Any) -> NoReturn:
    raise RuntimeError("This tool acts outside; it has no handler that runs in a transaction.")


@dataclass(frozen=True, slots=True)
class ToolSpec(Generic[A]):
    name: str
    description: str
    """For the model: what it does and when to use it."""
    arguments: type[A]
    effect: Effect
    label: Callable[[dict[str, Any]], str]
    """One short line for people from the parsed arguments, for example `Refund $29.00 on A-1001`."""
    handler: Callable[[Context, A], dict[str, Any]] = _acts_outside
    """Runs inside the transaction of its result (read, local); returns JSON. Raises ToolError."""
    outside: Outside[A] | None = None
    """Needed for keyed and unkeyed tools, instead of a handler. A local tool that was keyed before keeps it, for the calls
    that began then."""
    deadline_seconds: float = DEADLINE_SECONDS
    """How long the handler may take before it is cut and rolled back."""
    sensitive: Sensitive[A] | None = None
    asks_question: Callable[[A], str] | None = None
    """For a tool that is a question to people: the text of the question. Its handler never runs."""
    inward: bool = False
    """It changes nothing but the task's own plan, so a pulled brake does not stop it."""
    waits_for_task: Callable[[Context, A], str] | None = None
    """For a tool that needs another task to have ended: one sentence for people while it has not, then nothing.

    What it once says has ended must stay so. Raises ToolError when there is no such task.
    """
    schema: dict[str, Any] = field(init=False)

    @property
    def people_decide(self) -> bool:
        """Whether the gate may have a question to people about a call of it."""
        return self.sensitive is not None or self.asks_question is not None

    @property
    def may_have_to_wait(self) -> bool:
        """Whether a call of it may have to wait, for people or for another task."""
        return self.people_decide or self.waits_for_task is not None

    @property
    def acts_outside(self) -> bool:
        return self.effect in ACTS_OUTSIDE

    def __post_init__(self) -> None:
        """Raises TypeError or ValueError when the declaration does not hold together."""
        if self.acts_outside and self.outside is None:
            raise TypeError(f"{self.name} acts outside, so it needs `outside`")
        if self.effect == Effect.KEYED and self.outside is not None and self.outside.find is None:
            raise TypeError(f"{self.name} is keyed, so it needs `outside.find` to ask by its key")
        if not 0 < self.deadline_seconds <= DEADLINE_SECONDS:
            raise ValueError(f"{self.name}: the deadline must be at most {DEADLINE_SECONDS:g} seconds")
        object.__setattr__(self, "schema", strict_schema(self.arguments))

    @property
    def brakable(self) -> bool:
        """Whether a brake can stop it: it does something beyond reading and planning."""
        return self.effect != Effect.READ and not self.inward


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
