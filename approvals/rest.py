"""Why a run stops before an effect, and how its task comes to rest: asked again, or waiting for a brake or a person."""

from __future__ import annotations

from agentdesk.brakes.lever import trip
from agentdesk.brakes.pulled import Braked
from approvals.ask import ask_again
from approvals.caps import BreakerTripped, CapReached, wait_for_person
from approvals.gate import MustAsk
from tasks.braking import wait_for_release
from tasks.models import Task
from tools.models import ToolCall

Stop = MustAsk | Braked | CapReached
STOPS = (MustAsk, Braked, CapReached)
"""What the transaction of an effect raises when the effect must not happen now; the task waits for somebody."""


def come_to_rest(task: Task, call: ToolCall, stop: Stop) -> None:
    """Let the claimed task wait for what `stop` asks for. Raises ClaimLost."""
    match stop:
        case MustAsk():
            ask_again(task, call, why=stop.sentence)
        case Braked():
            wait_for_release(task, stop.brake)
        case BreakerTripped():
            brakes = trip(cap=stop.cap, tools=stop.tools, reason=stop.sentence)
            wait_for_release(task, next(brake for brake in brakes if brake.tool == call.tool))
        case CapReached():
            wait_for_person(task, stop)
