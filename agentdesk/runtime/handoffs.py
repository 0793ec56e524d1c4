"""Specialised agents in one conversation: the agents of a run, wired so that one may hand the task to another.

A hand-off is a tool call of the journal like any other, ended once; a resumed run starts with the agent that spoke last,
replays its turn, and the hand-off leads on from there without asking a model again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from agents import Agent, AgentBase, Handoff
from agents.run_context import RunContextWrapper
from django.db import transaction

from agentdesk.roster.models import AgentVersion
from tasks import transitions
from tasks.models import Task
from tools import crew
from tools.calls import close
from tools.models import CallStatus, ToolCall
from tools.registry import find

if TYPE_CHECKING:
    from agentdesk.runtime.run import Run


class _HandOff(Handoff[Any, Agent[Any]]):
    """Tells the model what the journal holds about the call, so that a replay says the same."""

    said = ""

    def get_transfer_message(self, agent: AgentBase[Any]) -> str:  # noqa: ARG002 -- the SDK's interface
        return self.said


def offered(run: Run, version: AgentVersion) -> list[AgentVersion]:
    """The agents that one in this version may hand the task to; none for an agent that is only consulted."""
    return [run.crew[name] for name in version.hand_offs if name in run.crew] if run.depth == 0 else []


def assemble(run: Run) -> Agent[Any]:
    """Make the agents that this conversation can come to, and return the one that goes on with it."""
    last = run.journal.last_turn
    speaker = run.crew[last.agent_name] if last is not None and last.agent_name in run.crew else run.version
    agents: dict[str, Agent[Any]] = {}

    def agent_of(version: AgentVersion) -> Agent[Any]:
        name = version.agent.name
        if name not in agents:
            agents[name] = agent = run.agent(version, replay=last if version is speaker else None)
            agent.handoffs.extend(
                _to(run, agent, agent_of(target), target) for target in offered(run, version)
            )
        return agents[name]

    return agent_of(speaker)


def _to(run: Run, speaker: Agent[Any], target: Agent[Any], version: AgentVersion) -> _HandOff:
    spec = find(crew.hand_off_to(version.agent.name))
    assert spec is not None
    hand_off = _HandOff(
        tool_name=spec.name,
        tool_description=f"{spec.description} {version.agent.title}: {version.agent.description}",
        input_json_schema=spec.schema,
        on_invoke_handoff=_nobody,
        agent_name=target.name,
    )
    hand_off.on_invoke_handoff = _leads(run, hand_off, speaker, target)
    return hand_off


def _leads(
    run: Run, hand_off: _HandOff, speaker: Agent[Any], target: Agent[Any]
) -> Callable[[RunContextWrapper[Any], str], Coroutine[Any, Any, Agent[Any]]]:
    async def lead(_: RunContextWrapper[Any], __: str) -> Agent[Any]:
        run.rest_if_waiting()
        call = run.journal.hand_off()
        if not call.output:
            await run.guarded(call, conclude, run.task, call, target.name)
        hand_off.said = call.output
        # one whose arguments do not fit, or that somebody refused, leads nowhere: the same agent reads why
        return target if call.status == CallStatus.DONE else speaker

    return lead


async def _nobody(_: RunContextWrapper[Any], __: str) -> Agent[Any]:
    raise AssertionError("replaced as soon as the hand-off is made")


def conclude(task: Task, call: ToolCall, agent: str) -> None:
    """Raises ClaimLost."""
    with transaction.atomic():
        transitions.confirm(task)
        call.task = task
        close(call, CallStatus.DONE, {"assistant": agent})
