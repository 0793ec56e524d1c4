"""Advance one claimed task until it ends, waits for a person, or has to be tried again later."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from agents import Agent, RunConfig, Runner, RunResultStreaming, TResponseInputItem
from agents.run_config import ToolErrorFormatterArgs, ToolExecutionConfig
from asgiref.sync import sync_to_async
from django.db import DatabaseError

from agentdesk.core.errors import ClaimLost, DeskError
from agentdesk.core.text import storable
from agentdesk.roster.models import AgentVersion
from agentdesk.runtime import consulting, failures, handoffs, journal
from agentdesk.runtime.deltas import Deltas
from agentdesk.runtime.handoffs import assemble
from agentdesk.runtime.journal import Answer, Journal
from agentdesk.runtime.recorded_model import RecordedModel
from agentdesk.runtime.thinking import Thinkers
from agentdesk.runtime.toolbox import as_function
from approvals.ask import ask_again, pause
from approvals.cancel import fail_task
from approvals.gate import Answer as GateAnswer
from approvals.gate import MustAsk, ask_gate, authorise, never_asks
from tasks import crew, transitions
from tasks.models import Task, Turn
from tools.crew import consult_of, hand_off_to
from tools.invoke import invoke
from tools.models import ToolCall

logger = logging.getLogger(__name__)


def _spoken_error(failed: ToolErrorFormatterArgs[Any]) -> str | None:
    """An unknown tool: the journal holds what the model is told."""
    run: Run = failed.run_context.context
    call = run.journal.calls.get(failed.call_id)
    return call.output if call is not None and call.output else None


_CONFIG = RunConfig(
    tracing_disabled=True,  # the SDK would export traces to OpenAI
    tool_not_found_behavior="return_error_to_model",
    tool_error_formatter=_spoken_error,
    tool_execution=ToolExecutionConfig(max_function_tool_concurrency=1),  # calls of a turn run in their order
)


class LimitReached(DeskError):
    """The task used up what its agent version allows."""

    code = "limit"


class Resting(Exception):
    """The run ends here, because something inside it waits for somebody."""


class Run:
    """One claim of one task: from the journal to the next rest."""

    def __init__(self, task: Task, thinkers: Thinkers, deltas: Deltas) -> None:
        self.task = task
        self.thinkers = thinkers
        self.deltas = deltas
        self.version = task.agent_version
        """What speaks first."""
        self.crew: dict[str, AgentVersion] = {}
        self.depth = 0
        self.journal: Journal
        self.stopped_by: Exception | None = None
        self.waits_inside: list[ToolCall] = []
        """Calls of consulted agents that wait for somebody."""
        self._accounted = time.monotonic()

    async def advance(self) -> None:
        """Never raises but for cancellation, which gives the task back to the queue."""
        self.journal = Journal(task=self.task, turns=[], calls={})
        try:
            await self._advance()
        except ClaimLost:
            logger.info("Task %s was taken over or ended; this worker stops.", self.task.public_id)
        except asyncio.CancelledError:
            await self._quietly(transitions.release, why="The worker hands over")
            raise
        except LimitReached as error:
            await self._quietly(fail_task, why=error.sentence)
        except Exception as error:  # noqa: BLE001 -- the boundary of a run: whatever it is, the task must not be lost
            await self._after_failure(error)

    async def _advance(self) -> None:
        self.journal = await sync_to_async(journal.load)(self.task)
        self.crew = await sync_to_async(crew.of)(self.task)
        try:
            async with asyncio.timeout(self._seconds_left()):
                result = await self.converse()
        except TimeoutError:
            raise LimitReached(
                f"It worked for {self.version.max_seconds} seconds, its limit. Start it again with a larger limit if it should go on."
            ) from None
        if isinstance(self.stopped_by, MustAsk):
            return  # asked again; the task waits
        if waiting := self.waiting(result):
            await sync_to_async(pause)(self.task, waiting)
            return
        await sync_to_async(transitions.finish)(
            self.task, result=storable(str(result.final_output)), worked_ms=self._lap()
        )

    async def converse(self) -> RunResultStreaming:
        """Let the agents speak and act until they end or wait; the first turn is the last recorded one, if any."""
        transcript = cast("list[TResponseInputItem]", self.journal.transcript())
        result = Runner.run_streamed(
            assemble(self), transcript, context=self, run_config=_CONFIG, max_turns=None
        )
        await self._drain(result)
        return result

    def waiting(self, result: RunResultStreaming) -> list[ToolCall]:
        """The calls that hold this run, those of consulted agents included."""
        return [
            *(self.journal.calls[item.call_id] for item in result.interruptions if item.call_id),
            *self.waits_inside,
        ]

    def agent(self, version: AgentVersion, *, replay: Turn | None) -> Agent[Any]:
        """One agent of this run with its own model, tools and name."""
        inner, model_name = self.thinkers.choose(version)
        consulted = consulting.offered(self, version)
        allowed = [
            *version.tools,
            *(consult_of(other.agent.name) for other in consulted),
            *(hand_off_to(other.agent.name) for other in handoffs.offered(self, version)),
        ]
        model = RecordedModel(
            inner,
            agent_name=version.agent.name,
            model_name=model_name,
            replay=replay,
            before=self._before_model,
            record=partial(self._record, allowed),
            delta=lambda text: self.deltas.add(self.task.public_id, len(self.journal.turns) + 1, text),
        )
        return Agent(
            name=version.agent.name,
            # the day the task began, so that a resumed turn is thought about as the first ones were
            instructions=f"{version.instructions}\n\nToday is {self.task.created_at:%Y-%m-%d}.",
            model=model,
            model_settings=self.thinkers.how(version),
            tools=[
                *(tool for name in version.tools if (tool := as_function(name)) is not None),
                *(consulting.tool(self, other) for other in consulted),
            ],
        )

    def consultation(self, version: AgentVersion) -> Run:
        """A run within this one, for the same claim, clock and limits; its journal is not read yet."""
        inside = Run(self.task, self.thinkers, self.deltas)
        inside.version, inside.crew, inside.depth = version, self.crew, self.depth + 1
        inside._lap = self._lap  # type: ignore[method-assign]  # time is accounted once
        return inside

    async def _drain(self, result: RunResultStreaming) -> None:
        try:
            async for _ in result.stream_events():
                pass
        except Exception:
            if isinstance(self.stopped_by, MustAsk | Resting):
                return
            if self.stopped_by is not None:
                raise self.stopped_by from None
            raise
        finally:
            if not result.is_complete:
                result.cancel()

    async def needs_person(self, call_id: str) -> bool:
        """Whether this call has to wait for people; the SDK asks before each one."""
        call = self.journal.calls[call_id]
        if never_asks(call):
            return False
        answer = await self.guarded(call, ask_gate, self.task, call)
        return bool(answer == GateAnswer.ASK)

    async def invoke(self, call_id: str) -> str:
        """What the model is told about this call. With it run the calls behind it that need nobody either."""
        call = self.journal.calls[call_id]
        if not call.output:
            together = self.journal.runnable_with(call)
            await self.guarded(call, invoke, self.task, together, authorise=authorise)
        return call.output

    async def guarded(self, call: ToolCall, function: Any, *arguments: Any, **keywords: Any) -> Any:
        """Run a step in the database thread; remember what stops the run, as the SDK wraps what tools raise."""
        try:
            return await sync_to_async(function)(*arguments, **keywords)
        except MustAsk as error:
            self.stopped_by = error
            await sync_to_async(ask_again)(self.task, call, why=error.sentence)
            raise
        except (DeskError, DatabaseError) as error:
            self.stopped_by = error
            raise

    async def _record(self, allowed_tools: Sequence[str], answer: Answer) -> None:
        await sync_to_async(journal.record_turn)(
            self.journal, answer, allowed_tools=allowed_tools, worked_ms=self._lap()
        )

    def rest_if_waiting(self) -> None:
        """Raises Resting where a consulted agent waits: until it has answered, the turn is not over."""
        if self.waits_inside:
            self.stopped_by = Resting("A consulted agent waits for somebody.")
            raise self.stopped_by

    async def _before_model(self) -> None:
        self.rest_if_waiting()
        version = self.task.agent_version
        if self.task.turns_used >= version.max_turns:
            self._stop(f"It took {version.max_turns} turns, its limit, without finishing.")
        if self.task.tokens_used >= version.max_tokens:
            self._stop(f"It used {self.task.tokens_used:,} tokens; its limit is {version.max_tokens:,}.")

    def _stop(self, sentence: str) -> None:
        self.stopped_by = LimitReached(
            f"{sentence} Look at what it did, then start it again or raise the agent's limit."
        )
        raise self.stopped_by

    def _seconds_left(self) -> float:
        return max(0.0, self.task.agent_version.max_seconds - self.task.work_ms / 1000)

    def _lap(self) -> int:
        now = time.monotonic()
        worked = int((now - self._accounted) * 1000)
        self._accounted = now
        return worked

    async def _after_failure(self, error: Exception) -> None:
        plan = failures.plan(error, attempts=self.task.attempts)
        logger.warning(
            "Task %s: %s", self.task.public_id, plan.why, exc_info=error if plan.unexpected else None
        )
        if plan.retry_after_seconds is None:
            await self._quietly(fail_task, why=plan.why)
        else:
            await self._quietly(
                transitions.release,
                why=plan.why,
                after_seconds=plan.retry_after_seconds,
                attempts=self.task.attempts + 1,
            )

    async def _quietly(self, function: Any, **keywords: Any) -> None:
        """A last write; if even that fails, the lease runs out and another worker takes over."""
        try:
            await sync_to_async(function)(self.task, worked_ms=self._lap(), **keywords)
        except ClaimLost:
            pass
        except DatabaseError:
            logger.exception("Task %s could not be given back; its lease will run out.", self.task.public_id)
