"""Crash points: before and after every commit and outside call of a process, named by what is committed.

A transaction is named by the kinds of the events it records and the toolsets' tables it changes, taken from its SQL, so a
new kind of transaction has a name without anybody giving it one. A point outside of a database is named by its caller.
"""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from agentdesk.events.models import Event, Kind

KINDS = set(Kind.values)
WRITE = re.compile(
    r"""\s*(?:(INSERT)\s+(?:OR\s+\w+\s+)?INTO|(UPDATE)|(DELETE)\s+FROM)\s+"?(\w+)"?""", re.IGNORECASE
)
FIRST_SET = re.compile(r"""\bSET\s+"?(\w+)""", re.IGNORECASE)
COLUMNS = re.compile(r"\(([^)]*)\)")
BOOKKEEPING = (
    "events_",
    "django_",
    "tasks_task",
    "tasks_turn",
    "tasks_todo",
    "tasks_usage",
    "tools_toolcall",
    "approvals_",
    "auth_",
)
"""Tables that go along with the events, or with nothing that could be lost."""
GETS_ON = {Kind.TURN_RECORDED, Kind.TASK_WAITING, Kind.TASK_DONE, Kind.TASK_FAILED}
BY_THE_CLOCK = ("tasks_task.lease_until",)
"""Points that a story passes or not, depending on how long it takes."""


@dataclass(slots=True)
class Plan:
    """Where to die: at each point it passes, a process draws; `chances` has what is not `otherwise`."""

    seed: int = 0
    chances: dict[str, float] = field(default_factory=dict)
    otherwise: float = 0.0
    stop_share: float = 0.0
    """Of the draws after a commit: how many stop the process (SIGSTOP, once) instead of killing it."""


@dataclass(slots=True)
class _Notes:
    """What a transaction that is still open has done."""

    kinds: set[str] = field(default_factory=set)
    tables: set[str] = field(default_factory=set)
    events: list[tuple[int, int, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        toolsets = sorted(table for table in self.tables if not table.startswith(BOOKKEEPING))
        if self.kinds:
            return "+".join(sorted(self.kinds)) + (f" ({', '.join(toolsets)})" if toolsets else "")
        return ", ".join(sorted(toolsets or self.tables - {"events_signal"}))


class Points:
    """Installed in a forked process before it does anything; writes what happens into a file that outlives it.

    Lines: `P point` passed, `K point` killed, `S point` stopped, `W task number kind` an event committed.
    """

    def __init__(self, log: int, plan: Plan) -> None:
        self._log = log
        self._plan = plan
        self._random = random.Random(plan.seed)
        self._notes: dict[int, _Notes] = {}
        self._stopped = False
        self._spared: set[int] = set()
        self._watched: list[BaseDatabaseWrapper] = []
        self._begun: set[int] = set()
        self._beginning = threading.Lock()

    def spare(self, tasks: Iterable[int]) -> None:
        """Nobody dies until each of these tasks has got on: the product gives a task up after ten lost workers in a row."""
        self._spared |= set(tasks)

    def install(self) -> None:
        connection_created.connect(self._watch, weak=False)
        commit, rollback = BaseDatabaseWrapper._commit, BaseDatabaseWrapper._rollback

        def committing(connection: BaseDatabaseWrapper) -> None:
            notes = self._notes.pop(id(connection), _Notes())
            with self.around(notes.name, notes.events):
                commit(connection)
                self._begun.discard(id(connection))

        def rolling_back(connection: BaseDatabaseWrapper) -> None:
            self._notes.pop(id(connection), None)
            rollback(connection)
            self._begun.discard(id(connection))

        BaseDatabaseWrapper._commit, BaseDatabaseWrapper._rollback = committing, rolling_back

    @contextmanager
    def around(self, name: str, events: list[tuple[int, int, str]] | None = None) -> Iterator[None]:
        if name:
            self._pass(f"{name} · before")
        yield
        for task, number, kind in events or []:
            self._write(f"W {task} {number} {kind}")
            if kind in GETS_ON:
                self._spared.discard(task)
        if name:
            self._pass(f"{name} · after", quiet=True)

    def wrap(self, owner: Any, attribute: str, name: str) -> None:
        """Make a call to the outside a point: it is never made inside a transaction."""
        call: Callable[..., Any] = getattr(owner, attribute)

        def called(*arguments: Any, **keywords: Any) -> Any:
            with self.around(name):
                return call(*arguments, **keywords)

        setattr(owner, attribute, called)

    def _watch(self, *, connection: BaseDatabaseWrapper, **_: Any) -> None:
        if connection not in self._watched:
            self._watched.append(connection)
            connection.execute_wrappers.append(self._see)

    def _see(self, execute: Any, sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        connection = context["connection"]
        written = WRITE.match(sql)
        if written is None:
            if not sql.startswith("BEGIN"):
                return execute(sql, parameters, many, context)
            with self._beginning:
                self._begun.add(id(connection))
            return execute(sql, parameters, many, context)
        notes = _Notes()
        if connection.in_atomic_block:
            notes = self._notes.setdefault(id(connection), notes)
        table = written[4]
        notes.tables.add(_named(table, sql, update=bool(written[2])))
        if table == Event._meta.db_table and written[1]:
            found = list(_events(sql, list(parameters or ())))
            notes.kinds |= {kind for _, __, kind in found}
            notes.events += [(task, number, kind) for task, number, kind in found if number]
        if connection.in_atomic_block:
            return execute(sql, parameters, many, context)
        with self.around(notes.name, notes.events), self._committing(connection):
            return execute(sql, parameters, many, context)

    @contextmanager
    def _committing(self, connection: BaseDatabaseWrapper) -> Iterator[None]:
        """Around a statement that commits itself."""
        with self._beginning:
            self._begun.add(id(connection))
        try:
            yield
        finally:
            self._begun.discard(id(connection))

    def _pass(self, point: str, *, quiet: bool = False) -> None:
        self._write(f"P {point}")
        if self._spared or self._random.random() >= self._plan.chances.get(point, self._plan.otherwise):
            return
        if quiet and not self._stopped and self._random.random() < self._plan.stop_share:
            with self._beginning:
                # stopped within a transaction of another thread, it would keep everybody from SQLite
                self._stopped = not self._begun
                if self._stopped:
                    self._write(f"S {point}")
                    # to this very thread: sent to the process, another one may take it, and this one runs on
                    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
            return
        self._write(f"K {point}")
        os.kill(os.getpid(), signal.SIGKILL)

    def _write(self, line: str) -> None:
        os.write(self._log, f"{line}\n".encode())


def _named(table: str, sql: str, *, update: bool) -> str:
    """A table; of an UPDATE that tells no event, the first column too, because it says which of many it is."""
    column = FIRST_SET.search(sql) if update else None
    return f"{table}.{column[1]}" if column else table


def _events(sql: str, parameters: list[Any]) -> Iterator[tuple[int, int, str]]:
    """(task, number, kind) of each event that is inserted; number 0 where the database works it out."""
    listed = COLUMNS.search(sql)
    columns = [column.strip().strip('"') for column in listed[1].split(",")] if listed else []
    for index, value in enumerate(parameters):
        if not isinstance(value, str) or value not in KINDS:
            continue
        task, number = (
            parameters[index - columns.index("kind") + columns.index(name)] if name in columns else 0
            for name in ("task_id", "number")
        )
        yield (task, number, value) if isinstance(task, int) and isinstance(number, int) else (0, 0, value)
