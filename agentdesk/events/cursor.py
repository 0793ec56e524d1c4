"""A place in the events of all tasks, as opaque text: for lists and streams that follow everything."""

from __future__ import annotations

import re

from django.db.models import Q

from agentdesk.core.errors import Invalid
from agentdesk.events.models import Event

_CURSOR = re.compile(r"(\d{1,18})-(\d{1,18})")
START = "0-0"


def of(event: Event) -> str:
    return f"{event.transaction}-{event.pk}"


def newest() -> str:
    """Where the events end now; `START` when there is none. One indexed look-up."""
    last = Event.objects.settled().values_list("transaction", "id").last()
    return f"{last[0]}-{last[1]}" if last else START


def checked(text: str) -> str:
    """Raises Invalid unless `text` is a cursor that this desk gave out."""
    if not _CURSOR.fullmatch(text):
        raise Invalid(
            "This is not the id of an event. Send an id that the stream gave you.",
            fields={"last_event_id": "unknown"},
        )
    return text


def after(cursor: str, limit: int) -> list[Event]:
    """At most `limit` events behind the cursor, in an order in which none is added before one given out; with task and person."""
    transaction, event_id = (int(part) for part in cursor.split("-"))
    behind = Q(transaction=transaction, id__gt=event_id) | Q(transaction__gt=transaction)
    return list(Event.objects.settled().filter(behind).select_related("task", "by")[:limit])
