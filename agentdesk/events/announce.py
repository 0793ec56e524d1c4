"""Tell whoever watches that a task moved. The wire carries ids and numbers; content always comes from the database."""

from __future__ import annotations

import asyncio
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from agentdesk.events import wire
from agentdesk.events.channel_layer import DatabaseChannelLayer
from agentdesk.events.models import Stream
from agentdesk.events.wire import prune

__all__ = ["EVERYTHING", "announce", "prune", "send", "task_group"]

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
        wire.put(message, *groups)
        return

    async def send_all() -> None:
        await asyncio.gather(*(layer.group_send(group, message) for group in groups))

    def send_now() -> None:
        async_to_sync(send_all)()

    # robust: the change is committed; without the layer the pages hear of it at their next look, within seconds
    transaction.on_commit(send_now, robust=True)
