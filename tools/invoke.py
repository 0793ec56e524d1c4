"""Run one tool call: permission, effect and result in ONE transaction, so that it happens exactly once or not at all."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, DataError, IntegrityError, transaction

from agentdesk.core.errors import DeskError, ToolError
from tasks import transitions
from tools.arguments import Parsed, validated
from tools.calls import close
from tools.models import FINISHED, CallStatus, ToolCall
from tools.registry import find
from tools.spec import Context, ToolSpec

logger = logging.getLogger(__name__)

Authorise = Callable[[Context, ToolSpec[Any], Parsed], None]
"""Raises when the call may not have its effect now. It runs inside the effect's transaction."""


def invoke(call: ToolCall, *, fence: int, authorise: Authorise) -> ToolCall:
    """Run the call unless it has ended already, and return it ended.

    Raises ClaimLost when the worker lost the task, whatever `authorise` raises, and DatabaseError when the database
    is away; in each of these cases nothing happened.
    """
    try:
        return _run(call, fence=fence, authorise=authorise)
    except ToolError as error:
        failure, code = error.sentence, error.code
    except (IntegrityError, DataError) as error:
        logger.warning("The database refused the effect of %s: %s", call.key, error)
        failure, code = (
            "The change would break a rule of the database, so it was not made. Check the facts again.",
            "constraint",
        )
    except (DatabaseError, DeskError):
        raise
    except Exception:
        logger.exception("The tool %s crashed on call %s", call.tool, call.key)
        failure, code = (
            f"{call.tool} failed inside and nothing was changed. Ask a person if you cannot do without it.",
            "tool_crashed",
        )
    return _fail(call, fence=fence, sentence=failure, code=code)


def _run(call: ToolCall, *, fence: int, authorise: Authorise) -> ToolCall:
    with transaction.atomic():
        task = transitions.hold(call.task_id, fence=fence)
        call = ToolCall.objects.get(pk=call.pk)
        call.task = task
        if call.status in FINISHED:
            return call
        spec = find(call.tool)
        if spec is None or call.arguments is None:
            raise ToolError(
                f"The tool {call.tool} is gone. Do without it, or ask a person.", code="unknown_tool"
            )
        parsed = validated(spec, call.arguments)
        if parsed.hash != call.arguments_hash:
            raise ToolError(
                "The stored arguments are not the ones that were proposed, so nothing ran.", code="tampered"
            )
        context = Context(task=task, call=call)
        authorise(context, spec, parsed)
        close(call, CallStatus.DONE, spec.handler(context, parsed.value))
        return call


def _fail(call: ToolCall, *, fence: int, sentence: str, code: str) -> ToolCall:
    with transaction.atomic():
        task = transitions.hold(call.task_id, fence=fence)
        call = ToolCall.objects.get(pk=call.pk)
        call.task = task
        close(call, CallStatus.FAILED, {"error": sentence}, code=code)
        return call
