"""Advance one claimed task until it ends, waits for a person, or has to be tried again later."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from functools import partial
from inspect import iscoroutinefunction
from typing import Any, cast

from agents import Agent, RunConfig, Runner, RunResultStreaming, TResponseInputItem
from agents.run_config import ToolErrorFormatterArgs, ToolExecutionConfig
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from agentdesk.core.errors import ClaimLost, DeskError
from agentdesk.core.text import storable
from agentdesk.roster.models import AgentVersion
from agentdesk.runtime import consulting, failures, handoffs, journal, stop
from agentdesk.runtime.braking import HandBack, TakeBrakes
from agentdesk.runtime.deltas import Deltas
from agentdesk.runtime.failures import Next
from agentdesk.runtime.handoffs import assemble
from agentdesk.runtime.journal import Answer, Journal
from agentdesk.runtime.recorded_model import RecordedModel
from agentdesk.runtime.thinking import Thinkers, instructions_for
from agentdesk.runtime.toolbox import as_function
from approvals.ask import pause
from approvals.cancel import fail_task
from approvals.gate import Answer as GateAnswer
from approvals.gate import ask_gate, authorise, never_asks
from approvals.reconcile import ask_people
from approvals.rest import STOPS, come_to_rest
from tasks import crew, park, transitions, usage
from tasks.limits import LimitReached, Measure, Reached, Scope
from tasks.models import Task, Turn
from tools.carry import carry_out
from tools.crew import consult_of, hand_off_to
from tools.invoke import invoke
from tools.models import OUTSIDE, ToolCall
from tools.outside import InDoubt

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


def _found(task: Task) -> tuple[Journal, dict[str, AgentVersion]]:
    """What the task did so far, and whom it may turn to."""
    return journal.load(task), crew.of(task)


class Resting(Exception):
    """The run ends here, because something inside it waits for somebody."""


RESTS = (*STOPS, InDoubt, Resting)
"""What ends a run without ending its task: it waits."""


class Run:
    """One claim of one task: from the journal to the next rest."""

    def __init__(self, task: Task, thinkers: Thinkers, deltas: Deltas, brakes: TakeBrakes) -> None:
        self.task = task
        self.thinkers = thinkers
        self.deltas = deltas
        self.brakes = brakes
        self.version = task.agent_version
        """What speaks first."""
        self.crew: dict[str, AgentVersion] = {}
        self.depth = 0
        self.journal: Journal
        self.stopped_by: Exception | None = None
        self.speaking = self.version
        """What was asked last, for what its failure means."""
        self.falls_back = False
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
        except HandBack as error:
            await self._quietly(transitions.release, why=error.sentence, attempts=self.task.attempts)
        except LimitReached as error:
            await self._quietly(park.for_limit, reached=error.reached)
        except Exception as error:  # noqa: BLE001 -- the boundary of a run: whatever it is, the task must not be lost
            await self._after_failure(error)

    async def _advance(self) -> None:
        transitions.refuse_worker_killer(self.task)
        self.journal, self.crew = await sync_to_async(_found)(self.task)
        try:
            async with asyncio.timeout(self._seconds_left()):
                result = await self.converse()
        except TimeoutError:
            limit = usage.limit(self.task, Measure.SECONDS)
            most = self.task.agent_version.max_seconds
            raise LimitReached(Reached(Scope.TASK, Measure.SECONDS, limit, limit, most)) from None
        if isinstance(self.stopped_by, (*STOPS, InDoubt)):
            return  # the task waits
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
        falls_back = failures.falls_back(
            version, self.journal, attempts=self.task.attempts, now=timezone.now()
        )
        choose = self.thinkers.choose_fallback if falls_back else self.thinkers.choose
        inner, model_name = choose(version)
        if version is self.speaking:
            self.falls_back = falls_back
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
            before=partial(self._before_model, version, falls_back=falls_back),
            record=partial(self._record, allowed),
            delta=lambda text: self.deltas.add(self.task.public_id, len(self.journal.turns) + 1, text),
            call_seconds=version.call_seconds,
            silence_seconds=settings.MODEL_SILENCE_SECONDS,
            taken=self.journal.calls.__contains__,
            foreign=any(turn.model_name != model_name for turn in self.journal.turns),
        )
        return Agent(
            name=version.agent.name,
            instructions=instructions_for(self.task, version),
            model=model,
            model_settings=self.thinkers.how(version, falls_back=falls_back),
            tools=[
                *(tool for name in version.tools if (tool := as_function(name)) is not None),
                *(consulting.tool(self, other) for other in consulted),
            ],
        )

    def consultation(self, version: AgentVersion) -> Run:
        """A run within this one, for the same claim, clock and limits; its journal is not read yet."""
        inside = Run(self.task, self.thinkers, self.deltas, self.brakes)
        inside.version = inside.speaking = version
        inside.crew, inside.depth = self.crew, self.depth + 1
        inside._lap = self._lap  # type: ignore[method-assign]  # time is accounted once
        return inside

    async def _drain(self, result: RunResultStreaming) -> None:
        try:
            async for _ in result.stream_events():
                pass
        except Exception:
            if isinstance(self.stopped_by, RESTS):
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
        if call.output:
            return call.output
        found = call.status in OUTSIDE
        if not found:
            together = self.journal.runnable_with(call)
            await self.guarded(call, invoke, self.task, together, authorise=authorise)
        if call.status in OUTSIDE:
            await self.guarded(call, carry_out, self.task, call, found=found, ask_people=ask_people)
        return call.output

    async def guarded(self, call: ToolCall, function: Any, *arguments: Any, **keywords: Any) -> Any:
        """Run a step in the database thread, unless it is one that awaits; remember what stops the run, as the SDK wraps
        what tools raise.
        """
        step = function if iscoroutinefunction(function) else sync_to_async(function)
        try:
            return await step(*arguments, **keywords)
        except STOPS as error:
            self.stopped_by = error
            await sync_to_async(come_to_rest)(self.task, call, error)
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

    async def _before_model(self, version: AgentVersion, *, falls_back: bool) -> None:
        self.rest_if_waiting()
        self.speaking, self.falls_back = version, falls_back
        try:
            if stop.requested():  # all that was answered and done is recorded: the safe point
                raise HandBack("The worker stops; another one goes on.")
            await self.brakes.check(self.task.agent_version.agent_id)
            usage.check(self.task)
            if usage.has_limits_of_a_day(self.task):
                self.journal.taken = await sync_to_async(usage.take_turn)(self.task)
        except (HandBack, LimitReached, DatabaseError) as error:
            self.stopped_by = error
            raise

    def _seconds_left(self) -> float:
        return max(0.0, usage.limit(self.task, Measure.SECONDS) - self.task.work_ms / 1000)

    def _lap(self) -> int:
        now = time.monotonic()
        worked = int((now - self._accounted) * 1000)
        self._accounted = now
        return worked

    async def _after_failure(self, error: Exception) -> None:
        version = self.speaking
        plan = failures.plan(
            error,
            attempts=self.task.attempts,
            model=(version.fallback_model if self.falls_back else version.model) or settings.MODEL,
            second=bool(version.fallback_model),
        )
        logger.warning(
            "Task %s: %s", self.task.public_id, plan.why, exc_info=error if plan.unexpected else None
        )
        match plan.next:
            case Next.AGAIN:
                await self._quietly(
                    transitions.release,
                    why=plan.why,
                    after_seconds=plan.after_seconds,
                    attempts=plan.attempts,
                )
            case Next.WAIT:
                await self._quietly(park.for_model, why=plan.why)
            case Next.FAIL:
                await self._quietly(fail_task, why=plan.why)

    async def _quietly(self, function: Any, **keywords: Any) -> None:
        """A last write; if even that fails, the lease runs out and another worker takes over."""
        worked_ms = self._lap()
        try:
            await sync_to_async(function)(self.task, worked_ms=worked_ms, **keywords)
            await sync_to_async(usage.settle)(self.task, self.journal.taken, worked_ms=worked_ms)
        except ClaimLost:
            pass
        except DatabaseError:
            logger.exception("Task %s could not be given back; its lease will run out.", self.task.public_id)
