"""One task in a terminal: its plan and its steps as they happen, and the sign-off asked there."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import connection

from agentdesk.core.errors import DeskError
from agentdesk.core.text import visible
from agentdesk.events.models import Event, Kind
from agentdesk.runtime.drive import Driver
from approvals.card import ApprovalCard, build
from approvals.decide import decide
from approvals.models import Approval, ApprovalKind, Verdict
from tasks.models import Task, TaskStatus, ToDoState, Turn

MARKS = {ToDoState.PENDING: "☐", ToDoState.DOING: "▸", ToDoState.DONE: "☑", ToDoState.SKIPPED: "☒"}
LOOK_SECONDS = 0.1


@dataclass(slots=True)
class Console:
    """Follows `task` until it ends, or until it waits for somebody who is not here."""

    task: Task
    asker: User
    signer: User | None
    write: Callable[[str], None]
    read: Callable[[str], str]
    """Gets a prompt, returns a line. Raises EOFError when nobody is there."""
    address: str
    _shown: int = 0
    _left: set[str] = field(default_factory=set)
    """Approvals that nobody here could or would decide."""

    def follow(self) -> Task:
        driver = self._work()
        while True:
            self._show_events()
            self.task.refresh_from_db()
            if not self.task.is_live:
                self._show_events()
                return self.task
            if self.task.status == TaskStatus.WAITING and not self._ask():
                return self.task
            if not driver.is_alive():
                driver = self._work()
            time.sleep(LOOK_SECONDS)

    def _work(self) -> threading.Thread:
        """Advance the task in a thread of this process, unless a worker was first."""
        driver = threading.Thread(target=_drive, args=(self.task.pk,), daemon=True)
        driver.start()
        return driver

    def _show_events(self) -> None:
        for event in Event.objects.filter(task=self.task).after(self._shown):
            self._shown = event.number
            line = self._line(event)
            if line:
                self.write(visible(line))

    def _line(self, event: Event) -> str:
        match event.kind:
            case Kind.TODOS_ADDED | Kind.TODO_CHANGED:
                todos = self.task.todos.order_by("position")
                changed = event.data.get("position")
                return "\n".join(
                    f"  {MARKS[ToDoState(todo.state)]} {todo.text}"
                    for todo in todos
                    if changed in {None, todo.position}
                )
            case Kind.CALL_DONE:
                return (
                    ""
                    if event.data["tool"] in {"add_todos", "set_todo_state"}
                    else f"  · {event.data['label']}"
                )
            case Kind.CALL_FAILED | Kind.CALL_REFUSED:
                return f"  ✗ {event.data['label']}: {event.data['why']}"
            case Kind.TURN_RECORDED:
                turn = Turn.objects.get(task=self.task, path="", number=event.data["turn"])
                return turn.text if event.data["calls"] else ""
            case Kind.TASK_WAITING | Kind.TASK_FAILED | Kind.TASK_CANCELLED | Kind.TASK_RELEASED:
                return f"{event.get_kind_display()}. {event.data.get('why', '')}".strip()
            case _:
                return ""

    def _ask(self) -> bool:
        """Whether the task may go on: False when it waits for somebody who is not at this terminal."""
        waiting = [
            one for one in Approval.objects.open().filter(task=self.task) if one.public_id not in self._left
        ]
        for approval in waiting:
            self._left.add(approval.public_id)
            person = self.asker if approval.kind == ApprovalKind.QUESTION else self.signer
            if person is None:
                self.write(f"It waits for a sign-off: {self.address}{approval.get_absolute_url()}")
                return False
            card = build(approval, viewer=person)
            self._show_card(card, person)
            if card.hindrance is not None or not self._decide(approval, card, person):
                self.write(f"It goes on waiting: {self.address}{approval.get_absolute_url()}")
                return False
        return True

    def _show_card(self, card: ApprovalCard, person: User) -> None:
        self.write("")
        self.write(visible(card.question or card.headline))
        for row in card.rows:
            self.write(visible(f"    {row.label}: {row.value}{'  (!)' if row.warn else ''}"))
        self.write(f"    Why it asks: {card.why}")
        if card.hindrance:
            self.write(f"    {person.get_username()} cannot decide this: {card.hindrance}")

    def _decide(self, approval: Approval, card: ApprovalCard, person: User) -> bool:
        name = person.get_username()
        try:
            if approval.kind == ApprovalKind.QUESTION:
                verdict, reason = Verdict.ANSWER, self.read(f"    Answer as {name}: ")
            else:
                said = self.read(f"    Sign as {name}? [approve/reject/later] ").strip().lower()
                if said not in {"approve", "a", "reject", "r"}:
                    return False
                verdict = Verdict.APPROVE if said.startswith("a") else Verdict.REJECT
                reason = self.read("    Reason (the agent reads it): ") if verdict == Verdict.REJECT else ""
            decided = decide(approval, by=person, verdict=verdict, seen=card.seen, reason=reason)
        except EOFError:
            return False
        except DeskError as error:
            self.write(f"    {error.sentence}")
            self._left.discard(approval.public_id)  # asked again, or shown with its present state
            return True
        return not decided.is_open


def _drive(task_id: int) -> None:
    try:
        asyncio.run(Driver(only=task_id, capacity=1, linger_seconds=0).drive())
    finally:
        connection.close()
