"""The other agents a task may turn to, as tools: handing the task over, and asking one question.

They are in no toolset, because they follow from an agent's profile; what runs them is the runtime, never a handler.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Annotated, Any

from pydantic import Field

from agentdesk.core.text import shortened
from tools.models import Effect, ToolCall
from tools.spec import Arguments, Context, ToolSpec

HAND_OFF, CONSULT = "transfer_to_", "consult_"
IGNORED = "Multiple handoffs detected, ignoring this one."
"""What the SDK tells the model about every hand-off of a turn but the first."""


class HandOver(Arguments):
    reason: Annotated[
        str,
        Field(min_length=1, max_length=1_000, description="Why, and what is left to do; people read it too"),
    ]


class Consult(Arguments):
    question: Annotated[
        str,
        Field(
            min_length=1,
            max_length=8_000,
            description="One question with everything the other agent must know: it sees nothing of your work",
        ),
    ]


def hand_off_to(agent: str) -> str:
    return f"{HAND_OFF}{agent}"


def consult_of(agent: str) -> str:
    return f"{CONSULT}{agent}"


def agent_of(tool: str) -> str:
    """The agent that a hand-off or a consultation leads to; empty for every other tool."""
    return next((tool.removeprefix(start) for start in (HAND_OFF, CONSULT) if tool.startswith(start)), "")


def within(call: ToolCall) -> str:
    """The path of what happens inside a call: the chain of the call ids around it, or a hash where that is too long."""
    path = f"{call.path}/{call.call_id}" if call.path else call.call_id
    longest = ToolCall._meta.get_field("path").max_length or 0  # noqa: SLF001 -- Django's public way to a field
    return path if len(path) <= longest else sha256(path.encode()).hexdigest()


def find(tool: str) -> ToolSpec[Any] | None:
    """The spec of a hand-off or a consultation, whether such an agent exists or not."""
    agent = agent_of(tool)
    if not agent:
        return None
    if tool.startswith(HAND_OFF):
        return ToolSpec(
            name=tool,
            description="Hand the whole task over to this agent; it goes on with everything said so far, and you are done.",
            arguments=HandOver,
            effect=Effect.READ,
            handler=_never,
            label=lambda data: f"Hand over to {agent}: {shortened(data['reason'], 120)}",
        )
    return ToolSpec(
        name=tool,
        description="Ask this agent one question and get its answer. It may use its own tools for it.",
        arguments=Consult,
        effect=Effect.READ,
        handler=_never,
        label=lambda data: f"Ask {agent}: {shortened(data['question'], 120)}",
    )


def _never(context: Context, _: Any) -> dict[str, Any]:
    raise AssertionError(f"{context.call} is led by the runtime, never run as a tool")
