"""Calls that still act outside although their task has ended: what became of them is found out all the same."""

from __future__ import annotations

from datetime import timedelta

from asgiref.sync import sync_to_async
from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Coalesce, Greatest

from agentdesk.core.clock import from_now
from tasks import transitions
from tasks.models import TERMINAL
from tools.carry import GONE, listened, start
from tools.models import AttemptKind, CallStatus, ToolCall
from tools.outcomes import Found, Happened, Refused
from tools.outside import Asked, Doubt, NotBooked, asked, doubt, in_brief, note, settle, settle_not

SLACK_SECONDS = 10
"""Beyond an attempt's deadline: its worker may have paused before it."""
NOT_TOLD = "Its task ended while it acted, and nobody heard what became of it."


async def settle_abandoned(*, ask_people: Doubt, limit: int = 20) -> int:
    """Find out about up to `limit` abandoned calls, and return how many are settled or asked about now.

    Nothing is repeated for a task that has ended. While an attempt may still be under way only its success counts.
    Safe to run anywhere, at any time, several times at once.
    """
    settled = 0
    for call in await sync_to_async(_abandoned)(limit):
        known = asked(call)
        found: Found = None
        if known is not None and known.can_ask:
            found = await listened(known, start(known, AttemptKind.ASK))
        settled += await sync_to_async(_conclude)(call, known, found, ask_people=ask_people)
    return settled


def _abandoned(limit: int) -> list[ToolCall]:
    return list(
        ToolCall.objects.filter(status=CallStatus.EXECUTING, task__status__in=TERMINAL).order_by(
            "started_at"
        )[:limit]
    )


def _conclude(call: ToolCall, known: Asked | None, found: Found, *, ask_people: Doubt) -> bool:
    with transaction.atomic():
        task = transitions.lock(call.task_id)
        call.refresh_from_db()
        call.task = task
        if call.status != CallStatus.EXECUTING:
            return False  # somebody else was first
        over = _surely_over(call, known)
        if known is None:
            if over:
                doubt(call, task, GONE, ask_people=ask_people)
            return over
        came, words = in_brief(found)
        told = f"{came.label}. {words}".strip() if known.can_ask else NOT_TOLD
        try:
            if isinstance(found, Happened):
                note(call, AttemptKind.ASK, came, words)
                settle(known, task, found)
                return True
            if not over:
                return False
            if known.can_ask:
                note(call, AttemptKind.ASK, came, words)
            if isinstance(found, Refused):
                settle_not(known, task, found.sentence, code=found.code)
                return True
        except NotBooked as error:
            told = f"{told} {error.sentence}"
        doubt(call, task, told, ask_people=ask_people)
        return True


def _surely_over(call: ToolCall, known: Asked | None) -> bool:
    """Whether the last attempt's time has passed, by the database's clock."""
    seconds = SLACK_SECONDS + (known.outside.deadline_seconds if known is not None else 60)
    last = Coalesce(Greatest("started_at", Max("attempts__at")), "started_at")
    return (
        ToolCall.objects.filter(pk=call.pk)
        .annotate(last=last)
        .filter(last__lt=from_now(-timedelta(seconds=seconds)))
        .exists()
    )
