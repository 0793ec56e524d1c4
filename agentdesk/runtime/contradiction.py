"""Whether a recorded turn and its recorded calls belong together: where they do not, somebody changed one of them."""

from __future__ import annotations

import json

from agentdesk.core.canonical import canonical, digest, parse_object
from agentdesk.core.errors import DeskError, Invalid
from agentdesk.core.text import shortened
from agentdesk.runtime.journal import Item
from tasks.models import Turn
from tools.models import CallStatus, ToolCall
from tools.registry import find


def contradiction(turn: Turn, calls: dict[str, ToolCall]) -> str:
    """Where what the model said and what its calls recorded do not belong together: somebody changed one of them."""
    said = {str(item.get("call_id")): item for item in turn.items if item.get("type") == "function_call"}
    for call in calls.values():
        if call.turn_id == turn.pk and call.call_id not in said:
            return f"The call {call.key} of this turn is not among those that the model asked for."
    for call_id, item in said.items():
        known = calls.get(call_id)
        if known is None or known.turn_id != turn.pk:
            if find(str(item.get("name"))) is not None:
                return f"The model asked for {item.get('name')} here, and no such call is recorded."
        elif (wrong := _changed(known, item)) is not None:
            return f"The call {known.key} was changed after it was recorded: {wrong}."
    return ""


def _changed(call: ToolCall, item: Item) -> str | None:
    if call.tool != shortened(str(item.get("name")), 80):
        return "another tool"
    if as_handed_on(call.raw_arguments) != as_handed_on(str(item.get("arguments", ""))):
        return "other arguments than the model wrote"
    if call.arguments_hash and digest(call.arguments) != call.arguments_hash:
        return "other arguments than their hash says"
    if call.status == CallStatus.DONE and _told(call) not in {None, digest(call.result)}:
        return "another result than the model was told"
    return None


def _told(call: ToolCall) -> str | None:
    """The hash of the JSON that the model was told; None where it was told no JSON."""
    try:
        return digest(json.loads(call.output))
    except (ValueError, DeskError):
        return None


def as_handed_on(raw: str) -> str:
    """As the run hands arguments on: canonical JSON, `{}` for what is none."""
    try:
        return canonical(parse_object(raw)).decode()
    except Invalid:
        return "{}"
