"""What came back from the outside, and what it says about the effect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Happened:
    """It has happened, exactly once: the other side says so."""

    reference: str = ""
    """What the other side calls it."""
    facts: dict[str, Any] = field(default_factory=dict)
    """What else it said, as JSON."""


@dataclass(frozen=True, slots=True)
class Refused:
    """It has not happened and will not: the other side says so, and why."""

    sentence: str
    """For the model: what to do instead."""
    code: str = "refused"


@dataclass(frozen=True, slots=True)
class Unclear:
    """No answer, or none that says whether it happened."""

    why: str
    began: bool = True
    """False only where this attempt surely did nothing, for example when it was turned away for the rate of requests."""


Outcome = Happened | Refused | Unclear
Found = Happened | Refused | Unclear | None
"""The answer to "did it happen under this key?"; None: nothing is there now."""
