"""start_task, get_task, wait_for_task: an agent gives a part of its work to another one."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from agentdesk.core.errors import Invalid, ToolError
from agentdesk.core.text import shortened
from tasks import delegation, intake
from tasks.models import MAX_DEPTH, MAX_TREE, Task
from tools.models import Effect
from tools.spec import Arguments, Context, ToolSpec

LONGEST_RESULT = 20_000
"""Characters of another task's result that a model is told."""


class StartTask(Arguments):
    agent: Annotated[
        str, Field(min_length=1, max_length=60, description="Name of the agent, for example billing")
    ]
    goal: Annotated[
        str,
        Field(
            min_length=5,
            max_length=8_000,
            description="What it is to achieve, with everything it must know: it sees nothing of your work",
        ),
    ]
    title: Annotated[
        str, Field(min_length=1, max_length=200, description="The goal in a few words, for people")
    ]


class NamesTask(Arguments):
    task: Annotated[str, Field(min_length=1, max_length=32, description="The id that start_task gave you")]


def start_task(context: Context, arguments: StartTask) -> dict[str, Any]:
    try:
        child = delegation.start_child(
            context.task,
            agent=intake.find_agent(arguments.agent),
            goal=arguments.goal,
            title=arguments.title,
        )
    except Invalid as error:
        raise ToolError(error.sentence, code=error.code) from None
    return {"task": child.public_id}


def get_task(context: Context, arguments: NamesTask) -> dict[str, Any]:
    found = _below(context, arguments)
    return {
        **_outcome(found),
        "title": found.title,
        "waiting_for": found.waiting_for,
        "plan": [
            {"position": todo.position, "text": todo.text, "state": todo.state}
            for todo in found.todos.order_by("position")
        ],
    }


def wait_for_task(context: Context, arguments: NamesTask) -> dict[str, Any]:
    return _outcome(_below(context, arguments))


def still_works(context: Context, arguments: NamesTask) -> str:
    found = _below(context, arguments)
    return f"Waiting for “{shortened(found.title, 120)}” ({found.public_id}) to end." if found.is_live else ""


def _below(context: Context, arguments: NamesTask) -> Task:
    try:
        return delegation.find_below(context.task, arguments.task)
    except Invalid as error:
        raise ToolError(error.sentence, code=error.code) from None


def _outcome(task: Task) -> dict[str, Any]:
    return {
        "task": task.public_id,
        "status": task.status,
        "result": shortened(task.result, LONGEST_RESULT),
        "failure": task.failure,
    }


TOOLS = [
    ToolSpec(
        name="start_task",
        description=(
            "Give a part of your work to another agent as a task of its own, and go on at once with the task's id. It works "
            f"for the same customer and from your budget; at most {MAX_DEPTH} tasks deep and {MAX_TREE} in all."
        ),
        arguments=StartTask,
        effect=Effect.LOCAL,
        handler=start_task,
        label=lambda data: f"Start a task for {data['agent']}: {shortened(data['title'], 90)}",
    ),
    ToolSpec(
        name="get_task",
        description="Look at a task you started, without waiting: its status, its plan and, once it has ended, its result.",
        arguments=NamesTask,
        effect=Effect.READ,
        handler=get_task,
        label=lambda data: f"Look at task {data['task']}",
    ),
    ToolSpec(
        name="wait_for_task",
        description="Wait until a task you started has ended, however long that takes, and get its result.",
        arguments=NamesTask,
        effect=Effect.READ,
        handler=wait_for_task,
        label=lambda data: f"Wait for task {data['task']}",
        waits_for_task=still_works,
    ),
]
