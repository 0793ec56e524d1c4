"""From the rows of a database to a `History`; read in a process that does nothing else."""

from __future__ import annotations

import email
import json
from collections.abc import Iterable
from pathlib import Path

from approvals.models import Approval, Decision
from approvals.people import person
from tasks.models import Task, Turn
from tests.crash import history
from tools.library.models import Document
from tools.messages.models import OutgoingMessage
from tools.models import ToolCall
from tools.store.models import Order, Refund


def read(ids: Iterable[int], *, book: Path | None = None, mails: Path | None = None) -> history.History:
    """The history of these tasks, with the lines of the provider's book and the mails that left."""
    tasks = {"task__in": list(ids)}
    calls = list(ToolCall.objects.filter(**tasks).order_by("pk"))
    keys = {call.key for call in calls}
    approvals = list(Approval.objects.filter(**tasks).select_related("tool_call").order_by("pk"))
    rows = list(Task.objects.filter(pk__in=tasks["task__in"]).select_related("agent_version"))
    refunds = list(Refund.objects.filter(tool_call__in=calls).select_related("order", "tool_call"))
    return history.History(
        tasks=[_task(task) for task in rows],
        events=[
            history.Event(event.task_id, event.number, event.kind, event.data)
            for task in rows
            for event in task.events.order_by("number")
        ],
        turns=[
            history.Turn(turn.task_id, turn.path, turn.number, turn.fence)
            for turn in Turn.objects.filter(**tasks)
        ],
        calls=[
            history.Call(call.key, call.task_id, call.tool, call.status, call.arguments, call.arguments_hash)
            for call in calls
        ],
        approvals=[
            history.Approval(
                approval.public_id,
                approval.tool_call.key,
                approval.status,
                approval.seen_hash,
                approval.band,
                approval.expires_at,
                approval.kind,
            )
            for approval in approvals
        ],
        decisions=[_decision(row) for row in Decision.objects.filter(approval__in=approvals)],
        effects=[
            *(
                history.Effect(
                    "refund", row.tool_call.key, row.amount_minor, row.order.number, row.refunded_at
                )
                for row in refunds
                if row.tool_call is not None and getattr(row, "state", "done") != "failed"
            ),
            *(
                history.Effect("document", row.tool_call.key)
                for row in Document.objects.filter(**tasks).select_related("tool_call")
            ),
            *(
                history.Effect("message", row.tool_call.key)
                for row in OutgoingMessage.objects.filter(**tasks).select_related("tool_call")
            ),
            *in_book(book, keys),
            *in_mailbox(mails, keys),
        ],
        orders=[
            history.Order(order.number, order.captured_minor, order.refunded_minor)
            for order in Order.objects.filter(customer__tasks__in=rows).distinct()
        ],
    )


def in_book(book: Path | None, keys: set[str]) -> list[history.Effect]:
    """What the payment provider did under these keys, or under one that no call ever had."""
    if book is None or not book.exists():
        return []
    lines = [json.loads(line) for line in book.read_text().splitlines()]
    known = keys | set(ToolCall.objects.values_list("key", flat=True))
    return [
        history.Effect("provider", line["key"], line["amount"], line["charge"])
        for line in lines
        if line["key"] in keys or line["key"] not in known
    ]


def in_mailbox(mails: Path | None, keys: set[str]) -> list[history.Effect]:
    """The mails that left, by the call that is named in their Message-ID."""
    if mails is None or not mails.exists():
        return []
    found = []
    for file in mails.iterdir():
        for text in file.read_text().split("-" * 79 + "\n"):
            key = str(email.message_from_string(text).get("Message-ID", "")).strip("<>").partition("@")[0]
            if key in keys:
                found.append(history.Effect("mail", key))
    return found


def _task(task: Task) -> history.Task:
    version, limits = task.agent_version, task.limits
    return history.Task(
        id=task.pk,
        status=task.status,
        waiting_for=task.waiting_for,
        waiting_note=task.waiting_note,
        fence=task.fence,
        last_event=task.last_event,
        turns_used=task.turns_used,
        calls_used=task.tool_calls_used,
        max_turns=limits.get("turns", version.max_turns),
        max_calls=limits.get("tool_calls", version.max_tool_calls),
        requested_by=task.requested_by_id,
    )


def _decision(row: Decision) -> history.Decision:
    signer = person(row.decided_by_id)
    return history.Decision(
        approval=row.approval.public_id,
        by=row.decided_by_id,
        verdict=row.verdict,
        seen=row.seen,
        groups=frozenset(row.groups),
        at=row.decided_at,
        entitled=signer.active and signer.may_decide,
    )
