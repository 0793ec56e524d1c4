"""The plan of a task: an agent adds to-dos and moves them."""

from __future__ import annotations

from collections.abc import Sequence

from agentdesk.core import rows
from agentdesk.core.errors import ToolError
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from tasks.models import Task, ToDo, ToDoState

MAX_TODOS = 50


def add(task: Task, texts: Sequence[str]) -> list[ToDo]:
    """Append steps to the plan and return them. Raises ToolError over 50 steps or on an empty text."""
    present = task.todos.count()
    if present + len(texts) > MAX_TODOS:
        raise ToolError(f"A task has at most {MAX_TODOS} to-dos; this one has {present}. Plan coarser steps.")
    if any(not text.strip() for text in texts):
        raise ToolError("A to-do is empty. Say what the step is.")
    todos = [
        ToDo(task=task, position=position, text=" ".join(text.split()))
        for position, text in enumerate(texts, start=present + 1)
    ]
    for todo, key in zip(todos, rows.insert(ToDo, [vars(todo) for todo in todos]), strict=True):
        todo.pk = key
    record(task, Fact(Kind.TODOS_ADDED, {"count": len(todos)}))
    return todos


def set_state(task: Task, *, position: int, state: ToDoState) -> ToDo:
    """Move one step. Raises ToolError when the plan has no such step."""
    found = rows.read(ToDo, {"task_id": task.pk, "position": position})
    if not found:
        raise ToolError(
            f"There is no to-do {position}. The plan has {task.todos.count()}; add steps with add_todos first."
        )
    (todo,) = found
    if todo.state != state and rows.change(
        ToDo, todo.pk, where={"state": todo.state}, put={"state": state}, returning="id"
    ):
        todo.state = state
        record(task, Fact(Kind.TODO_CHANGED, {"position": position, "state": state}))
    return todo
