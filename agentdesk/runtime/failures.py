"""What a failed run means: try again later, let the other model answer, wait for people, or give up."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

import openai
from agents import ModelBehaviorError
from django.db import DatabaseError, InterfaceError, OperationalError

from agentdesk.core.errors import DeskError
from agentdesk.core.logs import blotted
from agentdesk.core.text import shortened
from agentdesk.roster.models import AgentVersion
from agentdesk.runtime.caps import UnusableAnswer
from agentdesk.runtime.journal import Journal

MAX_ATTEMPTS = 6
"""Tries of one turn, by both models together where there are two."""
FIRST_ATTEMPTS = 3
"""Tries of the first of two models, before the other one is asked."""
LONGEST_SECONDS = 60.0
LONGEST_ASKED_SECONDS = 900.0
A_YEAR_SECONDS = 365 * 86_400.0
"""A server that asks to be left alone for longer is not waited for silently."""
STAYS = timedelta(minutes=10)
"""A task stays with the fallback model for this long after its last answer, so that not each turn tries the first one in vain."""

AGAIN = "Try again when that is mended."


class Next(StrEnum):
    AGAIN = "again"
    WAIT = "wait"
    """Visibly, for a person who mends it and tries again."""
    FAIL = "fail"
    """Trying again cannot mend it."""


@dataclass(frozen=True, slots=True)
class Plan:
    why: str
    next: Next
    after_seconds: float = 0
    attempts: int = 0
    """Failed tries of the present turn, this one included."""
    unexpected: bool = False


_MENDABLE: list[tuple[tuple[type[Exception], ...], str]] = [
    (
        (openai.AuthenticationError, openai.PermissionDeniedError),
        "The model’s server refuses the key. Check OPENAI_API_KEY, restart the workers",
    ),
    (
        (openai.NotFoundError,),
        "The model’s server does not know the model {model}. Correct its name in the agent or the settings",
    ),
]
_REFUSED = (openai.BadRequestError, openai.UnprocessableEntityError)
_PASSING: list[tuple[tuple[type[Exception], ...], str]] = [
    ((openai.RateLimitError,), "The model’s server is busy"),
    ((openai.APITimeoutError, openai.APIConnectionError), "The model’s server does not answer"),
    ((openai.APIError,), "The model’s server failed: {error}"),
    ((UnusableAnswer,), "{error}"),
    ((ModelBehaviorError,), "The model’s answer cannot be used: {error}"),
]


def plan(error: Exception, *, attempts: int, model: str = "", second: bool = False) -> Plan:
    """What to do after `error`. `attempts` counts the failed tries of the present turn before this one.

    `model` is the one that was asked, and `second` says whether the agent has another one to ask.
    """
    if isinstance(error, (OperationalError, InterfaceError)):
        # what a task wrote stays; it goes on when the database is back, however long that takes
        return Plan(
            "The database did not answer; it is tried again.",
            Next.AGAIN,
            after_seconds=_pause(attempts),
            attempts=max(attempts, min(attempts + 1, FIRST_ATTEMPTS - 1)),  # no reason to ask the other model
        )
    other = second and attempts < FIRST_ATTEMPTS
    hopeless: Plan | None = None
    if (mendable := _mendable(error, model)) is not None:
        hopeless = Plan(f"{mendable}, then try again.", Next.WAIT)
    elif isinstance(error, _REFUSED):
        hopeless = Plan(f"The model’s server refuses the request: {_short(error)}", Next.FAIL)
    elif isinstance(error, DeskError) and not isinstance(error, UnusableAnswer):
        return Plan(error.sentence, Next.FAIL)
    if hopeless is not None:
        return _switch(hopeless.why.rstrip(".")) if other else hopeless
    for types, why in _PASSING:
        if isinstance(error, types):
            return _again(
                why.format(error=_short(error)).rstrip("."), error, attempts, other=other, second=second
            )
    return _unexpected(error, attempts)


def falls_back(version: AgentVersion, journal: Journal, *, attempts: int, now: datetime) -> bool:
    """Whether the fallback model answers the next turn: the first one failed, now or a moment ago."""
    if not version.fallback_model:
        return False
    last = journal.last_turn
    stays = (
        last is not None
        and last.model_name == version.fallback_model
        and version.model != version.fallback_model
        and now - last.recorded_at < STAYS
    )
    return stays != (attempts >= FIRST_ATTEMPTS)


def _mendable(error: Exception, model: str) -> str | None:
    """What people have to mend before any try makes sense, or None."""
    for types, why in _MENDABLE:
        if isinstance(error, types):
            return why.format(model=model or "that is asked for")
    if isinstance(error, openai.RateLimitError) and error.code == "insufficient_quota":
        return "The account at the model’s server has no credit left. Add some"
    if isinstance(error, NoModel):
        return error.sentence
    asked = _asked_seconds(error)
    if asked > LONGEST_ASKED_SECONDS:
        return f"The model’s server asks to be left alone for {round(asked / 60)} minutes. Wait that long"
    return None


class NoModel(DeskError):
    """The model that an agent names cannot be reached from here. The sentence has no full stop."""

    code = "no_model"


def _again(why: str, error: Exception, attempts: int, *, other: bool, second: bool) -> Plan:
    tried = attempts + 1
    if tried >= MAX_ATTEMPTS:
        return Plan(f"{why}, {MAX_ATTEMPTS} times in a row. {AGAIN}", Next.WAIT)
    if other and tried >= FIRST_ATTEMPTS:
        return _switch(why)
    pause = max(_pause(attempts % FIRST_ATTEMPTS if second else attempts), _asked_seconds(error))
    return Plan(f"{why}; it is tried again.", Next.AGAIN, after_seconds=pause, attempts=tried)


def _switch(why: str) -> Plan:
    return Plan(f"{why}; the other model is asked.", Next.AGAIN, attempts=FIRST_ATTEMPTS)


def _unexpected(error: Exception, attempts: int) -> Plan:
    why = (
        "The database refused what was written"
        if isinstance(error, DatabaseError)
        else "Something failed inside; the log has the details"
    )
    if attempts + 1 >= MAX_ATTEMPTS:
        return Plan(
            f"{why}, {MAX_ATTEMPTS} times in a row. Start the task again when that is mended.",
            Next.FAIL,
            unexpected=True,
        )
    return Plan(
        f"{why}; it is tried again.",
        Next.AGAIN,
        after_seconds=_pause(attempts),
        attempts=attempts + 1,
        unexpected=True,
    )


def _pause(attempts: int) -> float:
    return min(LONGEST_SECONDS, 2.0**attempts) * random.uniform(0.8, 1.2)  # noqa: S311 -- jitter, not a secret


def _asked_seconds(error: Exception) -> float:
    """How long the server asks to be left alone: `retry-after-ms`, or Retry-After as seconds or a date (RFC 9110 10.2.3)."""
    if not isinstance(error, openai.APIStatusError):
        return 0
    headers = error.response.headers
    try:
        if "retry-after-ms" in headers:
            return min(max(0.0, float(headers["retry-after-ms"]) / 1000), A_YEAR_SECONDS)
        asked = headers.get("retry-after", "")
        if asked.isascii() and asked.isdigit():
            return min(float(asked), A_YEAR_SECONDS)
        return max(0.0, (parsedate_to_datetime(asked) - datetime.now(UTC)).total_seconds()) if asked else 0
    except (ValueError, TypeError):
        return 0


def _short(error: Exception) -> str:
    return shortened(blotted(" ".join(str(error).split())), 300)
