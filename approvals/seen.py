"""What exactly is signed: one hash over arguments, policy, agent version and the facts the decision rests on."""

from __future__ import annotations

from typing import Any

from agentdesk.core.canonical import digest
from approvals.models import PolicyVersion
from tools.arguments import Parsed
from tools.models import ToolCall
from tools.spec import Context, ToolSpec


def seen_hash(call: ToolCall, *, version: PolicyVersion | None, facts: dict[str, Any]) -> str:
    return digest(
        {
            "call": call.key,
            "tool": call.tool,
            "arguments": call.arguments_hash,
            "policy_version": version.pk if version else None,
            "agent_version": call.task.agent_version_id,
            "facts": facts,
        }
    )


def present_facts(context: Context, spec: ToolSpec[Any], parsed: Parsed) -> dict[str, Any]:
    """The state of the world as the tool's spec reads it now. Raises ToolError when the call became impossible."""
    assert spec.sensitive is not None
    spec.sensitive.check(context, parsed.value)
    return spec.sensitive.facts(context, parsed.value)
