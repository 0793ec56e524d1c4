"""The tools there are: each toolset named in settings brings a list called TOOLS."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from django.conf import settings

from agentdesk.core.errors import DeskError
from tools import crew
from tools.spec import ToolSpec


@cache
def all_tools() -> MappingProxyType[str, ToolSpec[Any]]:
    """Every tool by name. Raises RuntimeError when two toolsets claim one name, or one that belongs to agents."""
    found: dict[str, ToolSpec[Any]] = {}
    for toolset in settings.AGENTDESK_TOOLSETS:
        for spec in import_module(f"{toolset}.toolset").TOOLS:
            if spec.name in found:
                raise RuntimeError(f"Two toolsets define the tool {spec.name!r}. Rename one of them.")
            if crew.agent_of(spec.name):
                raise RuntimeError(
                    f"The name {spec.name!r} is that of turning to another agent. Rename the tool."
                )
            found[spec.name] = spec
    return MappingProxyType(found)


def find(name: str) -> ToolSpec[Any] | None:
    return all_tools().get(name) or crew.find(name)


def label(name: str, arguments: dict[str, Any] | None) -> str:
    """One short line for people about a call, whatever its state and however old it is."""
    spec = find(name)
    if spec is not None and arguments is not None:
        try:
            return spec.label(arguments)
        except (LookupError, TypeError, ValueError, DeskError):
            pass  # the arguments fit an older version of the tool, or name a currency that nobody knows
    return name.replace("_", " ").capitalize()
