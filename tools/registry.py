"""The tools there are: each toolset named in settings brings a list called TOOLS."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from django.conf import settings

from tools.spec import ToolSpec


@cache
def all_tools() -> MappingProxyType[str, ToolSpec[Any]]:
    """Every tool by name. Raises RuntimeError when two toolsets claim one name."""
    found: dict[str, ToolSpec[Any]] = {}
    for toolset in settings.AGENTDESK_TOOLSETS:
        for spec in import_module(f"{toolset}.toolset").TOOLS:
            if spec.name in found:
                raise RuntimeError(f"Two toolsets define the tool {spec.name!r}. Rename one of them.")
            found[spec.name] = spec
    return MappingProxyType(found)


def find(name: str) -> ToolSpec[Any] | None:
    return all_tools().get(name)


def label(name: str, arguments: dict[str, Any] | None) -> str:
    """One short line for people about a call, whatever its state."""
    spec = find(name)
    if spec is None or arguments is None:
        return name.replace("_", " ").capitalize()
    try:
        return spec.label(arguments)
    except (
        KeyError,
        TypeError,
    ):  # history outlives tools: this call was made when the tool took other arguments
        return name.replace("_", " ").capitalize()
