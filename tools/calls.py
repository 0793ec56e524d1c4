"""The life of a tool call's row: proposed with its turn, closed exactly once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agentdesk.core import rows
from agentdesk.core.errors import DeskError, Invalid
from agentdesk.core.text import shortened, storable
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from tasks.models import Task, Turn
from tools import crew
from tools.arguments import parse
from tools.models import UNFINISHED, CallStatus, Effect, ToolCall
from tools.registry import find, label

MAX_CALLS_PER_TURN = 32
MAX_RAW = 100_000


@dataclass(frozen=True, slots=True)
class Requested:
    """One call as the model asked for it."""

    call_id: str
    tool: str
    raw_arguments: str


def propose(
    task: Task, turn: Turn, requested: Sequence[Requested], *, allowed_tools: Sequence[str], room: int
) -> list[ToolCall]:
    """Store the calls of a turn, in its transaction.

    What cannot run is closed at once with a sentence for the model: an unknown tool, arguments that do not fit, calls
    beyond `room` (what the task's limit leaves) or beyond 32 in one turn, and every hand-off but the first.
    """
    may_run = min(MAX_CALLS_PER_TURN, room)
    calls = [
        proposal(
            task, turn, request, position=position, allowed_tools=allowed_tools, beyond=position > may_run
        )
        for position, request in enumerate(requested, start=1)
    ]
    hand_offs = [call for call in calls if call.tool.startswith(crew.HAND_OFF) and call.tool in allowed_tools]
    for call in hand_offs[1:]:
        call.status, call.finished_at = CallStatus.FAILED, turn.recorded_at
        call.output, call.error_code = crew.IGNORED, "second_hand_off"
    if calls:
        for call, key in zip(calls, rows.insert(ToolCall, [vars(call) for call in calls]), strict=True):
            call.pk = key
            call._state.adding = False  # noqa: SLF001 -- as bulk_create does
    return calls


def proposal(
    task: Task,
    turn: Turn,
    request: Requested,
    *,
    position: int,
    allowed_tools: Sequence[str],
    beyond: bool = False,
) -> ToolCall:
    """The row of one call, not stored yet: proposed, or failed at birth with the sentence for the model."""
    call = ToolCall(
        task=task,
        turn=turn,
        path=turn.path,
        call_id=request.call_id,
        position=position,
        tool=shortened(storable(request.tool), 80),
        raw_arguments=storable(request.raw_arguments)[:MAX_RAW],
        proposed_at=turn.recorded_at,
    )
    try:
        _parse_into(call, request, allowed_tools=allowed_tools, beyond=beyond)
    except DeskError as error:
        _close_in_memory(
            call, CallStatus.FAILED, {"error": error.sentence}, code=error.code, at=turn.recorded_at
        )
    return call


def _parse_into(call: ToolCall, request: Requested, *, allowed_tools: Sequence[str], beyond: bool) -> None:
    if beyond:
        raise Invalid(
            "This call is beyond the limit of tool calls, so it did not run. Ask for it again if it is still needed.",
            code="too_many_calls",
        )
    spec = find(request.tool)
    if spec is None or request.tool not in allowed_tools:
        raise Invalid(
            f"There is no tool called {shortened(request.tool, 80)!r}. Your tools are: {', '.join(allowed_tools)}.",
            code="unknown_tool",
        )
    parsed = parse(spec, request.raw_arguments)
    call.effect, call.arguments, call.arguments_hash = Effect(spec.effect), parsed.data, parsed.hash
    call.parsed = parsed


def close(
    call: ToolCall,
    status: CallStatus,
    payload: dict[str, Any],
    *,
    code: str = "",
    among: Sequence[CallStatus] = UNFINISHED,
) -> bool:
    """End a call with what the model is told, once; record the event. False when it had ended already.

    Call it inside the transaction of the effect. `payload` is the tool's result, or says `error`, `refused` or `expired`.
    `among` are the states it is ended from: one that may have acted outside is only ended by whoever knows the outcome.
    """
    call.status, call.output, call.error_code = status, spoken(payload), code
    call.result = payload if status == CallStatus.DONE else None
    moved = rows.change(
        ToolCall,
        call.pk,
        where={"status": among},
        put={"status": status, "result": call.result, "output": call.output, "error_code": code},
        computed={"finished_at": rows.now()},
        returning="id",
    )
    if not moved:
        call.refresh_from_db()
        return False
    kind = {CallStatus.DONE: Kind.CALL_DONE, CallStatus.REFUSED: Kind.CALL_REFUSED}.get(
        status, Kind.CALL_FAILED
    )
    data: dict[str, Any] = {"call": call.key, "tool": call.tool, "label": label(call.tool, call.arguments)}
    if status != CallStatus.DONE:
        data["why"] = shortened(str(next(iter(payload.values()), "")), 300)
    record(call.task, Fact(kind, data))
    return True


def refresh(call: ToolCall, task: Task) -> None:
    """Read a call of `task` again: people change it too."""
    (now,) = rows.read(ToolCall, {"id": call.pk})
    vars(call).update(vars(now))
    call.task = task


def spoken(payload: dict[str, Any]) -> str:
    """What the model reads: compact JSON."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":"))


def _close_in_memory(
    call: ToolCall, status: CallStatus, payload: dict[str, Any], *, code: str, at: datetime
) -> None:
    call.status, call.output, call.error_code, call.finished_at = status, spoken(payload), code, at
