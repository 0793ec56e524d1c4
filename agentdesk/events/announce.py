"""Tell whoever watches that a task moved. The wire carries ids and numbers; content always comes from the database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.db import transaction

from agentdesk.events import wire
from agentdesk.events.channel_layer import DatabaseChannelLayer
from agentdesk.events.models import Stream
from agentdesk.events.wire import Mail, prune

__all__ = ["EVERYTHING", "announce", "prune", "send_all", "task_group"]

EVERYTHING = "tasks"
"""The group of pages that show many tasks."""


def task_group(public_id: str) -> str:
    return f"task.{public_id}"


def announce(tasks: Sequence[Stream]) -> None:
    """Say "task T is at event N" to each task's own watchers and to everyone's, when this transaction commits."""
    public_ids: list[str] = [task.public_id for task in tasks]  # type: ignore[attr-defined]
    send_all(
        ((EVERYTHING, task_group(public_id)), {"type": "task.at", "task": public_id, "at": task.last_event})
        for public_id, task in zip(public_ids, tasks, strict=True)
    )


def send_all(mail: Iterable[Mail]) -> None:
    """Send small messages, each to its groups. With the database layer they are rows of this very transaction."""
    mail = list(mail)
    layer = get_channel_layer()
    if layer is None or not mail:
        return
    if isinstance(layer, DatabaseChannelLayer):
        wire.put(mail)
        return

    async def send_each() -> None:
        await asyncio.gather(
            *(layer.group_send(group, message) for groups, message in mail for group in groups)
        )

    def send_now() -> None:
        async_to_sync(send_each)()

    # robust: the change is committed; without the layer the pages hear of it at their next look, within seconds
    transaction.on_commit(send_now, robust=True)
