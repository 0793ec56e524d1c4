"""The brakes on taking up tasks, as one driver knows them: running tasks come to rest before their next turn."""

from __future__ import annotations

import time

from asgiref.sync import sync_to_async

from agentdesk.brakes.models import Brake, Depth
from agentdesk.brakes.pulled import pulled, taking_stopped
from agentdesk.core.errors import DeskError

SECONDS = 1.0
"""How old the driver's knowledge may be: one query a second, however many tasks it drives."""


class HandBack(DeskError):
    """A brake or the end of the worker keeps this task from its next turn: it goes back to the queue."""

    code = "handed_back"


class TakeBrakes:
    def __init__(self) -> None:
        self._brakes: list[Brake] = []
        self._read_at = float("-inf")

    async def check(self, agent_id: int) -> None:
        """Raises HandBack while a brake stops the tasks of this agent."""
        if time.monotonic() - self._read_at >= SECONDS:
            self._read_at = (
                time.monotonic()
            )  # before the query: tasks that ask meanwhile need not ask as well
            self._brakes = await sync_to_async(pulled)(Depth.TAKE)
        brake = taking_stopped(self._brakes, agent_id=agent_id)
        if brake is not None:
            raise HandBack(brake.in_words)
