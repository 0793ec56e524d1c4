"""What the brain answers with: a thought, some text, and the tool calls it wants; no calls means it is finished."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Wish:
    """One tool call the brain wants to make."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    thought: str
    """Shown to people as the reasoning summary of the turn."""
    text: str
    calls: tuple[Wish, ...] = ()
