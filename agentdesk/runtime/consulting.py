"""An agent that another one asks like a tool: a conversation of its own within the task, journaled under a path.

Whatever waits in it makes the whole task wait. Nothing is remembered of the enclosing call until it has its answer: on a
resume it is called again, and the conversation inside goes on from its own journal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agents import FunctionTool
from agents.tool_context import ToolContext
from asgiref.sync import sync_to_async
from django.db import transaction

from agentdesk.core.text import storable
from agentdesk.roster.models import AgentVersion
from agentdesk.runtime import journal
from approvals.rest import STOPS
from tasks import transitions
from tasks.models import Task
from tools import crew
from tools.calls import close
from tools.models import CallStatus, ToolCall
from tools.outside import InDoubt
from tools.registry import find

if TYPE_CHECKING:
    from agentdesk.runtime.run import Run

MAX_DEPTH = 2
"""Of agents that consult agents: the task's own has depth 0."""
NOT_YET = "This waits."
"""Given to the SDK for a call that waits inside; the run rests before any model could read it."""


def offered(run: Run, version: AgentVersion) -> list[AgentVersion]:
    """The agents that one in this version may consult."""
    return [run.crew[name] for name in version.consults if name in run.crew] if run.depth < MAX_DEPTH else []


def tool(run: Run, version: AgentVersion) -> FunctionTool:
    """The consultation of an agent as the SDK's tool."""
    spec = find(crew.consult_of(version.agent.name))
    assert spec is not None

    async def consult(context: ToolContext[Any], _: str) -> str:
        call = run.journal.calls[context.tool_call_id]
        return call.output or await _ask(run, call, version)

    return FunctionTool(
        name=spec.name,
        description=f"{spec.description} {version.agent.title}: {version.agent.description}",
        params_json_schema=spec.schema,
        on_invoke_tool=consult,
        strict_json_schema=True,
    )


async def _ask(run: Run, call: ToolCall, version: AgentVersion) -> str:
    inside = run.consultation(version)
    question = (call.arguments or {})["question"]
    try:
        inside.journal = await sync_to_async(journal.load_consultation)(
            run.task, path=crew.within(call), question=question
        )
        result = await inside.converse()
    except Exception as error:
        run.stopped_by = run.stopped_by or error  # the SDK wraps what a tool raises
        raise
    if isinstance(inside.stopped_by, (*STOPS, InDoubt)):
        run.stopped_by = inside.stopped_by
        raise inside.stopped_by
    if waiting := inside.waiting(result):
        run.waits_inside += waiting
        return NOT_YET
    await run.guarded(call, _conclude, run.task, call, storable(str(result.final_output)))
    return call.output


def _conclude(task: Task, call: ToolCall, answer: str) -> None:
    """Raises ClaimLost."""
    with transaction.atomic():
        transitions.confirm(task)
        call.task = task
        close(call, CallStatus.DONE, {"answer": answer})
