"""A call that acts outside: the intent is committed, then it acts, then the outcome is committed.

Whoever finds it `executing` after a crash asks by its key; where that gives no answer, a person has to find out:

    begin ─▶ executing ── happened ─▶ done
                  ├─ certainly not ─▶ failed
                  └─ nobody knows ──▶ unknown ── a person, or the provider asked by one ─▶ done, failed

The functions here change rows and must run in a transaction that holds the task's row; `tools.carry` calls them in order.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Max
from django.db.models.functions import Now

from agentdesk.core.clock import from_now
from agentdesk.core.errors import DeskError
from agentdesk.core.logs import blotted
from agentdesk.core.text import shortened, storable
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from tasks.models import Task
from tools.arguments import Parsed, validated
from tools.calls import close
from tools.models import OUTSIDE, UNFINISHED, Attempt, AttemptKind, CallStatus, Came, ToolCall
from tools.outcomes import Found, Happened, Refused, Unclear
from tools.registry import find as find_tool
from tools.registry import label
from tools.spec import Arguments, Context, Outside, ToolSpec

logger = logging.getLogger(__name__)


class InDoubt(DeskError):
    """Nobody knows whether a call had its effect; a person finds out, and the task waits for that."""

    code = "in_doubt"


class NotBooked(DeskError):
    """What is known to have happened, or not, could not be written into this desk's own books."""

    code = "not_booked"
    http_status = 409


Doubt = Callable[[Context, str], None]
"""Asks people what became of the call, and says why; runs inside the transaction in which it becomes unknown."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call that acts outside, as its tool understands it now."""

    call: ToolCall
    spec: ToolSpec[Any]
    outside: Outside[Any]
    value: Arguments

    @property
    def request(self) -> dict[str, Any]:
        request: dict[str, Any] = self.call.request or {}
        return request

    @property
    def can_ask(self) -> bool:
        return self.outside.find is not None


def asked(call: ToolCall) -> Asked | None:
    """None where the tool is gone, acts outside no more, or takes other arguments now: only people can tell then."""
    spec = find_tool(call.tool)
    if spec is None or spec.outside is None or call.arguments is None:
        return None
    try:
        return Asked(call, spec, spec.outside, validated(spec, call.arguments).value)
    except DeskError:
        return None


def begin(context: Context, spec: ToolSpec[Any], parsed: Parsed) -> None:
    """Commit to acting: reserve, and store the request that is going to be sent. Raises ToolError."""
    assert spec.outside is not None
    call = context.call
    call.effect = spec.effect
    if spec.sensitive is not None:  # before the intent, which may use up what these are worked out from
        amount = spec.sensitive.amount(context, parsed.value)
        call.amount_minor, call.currency = amount.minor, amount.currency
        call.subject = spec.sensitive.subject(context, parsed.value)
    call.request = spec.outside.intend(context, parsed.value)
    moved = ToolCall.objects.filter(pk=call.pk, status__in=UNFINISHED).update(
        status=CallStatus.EXECUTING,
        request=call.request,
        effect=call.effect,
        amount_minor=call.amount_minor,
        currency=call.currency,
        subject=call.subject,
        started_at=Now(),
    )
    assert moved, "whoever holds the task begins its calls"
    call.status = CallStatus.EXECUTING
    record(context.task, Fact(Kind.CALL_STARTED, _about(call)))


def note(call: ToolCall, kind: AttemptKind, came: Came, words: str = "", *, by: User | None = None) -> None:
    """Keep what one exchange with the outside brought."""
    last = Attempt.objects.filter(tool_call=call).aggregate(last=Max("number"))["last"] or 0
    Attempt.objects.create(
        tool_call=call,
        number=last + 1,
        kind=kind,
        came=came,
        words=shortened(storable(blotted(words)), 400),
        by=by,
        at=Now(),
    )


def in_brief(found: Found) -> tuple[Came, str]:
    """What an answer amounts to, and its words."""
    match found:
        case None:
            return Came.ABSENT, ""
        case Happened(reference=reference):
            return Came.HAPPENED, reference
        case Refused(sentence=sentence):
            return Came.REFUSED, sentence
        case Unclear(why=why, began=began):
            return (Came.UNCLEAR if began else Came.NOT_TAKEN), why


def key_is_kept(call: ToolCall, outside: Outside[Any]) -> bool:
    """Whether the other side surely still knows the call's key, so that repeating is safe; by the database's clock."""
    return ToolCall.objects.filter(pk=call.pk, started_at__gt=from_now(-outside.repeat_within)).exists()


def settle(asked: Asked, task: Task, happened: Happened, *, told: dict[str, Any] | None = None) -> None:
    """It happened: book it and end the call as done; `told` adds to what the model reads. Raises NotBooked."""
    context = Context(task=task, call=asked.call)
    with _booking(asked.call):
        result = asked.outside.settle(context, asked.value, asked.request, happened)
        close(asked.call, CallStatus.DONE, {**result, **(told or {})}, among=OUTSIDE)


def settle_not(asked: Asked, task: Task, sentence: str, *, code: str) -> None:
    """It certainly did not happen: release what was reserved and end the call as failed. Raises NotBooked."""
    context = Context(task=task, call=asked.call)
    with _booking(asked.call):
        asked.outside.undo(context, asked.value, asked.request)
        close(asked.call, CallStatus.FAILED, {"error": sentence}, code=code, among=OUTSIDE)


@contextmanager
def _booking(call: ToolCall) -> Iterator[None]:
    """A savepoint: a tool that fails while booking changes nothing, and the call stays open for people."""
    try:
        with transaction.atomic():
            yield
    except (OperationalError, InterfaceError):
        raise  # the database is away: everything is undone and done again
    except Exception as error:
        logger.exception("The outcome of %s could not be booked", call.key)
        call.refresh_from_db()
        sentence = error.sentence if isinstance(error, DeskError) else type(error).__name__
        raise NotBooked(f"It could not be booked here: {sentence}") from error


def doubt(call: ToolCall, task: Task, why: str, *, ask_people: Doubt) -> None:
    """Nobody knows: say so on the call, and ask people, at once."""
    moved = ToolCall.objects.filter(pk=call.pk, status=CallStatus.EXECUTING).update(status=CallStatus.UNKNOWN)
    if not moved:
        return
    call.status = CallStatus.UNKNOWN
    record(task, Fact(Kind.CALL_UNKNOWN, {**_about(call), "why": shortened(blotted(why), 300)}))
    ask_people(Context(task=task, call=call), why)


def _about(call: ToolCall) -> dict[str, Any]:
    return {"call": call.key, "tool": call.tool, "label": label(call.tool, call.arguments)}
