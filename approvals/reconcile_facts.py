"""Everything known about a call of which nobody knows whether it had its effect."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from agentdesk.core.clock import database_now
from approvals.models import Approval
from tools.models import Attempt, ToolCall
from tools.outside import Asked, asked
from tools.registry import label
from tools.spec import Card, Row, Table

FRESH = timedelta(minutes=5)
"""So long after the last attempt a late request may still arrive."""


def facts_of(approval: Approval) -> Card:
    """The request in words, its key, when it began, and every attempt with what came back; read now."""
    call = approval.tool_call
    attempts = list(call.attempts.select_related("by"))
    return Card(
        headline=approval.title,
        rows=tuple(_rows(call, asked(call), attempts, is_open=approval.is_open)),
        tables=(_table(attempts),),
    )


def _rows(call: ToolCall, known: Asked | None, attempts: list[Attempt], *, is_open: bool) -> Iterator[Row]:
    yield Row("Asked for", label(call.tool, call.arguments))
    yield from _request(call, known)
    yield Row("Key", call.key)
    assert call.started_at is not None
    yield Row("Began", _moment(call.started_at))
    if known is None or not known.can_ask:
        yield Row("Can be asked by key", "No: look it up where it should have happened", warn=True)
    elif known.outside.repeat_within:
        yield Row(
            "The other side knows the key until", _moment(call.started_at + known.outside.repeat_within)
        )
    if not is_open or not attempts:
        return
    ago = database_now() - attempts[-1].at
    if ago < FRESH:
        seconds = int(ago.total_seconds())
        yield Row("Last attempt", f"{seconds} seconds ago: a late request may still arrive", warn=True)


def _request(call: ToolCall, known: Asked | None) -> list[Row]:
    if known is not None:
        try:
            return list(known.outside.about(known.request))
        except (LookupError, TypeError, ValueError):
            pass  # stored by an older version of the tool: shown as it is
    return [Row("Request", json.dumps(call.request, ensure_ascii=False))]


def _table(attempts: list[Attempt]) -> Table:
    return Table(
        "What was tried, and what came back",
        ("When", "What", "What came back", "In words"),
        tuple(
            (
                _moment(attempt.at),
                _what(attempt),
                attempt.get_came_display(),
                attempt.words or "–",
            )
            for attempt in attempts
        ),
    )


def _what(attempt: Attempt) -> str:
    who = "" if attempt.by is None else f", by {attempt.by.get_full_name() or attempt.by.get_username()}"
    return f"{attempt.get_kind_display()}{who}"


def _moment(at: datetime) -> str:
    return f"{at:%-d %b %Y, %H:%M:%S} UTC"
