"""System checks of the toolsets: a misspelt one is reported with its cure before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core import checks
from django.db import DatabaseError

from agentdesk.roster.models import Agent
from tools.registry import all_tools


@checks.register(checks.Tags.database)
def agents_know_their_tools(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Runs with `migrate` and `check --database default`: it has to ask the database."""
    if not databases:
        return []
    try:
        agents = list(Agent.objects.startable())
    except DatabaseError:
        return []  # before the first migration
    return [
        checks.Warning(
            f"The agent {agent.name!r} names tools that do not exist: {', '.join(unknown)}.",
            hint="Publish a version of the agent without them in the admin, or install the toolset that has them.",
            id="tools.W001",
        )
        for agent in agents
        if (unknown := sorted(set(agent.current.tools if agent.current else []) - set(all_tools())))
    ]


@checks.register
def toolsets_load(**_: Any) -> list[checks.CheckMessage]:
    try:
        all_tools()
    except (ImportError, AttributeError, RuntimeError, TypeError) as error:
        return [
            checks.Error(
                f"The toolsets do not load: {error}",
                hint="Each name in AGENTDESK_TOOLSETS is a package with a module `toolset` that has a list TOOLS.",
                id="tools.E001",
            )
        ]
    return []
