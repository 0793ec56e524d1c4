"""What a failed run means: try again later, or tell people what to do."""

from __future__ import annotations

import random
from dataclasses import dataclass

import openai
from agents import AgentsException, ModelBehaviorError
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


def plan(error: Exception, *, attempts: int) -> Plan:
    """`attempts` counts the failed tries of the present turn before this one."""
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return Plan(
                "The model's server refuses the key. Check OPENAI_API_KEY, then start the task again.", None
            )
        case openai.NotFoundError():
            return Plan(
                "The model's server does not know this model. Choose another one for the agent.", None
            )
        case openai.BadRequestError() | openai.UnprocessableEntityError():
            return Plan(f"The model's server refuses the request: {_short(error)}", None)
        case openai.RateLimitError():
            return _again("The model's server is busy", attempts)
        case openai.APITimeoutError() | openai.APIConnectionError():
            return _again("The model's server does not answer", attempts)
        case openai.APIError():
            return _again(f"The model's server failed: {_short(error)}", attempts)
        case ModelBehaviorError():
            return _again(f"The model's answer cannot be used: {_short(error)}", attempts)
        case DatabaseError():
            return _again("The database did not answer", attempts)
        case DeskError():
            return Plan(error.sentence, None)
        case AgentsException():
            return _again(f"The run broke off: {_short(error)}", attempts, unexpected=True)
        case _:
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
