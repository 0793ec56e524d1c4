"""System checks of the toolsets: a misspelt one is reported with its cure before anything starts."""

from __future__ import annotations

from typing import Any

from django.core import checks

from tools.registry import all_tools


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
