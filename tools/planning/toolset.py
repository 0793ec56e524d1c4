"""add_todos, set_todo_state: how an agent plans in the open."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from tasks import todos
from tasks.models import ToDoState
from tools.models import Effect
from tools.spec import Arguments, Context, ToolSpec


class AddTodos(Arguments):
    todos: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=200)]], Field(min_length=1, max_length=20)
    ]


class SetTodoState(Arguments):
    position: Annotated[int, Field(ge=1, le=50, description="The number of the to-do, from 1")]
    state: Literal["pending", "doing", "done", "skipped"]


def add_todos(context: Context, arguments: AddTodos) -> dict[str, Any]:
    added = todos.add(context.task, arguments.todos)
    return {"todos": [{"position": todo.position, "text": todo.text, "state": todo.state} for todo in added]}


def set_todo_state(context: Context, arguments: SetTodoState) -> dict[str, Any]:
    todo = todos.set_state(context.task, position=arguments.position, state=ToDoState(arguments.state))
    return {"position": todo.position, "text": todo.text, "state": todo.state}


TOOLS = [
    ToolSpec(
        name="add_todos",
        description="Write down the steps of your plan, in order. Call it first, and again when the plan grows.",
        arguments=AddTodos,
        effect=Effect.LOCAL,
        inward=True,
        handler=add_todos,
        label=lambda data: f"Plan {len(data['todos'])} to-do{'s' if len(data['todos']) != 1 else ''}",
    ),
    ToolSpec(
        name="set_todo_state",
        description="Move a to-do: doing when you start it, done when it is finished, skipped when it is not needed.",
        arguments=SetTodoState,
        effect=Effect.LOCAL,
        inward=True,
        handler=set_todo_state,
        label=lambda data: f"To-do {data['position']}: {ToDoState(data['state']).label.lower()}",
    ),
]
