"""Carry out a call that has begun to act outside: from its first attempt to its outcome, under one claim.

What to do after each answer is decided by `after`, a function of values. Each answer is kept in a transaction of its own
that confirms the claim, so that nobody repeats anything who has lost it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial

from asgiref.sync import sync_to_async
from django.db import transaction

from agentdesk.brakes.pulled import Braked
from tasks import transitions
from tasks.models import Task, WaitingFor
from tools import apart
from tools.braking import refuse_if_braked
from tools.models import AttemptKind, CallStatus, Came, ToolCall
from tools.outcomes import Found, Happened, Refused, Unclear
from tools.outside import (
    Asked,
    Doubt,
    InDoubt,
    NotBooked,
    asked,
    doubt,
    in_brief,
    key_is_kept,
    note,
    settle,
    settle_not,
)
from tools.spec import Context

logger = logging.getLogger(__name__)

MAX_ACTS = 4
MAX_ASKS = 5
PAUSES_SECONDS = (0.5, 2.0, 8.0)
LAST_SECONDS = 3.0
"""How long a run that is told to stop still listens for the answer that is on its way."""
GONE = "The tool is gone or takes other arguments now, so nobody here can ask what became of the call."
IN_DOUBT = "Nobody knows whether {tool} had its effect; a person finds out."


class Step(Enum):
    ACT = auto()
    ASK = auto()
    SETTLE = auto()
    FAIL = auto()
    DOUBT = auto()


@dataclass(slots=True)
class Progress:
    """What one worker knows about a call that acts outside."""

    can_ask: bool
    unsure: bool
    """Something may have happened already."""
    acts: int = 0
    asks: int = 0
    setbacks: int = 0
    refusal: Refused | None = None
    """Said to an attempt after one that nobody knows about; it counts only when nothing is found."""


def after(progress: Progress, kind: AttemptKind, found: Found, *, key_kept: Callable[[], bool]) -> Step:
    """What follows an answer. Nothing is repeated but under a key that the other side surely still knows."""
    acting = kind == AttemptKind.ACT
    progress.acts += acting
    progress.asks += not acting
    match found:
        case Happened():
            return Step.SETTLE
        case Refused():
            progress.refusal = found
            return Step.ASK if acting and progress.unsure and progress.can_ask else Step.FAIL
        case None:
            if progress.refusal is not None:
                return Step.FAIL
            return Step.ACT if progress.acts < MAX_ACTS and key_kept() else Step.DOUBT
        case Unclear(began=began):
            progress.setbacks += 1
            progress.unsure = progress.unsure or began
            if progress.unsure:
                return Step.ASK if progress.can_ask and progress.asks < MAX_ASKS else Step.DOUBT
            return Step.ACT if progress.acts < MAX_ACTS else Step.FAIL


async def carry_out(task: Task, call: ToolCall, *, found: bool, ask_people: Doubt) -> None:
    """Bring a call that is `executing` to its end; afterwards it is as the database has it.

    A brake pulled meanwhile stops whatever would act again. `found` says that it was `executing` already when this worker came: then it may have happened, and is asked about
    before anything is repeated. Raises InDoubt when people have been asked (the task waits by then), Braked, ClaimLost, and
    DatabaseError when the database is away; the next worker finds the call and goes on.
    """
    known = asked(call)
    if found or known is None:
        await sync_to_async(_take_over)(task, call, known, ask_people=ask_people)
    if known is None or call.status != CallStatus.EXECUTING:
        return
    progress = Progress(can_ask=known.can_ask, unsure=found)
    step = Step.ASK if found else Step.ACT
    while step in {Step.ACT, Step.ASK}:
        if progress.setbacks:
            await asyncio.sleep(PAUSES_SECONDS[min(progress.setbacks, len(PAUSES_SECONDS)) - 1])
        kind = AttemptKind.ACT if step is Step.ACT else AttemptKind.ASK
        conclude = partial(_conclude, task, known, progress, kind, ask_people=ask_people)
        answer = start(known, kind)
        try:
            answered = await listened(known, answer)
        except asyncio.CancelledError:
            await _last_words(known, answer, conclude)
            raise
        step = await sync_to_async(conclude)(answered)


def start(known: Asked, kind: AttemptKind) -> Future[Found]:
    """One exchange with the outside, in a thread of its own."""
    act, ask = known.outside.perform, known.outside.find
    function: Callable[[str, dict[str, object]], Found] | None = act if kind == AttemptKind.ACT else ask
    assert function is not None
    return apart.start(partial(function, known.call.key, known.request), name=f"outside {known.call.key}")


async def listened(known: Asked, answer: Future[Found]) -> Found:
    """What an exchange brought; what it raises, and silence, is "nobody knows"."""
    seconds = known.outside.deadline_seconds
    try:
        return await asyncio.wait_for(asyncio.wrap_future(answer), seconds)
    except TimeoutError:
        return Unclear(f"No answer within {seconds:g} seconds.")
    except Exception as error:
        logger.exception("%s broke off outside on call %s", known.call.tool, known.call.key)
        return Unclear(f"It broke off with {type(error).__name__}: {error}")


async def _last_words(known: Asked, answer: Future[Found], conclude: Callable[[Found], Step]) -> None:
    """Keep what still comes in while the run is being stopped, so that nobody has to find it out."""
    try:
        last = await asyncio.wait_for(asyncio.wrap_future(answer), LAST_SECONDS)
        await sync_to_async(conclude)(last)
    except Exception as error:  # noqa: BLE001 -- the next worker asks by the key
        logger.info("What became of %s is left to the next worker: %r", known.call.key, error)


def _take_over(task: Task, call: ToolCall, known: Asked | None, *, ask_people: Doubt) -> None:
    """Somebody else began this call, and nobody heard the answer. Raises InDoubt where only people can tell."""
    with transaction.atomic():
        transitions.confirm(task)
        call.refresh_from_db()
        call.task = task
        if call.status == CallStatus.EXECUTING:
            note(call, AttemptKind.ACT, Came.LOST)
            if known is None or not known.can_ask:
                why = GONE if known is None else "The worker was lost before it heard the answer."
                doubt(call, task, why, ask_people=ask_people)
        if call.status == CallStatus.UNKNOWN:
            transitions.wait(task, waiting_for=WaitingFor.RECONCILIATION)
    if call.status == CallStatus.UNKNOWN:
        raise InDoubt(IN_DOUBT.format(tool=call.tool))


def _conclude(
    task: Task, known: Asked, progress: Progress, kind: AttemptKind, found: Found, *, ask_people: Doubt
) -> Step:
    """Keep one answer, and what follows from it. Raises InDoubt when that is asking people, Braked when it is acting again."""
    call, braked = known.call, None
    with transaction.atomic():
        transitions.confirm(task)
        came, words = in_brief(found)
        note(call, kind, came, words)
        step = after(progress, kind, found, key_kept=lambda: key_is_kept(call, known.outside))
        why = f"{came.label}. {words}".strip()
        try:
            if isinstance(found, Happened):
                settle(known, task, found)
            elif step is Step.FAIL:
                refusal = progress.refusal or _not_taken(call, words)
                settle_not(known, task, refusal.sentence, code=refusal.code)
        except NotBooked as error:
            step, why = Step.DOUBT, f"{why} {error.sentence}"
        if step is Step.DOUBT:
            doubt(call, task, why, ask_people=ask_people)
            transitions.wait(task, waiting_for=WaitingFor.RECONCILIATION)
        if step is Step.ACT:
            try:
                refuse_if_braked(Context(task=task, call=call), known.spec)
            except Braked as error:
                braked = error
    if braked is not None:  # after the commit: what was just heard stays
        raise braked
    if step is Step.DOUBT:
        raise InDoubt(IN_DOUBT.format(tool=call.tool))
    return step


def _not_taken(call: ToolCall, words: str) -> Refused:
    return Refused(
        f"{call.tool} was turned away {MAX_ACTS} times and nothing happened: {words} Try again later, or ask a person.",
        code="not_taken",
    )
