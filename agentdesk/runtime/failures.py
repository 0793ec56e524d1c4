"""What a failed run means: try again later, or tell people what to do."""

from __future__ import annotations

import random
from dataclasses import dataclass

import openai
from agents import ModelBehaviorError
from django.db import DatabaseError

from agentdesk.core.errors import DeskError
from agentdesk.core.logs import blotted
from agentdesk.core.text import shortened

MAX_ATTEMPTS = 6
LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    why: str
    retry_after_seconds: float | None
    """None: give up."""
    unexpected: bool = False


_HOPELESS: list[tuple[tuple[type[Exception], ...], str]] = [
    (
        (openai.AuthenticationError, openai.PermissionDeniedError),
        "The model's server refuses the key. Check OPENAI_API_KEY, then start the task again.",
    ),
    (
        (openai.NotFoundError,),
        "The model's server does not know this model. Choose another one for the agent.",
    ),
    (
        (openai.BadRequestError, openai.UnprocessableEntityError),
        "The model's server refuses the request: {error}",
    ),
]
_PASSING: list[tuple[tuple[type[Exception], ...], str]] = [
    ((openai.RateLimitError,), "The model's server is busy"),
    ((openai.APITimeoutError, openai.APIConnectionError), "The model's server does not answer"),
    ((openai.APIError,), "The model's server failed: {error}"),
    ((ModelBehaviorError,), "The model's answer cannot be used: {error}"),
    ((DatabaseError,), "The database did not answer"),
]


def plan(error: Exception, *, attempts: int) -> Plan:
    """`attempts` counts the failed tries of the present turn before this one."""
    for types, why in _HOPELESS:
        if isinstance(error, types):
            return Plan(why.format(error=_short(error)), None)
    for types, why in _PASSING:
        if isinstance(error, types):
            return _again(why.format(error=_short(error)), attempts)
    if isinstance(error, DeskError):
        return Plan(error.sentence, None)
    return _again("Something failed inside; the log has the details", attempts, unexpected=True)


def _again(why: str, attempts: int, *, unexpected: bool = False) -> Plan:
    if attempts + 1 >= MAX_ATTEMPTS:
        return Plan(
            f"{why}, {MAX_ATTEMPTS} times in a row. Start the task again when that is mended.",
            None,
            unexpected,
        )
    delay = min(LONGEST_SECONDS, 2.0**attempts) * random.uniform(0.8, 1.2)  # noqa: S311 -- jitter, not a secret
    return Plan(f"{why}; it is tried again.", delay, unexpected)


def _short(error: Exception) -> str:
    return shortened(blotted(" ".join(str(error).split())), 300)
