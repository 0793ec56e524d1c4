"""A new version of an agent: what it is told and allowed, by whom and why."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max

from agentdesk.core.errors import Invalid, Late
from agentdesk.core.text import checked
from agentdesk.roster.models import Agent, AgentVersion, Source

FIELDS = (
    "instructions",
    "model",
    "model_api",
    "fallback_model",
    "call_seconds",
    "tools",
    "hand_offs",
    "consults",
    "max_turns",
    "max_tool_calls",
    "max_seconds",
    "max_tokens",
    "max_cost_micros",
    "per_day",
)
"""What a version says; everything else about an agent is its profile."""
OTHERS = ("hand_offs", "consults")
"""The fields that name other agents."""
PER_DAY = ("turns", "tool_calls", "tokens", "seconds", "cost_micros")
MAX_PER_DAY = 10**15
_OF_ONE_VERSION = {"id", "number", "source", "reason", "author_id", "created_at"}


def publish(agent: Agent, *, by: User, reason: str, **fields: Any) -> AgentVersion:
    """Write the next version of `agent`, make it current and return it; running tasks keep theirs.

    `fields` are among FIELDS; those not given are taken from the version that `agent.current` is. Raises Invalid when a
    field is out of its limits, and Late when another version became current since `agent` was read.
    """
    unknown = set(fields) - set(FIELDS)
    assert not unknown, f"not fields of a version: {sorted(unknown)}"
    base = agent.current
    taken = {name: getattr(base, name) for name in FIELDS} if base else {}
    version = AgentVersion(
        **{**taken, **fields},
        agent=agent,
        number=1,
        source=Source.STAFF,
        reason=checked(reason, field="reason", max_length=300),
        author=by,
    )
    if wrong := problems(version, own=agent.name):
        raise Invalid("; ".join(f"{name}: {problem}" for name, problem in wrong.items()), fields=wrong)
    with transaction.atomic():
        present = Agent.objects.select_for_update().get(pk=agent.pk)
        if present.current_id != agent.current_id:
            raise Late(
                f"Somebody published another version of {agent.title} meanwhile. Open it again and make your change there."
            )
        version.number = 1 + (present.versions.aggregate(last=Max("number"))["last"] or 0)
        version.save()
        Agent.objects.filter(pk=agent.pk).update(current=version)
    agent.current = version
    return version


def branch(base: AgentVersion, *, by: User, reason: str, **changes: Any) -> AgentVersion:
    """Write a version of the same agent that differs from `base` in `changes` and is not made current.

    Raises Invalid when a changed field is out of its limits.
    """
    fields = {
        field.attname: getattr(base, field.attname)
        for field in AgentVersion._meta.concrete_fields  # noqa: SLF001 -- a model's own fields
        if field.attname not in _OF_ONE_VERSION
    }
    version = AgentVersion(
        **{**fields, **changes},
        source=Source.FORK,
        reason=checked(reason, field="reason", max_length=300),
        author=by,
        number=1,
    )
    # what it shares with `base` was in order once, whatever has become of the agents it names
    if wrong := {name: problem for name, problem in problems(version).items() if name in changes}:
        raise Invalid("; ".join(f"{name}: {problem}" for name, problem in wrong.items()), fields=wrong)
    with transaction.atomic():
        agent = Agent.objects.select_for_update().get(pk=base.agent_id)
        version.number = 1 + (agent.versions.aggregate(last=Max("number"))["last"] or 0)
        version.save()
    return version


def problems(version: AgentVersion, *, own: str = "") -> dict[str, str]:
    """What is wrong with a version's fields, by field; empty when nothing is. `own` is the name of its agent."""
    try:
        version.clean_fields(exclude={"agent", "number", "reason", "author", "source"})
    except ValidationError as error:
        return {name: " ".join(messages) for name, messages in error.message_dict.items()}
    found = {"per_day": problem_of_day(version.per_day)}
    found |= {name: problem_of_others(getattr(version, name), own=own) for name in OTHERS}
    return {name: problem for name, problem in found.items() if problem}


def problem_of_day(per_day: Any) -> str:
    """What is wrong with limits of a day; empty when nothing is."""
    if not isinstance(per_day, dict) or set(per_day) - set(PER_DAY):
        return f"Limits of a day are named {', '.join(PER_DAY)}."
    wrong = [
        name for name, limit in per_day.items() if type(limit) is not int or not 1 <= limit <= MAX_PER_DAY
    ]
    return f"Give {', '.join(wrong)} as a whole number from 1 on, or leave it out." if wrong else ""


def problem_of_others(names: Any, *, own: str) -> str:
    """What is wrong with a list of other agents' names; empty when nothing is. `own` is the agent's own name."""
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return "Give a list of agents' names."
    if len(set(names)) != len(names):
        return "An agent is named twice."
    if own and own in names:
        return "An agent cannot name itself."
    unknown = sorted(set(names) - set(Agent.objects.filter(enabled=True).values_list("name", flat=True)))
    return f"There is no enabled agent called {', '.join(unknown)}." if unknown else ""
