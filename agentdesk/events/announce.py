"""Tell whoever watches that a task moved. The wire carries ids and numbers; content always comes from the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from agentdesk.core.clock import database_now
from agentdesk.events.channel_layer import DatabaseChannelLayer
from agentdesk.events.models import Signal, Stream

EVERYTHING = "tasks"
"""The group of pages that show many tasks."""


def task_group(public_id: str) -> str:
    return f"task.{public_id}"


def announce(task: Stream, number: int) -> None:
    """Say "task T is at event `number`" to the task's own watchers and to everyone's, when this transaction commits."""
    public_id: str = task.public_id  # type: ignore[attr-defined]
    send({"type": "task.at", "task": public_id, "at": number}, EVERYTHING, task_group(public_id))


def send(message: dict[str, Any], *groups: str) -> None:
    """Send one small message to groups. With the database layer it is a row of this very transaction."""
    layer = get_channel_layer()
    if layer is None:
        return
    if isinstance(layer, DatabaseChannelLayer):
        now = database_now()
        Signal.objects.bulk_create(Signal(group=group, payload=message, at=now) for group in groups)
        return
    for group in groups:
        transaction.on_commit(lambda group=group: async_to_sync(layer.group_send)(group, message))  # type: ignore[misc]


def prune(*, older_than: timedelta = timedelta(minutes=1)) -> int:
    """Delete delivered signals; return how many."""
    deleted, _ = Signal.objects.filter(at__lt=database_now() - older_than).delete()
    return deleted
