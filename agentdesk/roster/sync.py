"""Bring the shipped agents from their reviewed files into the database; what staff decided stays as it is."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from pydantic import BaseModel, ConfigDict
from pydantic import ValidationError as Misfit

from agentdesk.core.errors import Invalid
from agentdesk.roster.edit import FIELDS
from agentdesk.roster.models import Agent, AgentVersion, ModelApi, Source

SHIPPED = Path(__file__).parent / "shipped"


class _File(BaseModel):
    """Exactly the keys a file may have."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: str
    title: str
    description: str
    instructions: str
    tools: list[str]
    hand_offs: list[str] = []
    consults: list[str] = []
    max_turns: int
    max_tool_calls: int
    max_seconds: int
    max_tokens: int
    model: str = ""
    model_api: str = ModelApi.DEFAULT.value


@dataclass(frozen=True, slots=True)
class ShippedAgent:
    name: str
    title: str
    description: str
    says: dict[str, Any]
    """The fields of its version, by name."""


def sync_shipped(folder: Path = SHIPPED) -> list[str]:
    """Create agents and versions that are missing and return one sentence for each change.

    A version becomes current only where a shipped one, or none, was: what staff published is never replaced. Raises
    Invalid, naming the file, when one cannot be used; then nothing of any file is brought in.
    """
    shipped = read_shipped(folder)
    with transaction.atomic():
        return [sentence for agent in shipped for sentence in _bring_in(agent)]


def read_shipped(folder: Path = SHIPPED) -> list[ShippedAgent]:
    """The agents of all files, by name. Raises Invalid, naming the file and what is wrong with it."""
    return [_read(path) for path in sorted(folder.glob("*.toml"))]


def _read(path: Path) -> ShippedAgent:
    try:
        file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path.name} is not valid TOML: {error}.") from None
    except Misfit as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors()
        )
        raise Invalid(f"{path.name} does not describe an agent: {problems}.") from None
    if file.name != path.stem:
        raise Invalid(
            f"{path.name} describes the agent “{file.name}”. Call the file {file.name}.toml or change the name."
        )
    if len(set(file.tools)) != len(file.tools):
        raise Invalid(f"{path.name} names a tool twice.")
    data = file.model_dump()
    agent = ShippedAgent(
        name=file.name,
        title=file.title,
        description=file.description,
        says={name: data[name].strip() if name == "instructions" else data[name] for name in FIELDS},
    )
    try:
        Agent(name=agent.name, title=agent.title, description=agent.description).full_clean(
            validate_unique=False
        )
        _version(agent).full_clean(exclude=["agent"], validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        problems = "; ".join(f"{name}: {' '.join(messages)}" for name, messages in error.message_dict.items())
        raise Invalid(f"{path.name} does not describe an agent: {problems}") from None
    return agent


def _version(shipped: ShippedAgent) -> AgentVersion:
    return AgentVersion(**shipped.says, number=1, source=Source.SHIPPED, reason="Shipped with AgentDesk")


def _bring_in(shipped: ShippedAgent) -> list[str]:
    agent, is_new = Agent.objects.select_for_update(of=("self",)).get_or_create(
        name=shipped.name, defaults={"title": shipped.title, "description": shipped.description}
    )
    done = [f"Added the agent “{agent.name}”."] if is_new else []
    version = agent.versions.filter(source=Source.SHIPPED, **shipped.says).first()
    if version is None:
        version = _version(shipped)
        version.agent = agent
        version.number = 1 + (agent.versions.aggregate(last=Max("number"))["last"] or 0)
        version.save()
        done.append(f"Added version {version.number} of “{agent.name}”.")
    current = agent.current
    if current is None or (current.source == Source.SHIPPED and current.pk != version.pk):
        Agent.objects.filter(pk=agent.pk).update(current=version)
        done.append(f"Version {version.number} of “{agent.name}” is current.")
    elif current.source != Source.SHIPPED and done:
        done.append(f"“{agent.name}” keeps version {current.number}, which was written here.")
    return done
