"""Run tool calls: permission, effect and result in ONE transaction, so that each happens exactly once or not at all.

A call that acts outside begins in that transaction, with its request stored, and is carried out after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, transaction

from agentdesk.core.errors import DeskError, ToolError
from agentdesk.events.record import gathered
from tasks import transitions
from tasks.models import Task
from tools.arguments import Parsed, validated
from tools.braking import refuse_if_braked
from tools.calls import close, refresh
from tools.deadline import TooSlow, within
from tools.models import FINISHED, OUTSIDE, CallStatus, Effect, ToolCall
from tools.outside import begin
from tools.registry import find
from tools.spec import Context, ToolSpec
from tools.stuck import too_slow

logger = logging.getLogger(__name__)

Authorise = Callable[[Context, ToolSpec[Any], Parsed], None]
"""Raises when the call may not have its effect now. It runs inside the effect's transaction."""

_CLOSED_BY = ("status", "result", "output", "error_code")


def invoke(task: Task, calls: Sequence[ToolCall], *, authorise: Authorise) -> None:
    """Run the calls of a claimed task in their order, in one transaction, each unless it has ended already.

    Afterwards they are as the database has them; one that acts outside is `executing` then. What one call cannot do is told to the model and leaves the others
    alone. Raises ClaimLost when the worker lost the task, Braked, whatever `authorise` raises, and DatabaseError when the database
    is away; in each of these cases nothing happened.
    """
    before = [{name: getattr(call, name) for name in _CLOSED_BY} for call in calls]
    try:
        with transaction.atomic():
            transitions.confirm(task)
            with gathered(task) as told:
                for call in calls:
                    call.task = task
                    mark = len(told.facts)
                    try:
                        _run(call, authorise)
                    except _Failed as failed:
                        del told.facts[mark:]
                        close(call, CallStatus.FAILED, {"error": failed.sentence}, code=failed.code)
    except BaseException as error:
        for call, was in zip(calls, before, strict=True):
            vars(call).update(was)
        if isinstance(error, _CutOff):
            _close_cut_off(task, calls, error, authorise=authorise)
            return
        if not isinstance(error, IntegrityError | DataError):
            raise
        _refused_at_commit(task, calls, error, authorise=authorise)


class _Failed(Exception):
    """A call that failed by itself, with nothing changed."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.sentence, self.code = sentence, code


def _run(call: ToolCall, authorise: Authorise) -> None:
    """Raises _Failed with the call's own changes rolled back, and what ends the whole step."""
    spec = find(call.tool)
    if spec is None or spec.people_decide:
        refresh(call, call.task)
    if call.status in (*FINISHED, *OUTSIDE):
        return
    try:
        with _undoable(call):
            _act(call, spec, authorise)
    except TooSlow as error:
        raise _CutOff(call, error.seconds) from None
    except _EndedMeanwhile:
        return
    except ToolError as error:
        raise _Failed(error.sentence, error.code) from None
    except (IntegrityError, DataError) as error:
        raise _against_a_rule(call, error) from None
    except (DatabaseError, DeskError):
        raise
    except Exception:
        logger.exception("The tool %s crashed on call %s", call.tool, call.key)
        raise _Failed(
            f"{call.tool} failed inside and nothing was changed. Ask a person if you cannot do without it.",
            "tool_crashed",
        ) from None


class _CutOff(Exception):
    """A call's handler was cut at its deadline; the whole transaction has to go, because its connection was interrupted."""

    def __init__(self, call: ToolCall, seconds: float) -> None:
        super().__init__(call.key)
        self.call, self.seconds = call, seconds


def _act(call: ToolCall, found: ToolSpec[Any] | None, authorise: Authorise) -> None:
    spec, parsed = _stored(call, found)
    context = Context(task=call.task, call=call)
    refuse_if_braked(context, spec)
    authorise(context, spec, parsed)
    if spec.acts_outside:
        begin(context, spec, parsed)
        return
    result = within(spec.deadline_seconds, call.pk, spec.handler, context, parsed.value)
    if not close(call, CallStatus.DONE, result):
        raise _EndedMeanwhile


class _EndedMeanwhile(Exception):
    """Somebody ended the call first; what its handler did is rolled back."""


def _undoable(call: ToolCall) -> AbstractContextManager[Any]:
    """A savepoint around what changes something; a read that the database refuses on PostgreSQL needs one as well."""
    on_sqlite = transaction.get_connection().vendor == "sqlite"
    return nullcontext() if on_sqlite and call.effect == Effect.READ else transaction.atomic()


def _stored(call: ToolCall, spec: ToolSpec[Any] | None) -> tuple[ToolSpec[Any], Parsed]:
    if spec is None or call.arguments is None:
        raise ToolError(f"The tool {call.tool} is gone. Do without it, or ask a person.", code="unknown_tool")
    if call.parsed is not None and not spec.people_decide:
        return spec, call.parsed  # nobody else saw the arguments since they were parsed
    parsed = validated(spec, call.arguments)
    if parsed.hash != call.arguments_hash:
        raise ToolError(
            "The stored arguments are not the ones that were proposed, so nothing ran.", code="tampered"
        )
    return spec, parsed


def _refused_at_commit(
    task: Task, calls: Sequence[ToolCall], error: Exception, *, authorise: Authorise
) -> None:
    """A deferred constraint speaks at the commit and names no call: run them one by one to find it."""
    if len(calls) > 1:
        for call in calls:
            invoke(task, [call], authorise=authorise)
        return
    (call,) = calls
    failed = _against_a_rule(call, error)
    with transaction.atomic():
        transitions.confirm(task)
        close(call, CallStatus.FAILED, {"error": failed.sentence}, code=failed.code)


def _close_cut_off(task: Task, calls: Sequence[ToolCall], cut: _CutOff, *, authorise: Authorise) -> None:
    """Close the call that took too long, then run the others again."""
    logger.warning(
        "%s took longer than %s s on call %s and was cut", cut.call.tool, cut.seconds, cut.call.key
    )
    with transaction.atomic():
        transitions.confirm(task)
        close(cut.call, CallStatus.FAILED, {"error": too_slow(cut.call.tool, cut.seconds)}, code="too_slow")
    if others := [call for call in calls if call is not cut.call]:
        invoke(task, others, authorise=authorise)


def _against_a_rule(call: ToolCall, error: Exception) -> _Failed:
    logger.warning("The database refused the effect of %s: %s", call.key, error)
    return _Failed(
        "The change would break a rule of the database, so it was not made. Check the facts again.",
        "constraint",
    )
