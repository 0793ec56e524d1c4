"""Our tools as the SDK wants them, each made once; whose call it is comes with the call."""

from __future__ import annotations

from functools import cache
from typing import Any, Protocol, cast

from agents import FunctionTool
from agents.run_context import RunContextWrapper
from agents.tool_context import ToolContext

from tools.registry import find


class Caller(Protocol):
    """The run that a call belongs to: what the SDK carries as its context."""

    async def needs_person(self, call_id: str) -> bool: ...

    async def invoke(self, call_id: str) -> str: ...


@cache
def as_function(name: str) -> FunctionTool | None:
    """The tool of this name, or None where no toolset has it any more."""
    spec = find(name)
    if spec is None:
        return None
    return FunctionTool(
        name=spec.name,
        description=spec.description,
        params_json_schema=spec.schema,
        on_invoke_tool=_invoke,
        needs_approval=_needs_person if spec.may_have_to_wait else False,
        strict_json_schema=True,
    )


async def _needs_person(context: RunContextWrapper[Any], _: dict[str, Any], call_id: str) -> bool:
    return await cast("Caller", context.context).needs_person(call_id)


async def _invoke(context: ToolContext[Any], _: str) -> str:
    return await cast("Caller", context.context).invoke(context.tool_call_id)
