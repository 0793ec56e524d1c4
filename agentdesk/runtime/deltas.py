"""Text as it streams, sent to watching pages a few times a second and never stored."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict

from asgiref.sync import sync_to_async
from django.db import DatabaseError, transaction

from agentdesk.events.announce import send_all, task_group

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.15


class Deltas:
    """Collects pieces of text of all running tasks and sends them together, in one transaction."""

    def __init__(self) -> None:
        self._pending: dict[tuple[str, int], list[str]] = defaultdict(list)

    def add(self, public_id: str, turn: int, text: str) -> None:
        self._pending[public_id, turn].append(text)

    async def flush_forever(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            if not self._pending:
                continue
            pending, self._pending = self._pending, defaultdict(list)
            try:
                await sync_to_async(_send)({key: "".join(pieces) for key, pieces in pending.items()})
            except DatabaseError:
                logger.warning("Streamed text could not be sent; pages show it when the turn is complete.")


def _send(texts: dict[tuple[str, int], str]) -> None:
    with transaction.atomic():
        send_all(
            ((task_group(public_id),), {"type": "task.delta", "task": public_id, "turn": turn, "text": text})
            for (public_id, turn), text in texts.items()
        )
