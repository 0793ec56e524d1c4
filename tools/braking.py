"""Brakes and tools: which of them a brake can stop, and the check inside the transaction of an effect."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from agentdesk.brakes import lever
from agentdesk.brakes.models import Brake, Depth
from agentdesk.brakes.pulled import refuse_effect
from agentdesk.core.errors import Invalid
from agentdesk.roster.models import Agent
from tools.registry import all_tools
from tools.spec import Context, ToolSpec


def pull(depth: str, *, by: User, reason: str, tool: str = "", agent: str = "") -> Brake:
    """Pull a brake by the names that people type. Raises Invalid for unknown ones, and what `lever.pull` raises."""
    if depth not in Depth.values:
        raise Invalid(
            f"There is no depth {depth!r}. Choose {', '.join(Depth.values)}.", fields={"depth": "unknown"}
        )
    if tool and tool not in stoppable(Depth(depth)):
        names = ", ".join(stoppable(Depth(depth))) or "none"
        raise Invalid(
            f"The brake “{depth}” cannot stop the tool {tool!r}. It can stop: {names}.",
            fields={"scope": "unknown"},
        )
    row = Agent.objects.filter(name=agent).first() if agent else None
    if agent and row is None:
        raise Invalid(f"There is no agent {agent!r}.", fields={"scope": "unknown"})
    return lever.pull(Depth(depth), by=by, reason=reason, tool=tool, agent=row)


def stoppable(depth: Depth) -> list[str]:
    """The tools that a brake of this depth can be for."""
    match depth:
        case Depth.TAKE:
            return []
        case Depth.DECIDE:
            return sorted(spec.name for spec in all_tools().values() if spec.sensitive or spec.asks_question)
        case Depth.EFFECTS:
            return sorted(spec.name for spec in all_tools().values() if spec.brakable)


def refuse_if_braked(context: Context, spec: ToolSpec[Any]) -> None:
    """Raises Braked when a brake stops this effect now; call it inside its transaction. Reads and plans cost no query."""
    if spec.brakable:
        refuse_effect(
            spec.name,
            agents=lambda: {context.task.agent_version.agent.name, context.call.turn.agent_name},
        )
