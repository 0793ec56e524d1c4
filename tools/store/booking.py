"""The refund's row and the order's total: reserved, done, or released. Whoever calls has locked the order's row."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.db.models.functions import Now

from agentdesk.core import rows
from agentdesk.core.clock import database_now
from tools.models import ToolCall
from tools.store.models import Order, Refund, RefundState
from tools.store.refunds import Intent

NUMBER_CHARACTERS = 10


def number_for(call: ToolCall) -> str:
    """The refund's number follows from the call's key (50 random bits of it), so a repeated call has the same one."""
    return f"RF-{call.key[-NUMBER_CHARACTERS:].upper()}"


def write(call: ToolCall, intent: Intent, reason: str, *, provider: str, state: RefundState) -> Refund:
    """The refund, and the order's total raised by it; a constraint keeps that below what was captured."""
    refund = Refund(
        number=number_for(call),
        order=intent.order,
        charge=intent.charge,
        amount_minor=intent.amount.minor,
        reason=reason,
        tool_call=call,
        state=state,
        provider=provider,
        refunded_at=database_now(),
    )
    (refund.pk,) = rows.insert(Refund, [vars(refund)])
    rows.change(Order, intent.order.pk, add={"refunded_minor": intent.amount.minor}, returning="id")
    return refund


def finish(call: ToolCall, *, reference: str) -> Refund:
    """The reserved refund has happened."""
    pending = Refund.objects.filter(tool_call=call, state=RefundState.PENDING)
    moved = pending.update(state=RefundState.DONE, reference=reference, refunded_at=Now())
    assert moved, "what happened was reserved before"
    return Refund.objects.select_related("order", "charge").get(tool_call=call)


def release(call: ToolCall) -> None:
    """The reserved refund has not happened: its row says so, and the order has that much left again."""
    refund = Refund.objects.get(tool_call=call)
    moved = Refund.objects.filter(pk=refund.pk, state=RefundState.PENDING).update(state=RefundState.FAILED)
    assert moved, "only what is reserved is released"
    Order.objects.filter(pk=refund.order_id).update(refunded_minor=F("refunded_minor") - refund.amount_minor)


def told(refund: Refund, *, remaining_minor: int, duplicate: bool) -> dict[str, Any]:
    """What the model is told about a refund that has happened."""
    result: dict[str, Any] = {
        "refund": refund.number,
        "order": refund.order.number,
        "amount_minor": refund.amount_minor,
        "currency": refund.order.currency,
        "remaining_refundable_minor": remaining_minor,
    }
    if duplicate and refund.charge is not None:
        result["charge"] = refund.charge.number
    if refund.reference:
        result["reference"] = refund.reference
    return result
