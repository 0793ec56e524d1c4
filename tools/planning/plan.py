"""The plan that planning calls lead to, worked out from their results."""

from __future__ import annotations

from collections.abc import Iterable

from tools.models import CallStatus, ToolCall

PLANNING = ("add_todos", "set_todo_state")
"""Calls that say nothing about the case; the task's page shows the plan."""


def plan_after(calls: Iterable[ToolCall]) -> dict[int, tuple[str, str]]:
    """Text and state of each to-do by its position, after these calls in this order."""
    plan: dict[int, tuple[str, str]] = {}
    for call in calls:
        if call.status != CallStatus.DONE or call.result is None:
            continue
        if call.tool == "add_todos":
            moved = call.result["todos"]
        elif call.tool == "set_todo_state":
            moved = [call.result]
        else:
            continue
        plan.update({todo["position"]: (todo["text"], todo["state"]) for todo in moved})
    return plan
