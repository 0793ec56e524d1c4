"""The agents a task may be handed to or may consult, in the versions they had when it started."""

from __future__ import annotations

from agentdesk.roster.models import Agent, AgentVersion
from tasks.models import Task


def gather(version: AgentVersion) -> dict[str, int]:
    """Return name → version id of every agent that can be reached from `version`, itself left out.

    Agents that are unknown, disabled or without a version are left out too: nobody is offered to them. Costs nothing
    for an agent that works alone.
    """
    found: dict[str, int] = {}
    wanted = {*version.hand_offs, *version.consults}
    while wanted:
        agents = Agent.objects.startable().filter(name__in=wanted).exclude(pk=version.agent_id)
        wanted = set()
        for agent in agents:
            assert agent.current is not None
            found[agent.name] = agent.current.pk
            wanted |= {*agent.current.hand_offs, *agent.current.consults}
        wanted -= set(found)
    return found


def of(task: Task) -> dict[str, AgentVersion]:
    """The versions of the task's crew by the agents' names, its own among them; one query, or none where it is alone."""
    own = task.agent_version
    if not task.crew and (own.hand_offs or own.consults):  # it did not come in through `start_task`
        task.crew = gather(own)
        Task.objects.filter(pk=task.pk).update(crew=task.crew)
    pinned = (
        AgentVersion.objects.select_related("agent").filter(pk__in=task.crew.values()) if task.crew else []
    )
    return {own.agent.name: own, **{version.agent.name: version for version in pinned}}
