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
    "tools",
    "hand_offs",
    "consults",
    "max_turns",
    "max_tool_calls",
    "max_seconds",
    "max_tokens",
)
"""What a version says; everything else about an agent is its profile."""


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
    if wrong := problems(version):
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


def problems(version: AgentVersion) -> dict[str, str]:
    """What is wrong with a version's own fields, by field; empty when nothing is."""
    try:
        version.clean_fields(exclude={"agent", "number", "reason", "author", "source"})
    except ValidationError as error:
        return {name: " ".join(messages) for name, messages in error.message_dict.items()}
    return {
        name: f"There is no agent {', '.join(unknown)}. Choose among those there are."
        for name in ("hand_offs", "consults")
        if (
            unknown := sorted(set(getattr(version, name)) - set(Agent.objects.values_list("name", flat=True)))
        )
    }
