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
from tools.models import FINISHED, OUTSIDE, CallStatus, Effect, ToolCall
from tools.outside import begin
from tools.registry import find
from tools.spec import Context, ToolSpec

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
            spec, parsed = _stored(call, spec)
            context = Context(task=call.task, call=call)
            refuse_if_braked(context, spec)
            authorise(context, spec, parsed)
            if spec.acts_outside:
                begin(context, spec, parsed)
            elif not close(call, CallStatus.DONE, spec.handler(context, parsed.value)):
                raise _EndedMeanwhile
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


def _against_a_rule(call: ToolCall, error: Exception) -> _Failed:
    logger.warning("The database refused the effect of %s: %s", call.key, error)
    return _Failed(
        "The change would break a rule of the database, so it was not made. Check the facts again.",
        "constraint",
    )
