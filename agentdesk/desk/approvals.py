"""The approval pages: the queue, one card, and the decision."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from agentdesk.core.errors import DeskError, Forbidden, Invalid, Late
from agentdesk.desk.access import DeskRequest, desk_page, one
from agentdesk.desk.fragments import answer
from approvals import card, decide, queue, reconcile
from approvals.models import Approval, ApprovalKind
from tools.outside import NotBooked

RECENT_ROWS = 8


@require_GET
@desk_page()
def approvals(request: DeskRequest) -> HttpResponse:
    context = {
        "queue": queue.waiting_for(request.user),
        "recent": Approval.objects.exclude(closed_at=None)
        .select_related("task__customer")
        .prefetch_related("decisions__decided_by")
        .order_by("-closed_at")[:RECENT_ROWS],
    }
    return answer(request, "approvals/list.html", {"approval-queue": "approvals/_queue.html"}, context)


@require_GET
@desk_page()
def approval(request: DeskRequest, public_id: str) -> HttpResponse:
    return card_page(request, public_id)


@require_POST
@desk_page()
def decide_approval(request: DeskRequest, public_id: str) -> HttpResponse:
    """302 to the card (htmx: its fragment); refused, the card as it stands now with the reason: 403, 409 or 422."""
    found = one(Approval.objects.all(), public_id)
    try:
        decide.decide(
            found,
            by=request.user,
            verdict=request.POST.get("verdict", ""),
            reason=request.POST.get("reason", ""),
            reference=request.POST.get("reference", ""),
            seen=request.POST.get("seen", ""),
        )
    except (Forbidden, Late, Invalid, NotBooked) as error:
        return card_page(request, public_id, refusal=error)
    return card_page(request, public_id) if request.htmx else redirect(found)


@require_POST
@desk_page()
def ask_outside(request: DeskRequest, public_id: str) -> HttpResponse:
    """Ask the other side what became of it, now; the card shows what it said. Refused, the card with 403 or 409."""
    found = one(Approval.objects.filter(kind=ApprovalKind.RECONCILIATION), public_id)
    try:
        reconcile.ask_again(found, by=request.user)
    except (Forbidden, Late, NotBooked) as error:
        return card_page(request, public_id, refusal=error)
    return card_page(request, public_id) if request.htmx else redirect(found)


def card_page(request: DeskRequest, public_id: str, *, refusal: DeskError | None = None) -> HttpResponse:
    found = one(
        Approval.objects.select_related(
            "task__customer",
            "task__ticket",
            "task__requested_by",
            "task__root",
            "tool_call",
            "superseded_by",
        ),
        public_id,
    )
    context = {
        "card": card.build(found, viewer=request.user),
        "refusal": refusal,
        "reason": request.POST.get("reason", "") if refusal else "",
        "reference": request.POST.get("reference", "") if refusal else "",
        "live_url": found.get_absolute_url(),
    }
    status = refusal.http_status if refusal else 200
    return answer(
        request, "approvals/detail.html", {"approval": "approvals/_approval.html"}, context, status=status
    )
