"""Copy turns and tool calls of an ended task into a new one: the journal is taken over, the effects stay where they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.utils import timezone

from agentdesk.core.ids import call_key
from agentdesk.roster.models import AgentVersion
from tasks.models import Task, ToDo, Turn
from tasks.models.turn import TAKEN_OVER
from tools.calls import Requested, proposal
from tools.models import FINISHED, WITHDRAWN, ToolCall
from tools.planning.plan import plan_after
from tools.registry import all_tools

_COSTS_NOTHING = {
    field.attname: 0
    for field in Turn._meta.concrete_fields  # noqa: SLF001 -- every measure, also those that come later
    if field.attname.endswith("_tokens") or field.attname in {"cost_micros", "duration_ms"}
}

R = TypeVar("R", Turn, ToolCall)


def take_over(origin: Task, task: Task, turns: Sequence[Turn]) -> list[ToolCall]:
    """Copy these turns with their calls, and the plan as it stood after them. Return the calls of the new task."""
    copies = Turn.objects.bulk_create(
        _copy(turn, task_id=task.pk, fence=TAKEN_OVER, **_COSTS_NOTHING) for turn in turns
    )
    told = {turn.pk: copy for turn, copy in zip(turns, copies, strict=True)}
    theirs = origin.tool_calls.filter(turn__in=told).order_by("turn_id", "position")
    calls = ToolCall.objects.bulk_create(_taken_over(call, task, told[call.turn_id]) for call in theirs)
    ToDo.objects.bulk_create(
        ToDo(task=task, position=position, text=text, state=state)
        for position, (text, state) in sorted(plan_after(calls).items())
    )
    return calls


def _taken_over(call: ToolCall, task: Task, turn: Turn) -> ToolCall:
    """A finished call with its result and no effect of its own; one that never had an outcome, proposed again."""
    if call.status in FINISHED and call.error_code != WITHDRAWN:
        return _copy(
            call,
            key=call_key(),
            task_id=task.pk,
            turn_id=turn.pk,
            copy_of_id=call.copy_of_id or call.pk,
            request=None,  # it asks nothing of the outside
            amount_minor=None,  # a copy moves no money
            currency="",
            subject="",
        )
    again = proposal(
        task,
        turn,
        Requested(call.call_id, call.tool, call.raw_arguments),
        position=call.position,
        allowed_tools=_allowed(call, turn, task.agent_version),
    )
    again.proposed_at = timezone.now()
    return again


def _allowed(call: ToolCall, turn: Turn, version: AgentVersion) -> list[str]:
    """Calls of other agents, and those that no toolset brings, were allowed by another profile than the version's."""
    theirs = turn.path or turn.agent_name != version.agent.name or call.tool not in all_tools()
    return [*version.tools, call.tool] if theirs else list(version.tools)


def _copy(row: R, **changes: object) -> R:
    kept = {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields  # noqa: SLF001 -- every field, also those that come later
        if not field.primary_key
    }
    return type(row)(**{**kept, **changes})
