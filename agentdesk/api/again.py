"""Tell an ended task again for a program: retry, start again, fork."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from agentdesk.api.start import once
from agentdesk.core.errors import Invalid, Missing
from agentdesk.core.text import shortened
from agentdesk.roster.models import AgentVersion
from tasks.intake import find_agent
from tasks.models import Task
from tools import retell


def retry(task_id: str, *, by: User) -> Task:
    """Go on from the journal; sent again, it finds the same retry. Raises Missing and as `tools.retell.retry` does."""
    return retell.retry(_find(task_id), by=by)


def start_again(task_id: str, *, by: User, key: str | None) -> Task:
    """Raises Missing, and as `tools.retell.start_again` and `once` do."""
    task = _find(task_id)
    return once(lambda: retell.start_again(task, by=by), asked={"again": task_id}, by=by, key=key)


def fork(task_id: str, wanted: dict[str, Any], *, by: User, key: str | None) -> Task:
    """Raises Missing, and as `tools.retell.fork` and `once` do."""
    task = _find(task_id)
    changes = {name: wanted[name] for name in ("turn", "model", "instructions")}

    def make() -> Task:
        version = _version(task, wanted["agent"], wanted["version"])
        return retell.fork(task, by=by, version=version, note=wanted["note"] or "", **changes)

    return once(make, asked={"fork": task_id, **wanted}, by=by, key=key)


def _find(task_id: str) -> Task:
    task = Task.objects.filter(public_id=task_id).first()
    if task is None:
        raise Missing(f"There is no task {shortened(task_id, 60)!r}.", fields={"task_id": "unknown"})
    return task


def _version(task: Task, agent: str | None, number: int | None) -> AgentVersion | None:
    """The named version of the named agent (by default the task's own agent, and the version in force)."""
    if agent is None and number is None:
        return None
    found = find_agent(agent) if agent is not None else task.agent_version.agent
    if number is None:
        return found.current
    version = found.versions.filter(number=number).first()
    if version is None:
        raise Invalid(f"The agent {found.name!r} has no version {number}.", fields={"version": "unknown"})
    return version
