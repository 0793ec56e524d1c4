"""Use a tool as the runtime does: strictly parsed arguments, one call's row, one transaction."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from tasks.models import Task
from tests.factories import TaskFactory, ToolCallFactory
from tools.arguments import validated
from tools.models import ToolCall
from tools.registry import find
from tools.spec import Context, Sensitive


def context_for(task: Task, tool: str, arguments: dict[str, Any]) -> Context:
    return Context(task=task, call=ToolCallFactory(given_task=task, tool=tool, arguments=arguments))


def use(tool: str, task: Task, *, call: ToolCall | None = None, **arguments: Any) -> dict[str, Any]:
    """The tool's result. Raises Invalid for arguments outside the schema and ToolError for impossible ones."""
    spec = find(tool)
    assert spec is not None
    parsed = validated(spec, arguments)
    context = Context(task=task, call=call) if call else context_for(task, tool, arguments)
    with transaction.atomic():
        return spec.handler(context, parsed.value)


def before_use(tool: str, task: Task, **arguments: Any) -> tuple[Sensitive[Any], Context, Any]:
    """What the gate holds in its hands before a sensitive call: its functions, the context and the arguments."""
    spec = find(tool)
    assert spec is not None
    assert spec.sensitive is not None
    return spec.sensitive, context_for(task, tool, arguments), validated(spec, arguments).value


def again(context: Context) -> Context:
    """The same call, looked at a second time."""
    return Context(task=context.task, call=context.call)


def task_for(customer: Any) -> Task:
    return TaskFactory(customer=customer, status="running")
