"""The sign-off card: facts from the database in a fixed order, the customer's words, and last the agent's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User

from agentdesk.core.errors import DeskError
from approvals import lineage
from approvals.caps import caps_reached
from approvals.models import Approval, ApprovalKind, Decision
from approvals.outcome import in_words as outcome_in_words
from approvals.policy import Band, in_words
from approvals.queue import hindrance_of
from approvals.reconcile_facts import facts_of
from tools.arguments import validated
from tools.models import CallStatus, ToolCall
from tools.outside import asked
from tools.planning.plan import PLANNING
from tools.registry import find, label
from tools.spec import Card, Context, Row, Table


@dataclass(frozen=True, slots=True)
class ApprovalCard:
    approval: Approval
    headline: str
    rows: Sequence[Row]
    tables: Sequence[Table]
    undo: str
    why: str
    rule: str
    caps: list[str]
    """The caps that have no room for it, were it to run now: after the signature somebody has to let it over."""
    needs: str
    """Who has to sign, in words; empty where nobody signs."""
    signatures: list[Decision]
    requester: User | None
    hindrance: str | None
    """Why the viewer may not decide now, or None."""
    outcome: str
    """What became of it, when it is closed."""
    question: str
    customer_words: str
    agent_words: str
    """The model's own text: it may be wrong, and comes last."""
    steps: list[str]
    """What the task did before or took over, without its moves in the plan."""
    arguments: dict[str, Any]
    seen: str
    reconciles: bool
    """It asks whether something happened outside."""
    can_ask: bool
    """The other side can be asked for it by the call's key."""


def build(approval: Approval, *, viewer: User) -> ApprovalCard:
    """Read everything a person needs to decide `approval`. The same facts whatever the model wrote."""
    call, task = approval.tool_call, approval.task
    question = approval.kind == ApprovalKind.QUESTION
    reconciles = approval.kind == ApprovalKind.RECONCILIATION
    facts = facts_of(approval) if reconciles else _facts(approval)
    known = asked(call) if reconciles else None
    return ApprovalCard(
        approval=approval,
        headline=approval.title if question else facts.headline,
        rows=[*facts.rows, *lineage.rows(task)],
        tables=facts.tables,
        undo=facts.undo,
        why=approval.why,
        rule=approval.rule,
        caps=caps_reached(approval, viewer) if approval.is_open and not (question or reconciles) else [],
        needs="" if question or reconciles else in_words(Band.model_validate(approval.band)),
        signatures=list(approval.decisions.select_related("decided_by")),
        requester=task.requested_by,
        hindrance=hindrance_of(approval, viewer) if approval.is_open else None,
        outcome="" if approval.is_open else outcome_in_words(approval),
        question=approval.facts.get("question", "") if question else "",
        customer_words=task.ticket.body if task.ticket else "",
        agent_words=_agent_words(call),
        steps=[
            label(earlier.tool, earlier.arguments) + (" (taken over)" if earlier.copy_of_id else "")
            for earlier in ToolCall.objects.filter(
                task=task, status=CallStatus.DONE, turn_id__lte=call.turn_id
            )
            .exclude(pk=call.pk)
            .exclude(tool__in=PLANNING)
            .order_by("turn_id", "position")
        ],
        arguments=call.arguments or {},
        seen=approval.seen_hash,
        reconciles=reconciles,
        can_ask=known is not None and known.can_ask,
    )


def _facts(approval: Approval) -> Card:
    spec = find(approval.tool_call.tool)
    if spec is None or spec.sensitive is None:
        return Card(headline=approval.title)
    context = Context(task=approval.task, call=approval.tool_call)
    try:
        return spec.sensitive.card(context, validated(spec, approval.tool_call.arguments or {}).value)
    except (
        DeskError
    ) as error:  # the order is gone or the call impossible by now: say so instead of hiding the card
        return Card(headline=approval.title, rows=[Row("Not possible any more", error.sentence, warn=True)])


def _agent_words(call: ToolCall) -> str:
    reason = (call.arguments or {}).get("reason", "")
    return "\n\n".join(part for part in (reason, call.turn.text, call.turn.reasoning) if part)
