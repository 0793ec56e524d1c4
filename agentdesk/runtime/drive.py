"""One worker process, one event loop, many tasks: claim, run side by side, renew the claims, sweep up."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError, connection

from agentdesk.events.announce import prune
from agentdesk.events.listen import listening
from agentdesk.runtime import life, stop
from agentdesk.runtime.braking import TakeBrakes
from agentdesk.runtime.deltas import Deltas
from agentdesk.runtime.run import Run
from agentdesk.runtime.thinking import Thinkers
from approvals.expire import expire_due
from approvals.reconcile import ask_people
from tasks import queue, transitions
from tasks.models import Task, TaskStatus
from tasks.park import resume_due
from tools.abandoned import settle_abandoned
from tools.messages import deliver
from tools.models import CallStatus, ToolCall

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
"""How often it looks for work that nobody told it of: a task whose time has come, a claim that was lost."""
SWEEP_SECONDS = 5.0
POST_SECONDS = 1.0
HEAR_SECONDS, RETRY_HEARING_SECONDS = 60.0, 5.0
DRIVE_SECONDS = 240.0
"""How long it takes on work. An idle driver stays, so that a decision finds it warm."""
HAND_OVER_SECONDS = 270.0
"""Before django-q2's timeout of 300 s, which would kill the process."""


class Driver:
    """Drives up to `capacity` tasks (or just the one with the id `only`) until there is nothing to do, it is told to
    stop, or its time is up.
    """

    def __init__(
        self,
        *,
        thinkers: Thinkers | None = None,
        capacity: int | None = None,
        drive_seconds: float = DRIVE_SECONDS,
        linger_seconds: float = DRIVE_SECONDS,
        only: int | None = None,
    ) -> None:
        self.thinkers = thinkers or Thinkers()
        self.linger_seconds = linger_seconds
        self.only = only
        self.holder = f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.capacity = capacity or settings.WORKER_TASKS_IN_FLIGHT
        self.deadline = time.monotonic() + drive_seconds
        self.hand_over = time.monotonic() + max(drive_seconds, HAND_OVER_SECONDS)
        self.running: dict[int, asyncio.Task[None]] = {}
        self.woken = asyncio.Event()
        self.deltas = Deltas()
        self.brakes = TakeBrakes()

    async def drive(self) -> None:
        background = [
            asyncio.create_task(life.turn_forever(lambda: len(self.running))),
            asyncio.create_task(life.ask_database_thread_forever()),
            asyncio.create_task(self.deltas.flush_forever()),
            asyncio.create_task(_every(transitions.HEARTBEAT_SECONDS, self._beat)),
            asyncio.create_task(_every(SWEEP_SECONDS, self._sweep)),
            asyncio.create_task(_every(POST_SECONDS, self._post)),
            asyncio.create_task(_every(SWEEP_SECONDS, partial(settle_abandoned, ask_people=ask_people))),
        ]
        if self.linger_seconds:
            background.append(asyncio.create_task(self._hear()))
        try:
            async with self.thinkers:
                await self._drive()
                await self._hand_over()
        finally:
            for job in background:
                job.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await sync_to_async(_close)()

    async def _drive(self) -> None:
        idle_since = time.monotonic()
        while not self._told_to_end():
            try:
                if len(self.running) < self.capacity:
                    limit = self.capacity - len(self.running)
                    for task in await sync_to_async(transitions.claim)(
                        holder=self.holder, limit=limit, only=self.only
                    ):
                        self._start(task)
                if self.running or (self.only is None and await sync_to_async(_somebody_works)()):
                    idle_since = time.monotonic()
            except DatabaseError:
                logger.exception("The database does not answer; trying again in a second.")
                await sync_to_async(_drop_dead_connection)()
                await asyncio.sleep(1)
            if time.monotonic() - idle_since > self.linger_seconds:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.woken.wait(), LOOK_SECONDS)
            self.woken.clear()

    async def _hear(self) -> None:
        """Look at once when somebody says that there is work. Without the layer of channels, the regular look finds it."""
        while True:
            try:
                async with listening(queue.WORK) as wakeups:
                    while True:
                        if await wakeups.wait(HEAR_SECONDS):
                            self.woken.set()
            except Exception:
                logger.exception(
                    "A worker does not hear of new work at once; it looks several times a second."
                )
                await asyncio.sleep(RETRY_HEARING_SECONDS)

    def _told_to_end(self) -> bool:
        return stop.requested() or time.monotonic() > self.deadline

    def _start(self, task: Task) -> None:
        job = asyncio.create_task(Run(task, self.thinkers, self.deltas, self.brakes).advance())
        self.running[task.pk] = job
        job.add_done_callback(lambda _, pk=task.pk: self._ended(pk))  # type: ignore[misc]

    def _ended(self, pk: int) -> None:
        self.running.pop(pk, None)
        self.woken.set()  # there is room for another one

    async def _beat(self) -> None:
        """Renew the claims and stop what was lost. Nothing else runs in this loop: a late beat costs every claim."""
        working = dict(self.running)
        held = await sync_to_async(transitions.renew)(holder=self.holder, worked_on=working)
        for pk, job in working.items():
            if pk not in held:
                job.cancel()

    async def _sweep(self) -> None:
        """Expire what nobody answered, send on what waited for a new day, prune old signals."""
        await sync_to_async(expire_due)()
        await sync_to_async(resume_due)()
        await sync_to_async(prune)()

    async def _post(self) -> None:
        """Send messages from a thread of their own: a slow mail server must hold up neither tasks nor beats.

        What is written about them is written in the database thread, so that the two never wait for each other's locks.
        """
        for pk in await sync_to_async(deliver.waiting)():
            message = await sync_to_async(deliver.take)(pk)
            if message is not None:
                outcome = await asyncio.to_thread(deliver.send, message)
                await sync_to_async(deliver.note)(message, outcome)

    async def _hand_over(self) -> None:
        """Let running tasks come to a rest while there is time, then give the others back to the queue.

        Told to stop, a run lets go by itself before it would ask the model again.
        """
        late = set(self.running.values())
        patience = stop.DRAIN_SECONDS if stop.requested() else self.hand_over - time.monotonic()
        end = time.monotonic() + patience
        while late and time.monotonic() < end and not stop.hurried():
            _, late = await asyncio.wait(late, timeout=LOOK_SECONDS)
            if stop.requested():
                end = min(end, time.monotonic() + stop.DRAIN_SECONDS)
        for job in late:
            job.cancel()
        await asyncio.gather(*late, return_exceptions=True)


async def _every(seconds: float, step: Callable[[], Awaitable[Any]]) -> None:
    """Repeat `step` for ever, whatever it raises: one that fails must not end the ones to come."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await step()
        except Exception:
            logger.exception("A worker's upkeep failed; the next try follows.")
            await sync_to_async(_drop_dead_connection)()


def _drop_dead_connection() -> None:
    """A connection that broke outside a transaction stays broken: Django asks that only between web requests."""
    with contextlib.suppress(DatabaseError):  # it tries a new one, and the database may still be away
        connection.close_if_unusable_or_obsolete()


def _close() -> None:
    connection.close()  # looked up here: connections belong to their thread


def _somebody_works() -> bool:
    """Whether tasks are queued for later, or run elsewhere and may have to be taken over, or left a call acting outside."""
    return (
        Task.objects.filter(status__in=[TaskStatus.QUEUED, TaskStatus.RUNNING]).exists()
        or ToolCall.objects.filter(status=CallStatus.EXECUTING).exists()
    )
