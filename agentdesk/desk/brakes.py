"""The page of the brakes: which are pulled, pulling one, releasing one, and what was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from agentdesk.brakes.lever import PULL, RELEASE
from agentdesk.brakes.models import Brake, Depth
from agentdesk.brakes.pulled import history, pulled
from agentdesk.core.errors import DeskError, Invalid, Late
from agentdesk.desk.access import DeskRequest, desk_page, one
from agentdesk.desk.fragments import answer
from agentdesk.roster.models import Agent
from tasks import braking
from tools.braking import pull, stoppable

HISTORY_ROWS = 20
ABOUT = {
    Depth.TAKE: (
        "Stop taking up tasks",
        "New tasks stay in the queue; running ones come to rest before their next turn.",
    ),
    Depth.DECIDE: (
        "Stop deciding",
        "Nobody approves, rejects or answers, on any page or by command. What is open stays open.",
    ),
    Depth.EFFECTS: (
        "Stop effects",
        "No refund, cancellation, message or document, signed or not: tasks wait just before it. Reading and planning go on.",
    ),
}


@dataclass(frozen=True, slots=True)
class Lever:
    """One depth as the page offers it."""

    depth: Depth
    title: str
    about: str
    scopes: list[tuple[str, str]]
    """What is posted as `scope`, and its words."""


@require_GET
@desk_page()
def brakes(request: DeskRequest) -> HttpResponse:
    return brakes_page(request)


@require_POST
@desk_page(PULL)
def brake_pull(request: DeskRequest) -> HttpResponse:
    """302 to the page; refused, the page with the reason: 409 or 422."""
    kind, _, name = request.POST.get("scope", "").partition(":")
    try:
        if kind not in {"", "tool", "agent"}:
            raise Invalid("Choose what the brake is for.", fields={"scope": "unknown"})
        pull(
            request.POST.get("depth", ""),
            by=request.user,
            reason=request.POST.get("reason", ""),
            **({kind: name} if kind else {}),
        )
    except (Invalid, Late) as error:
        return brakes_page(request, refusal=error, refused=request.POST.get("depth", ""))
    return redirect("desk:brakes")


@require_POST
@desk_page(RELEASE)
def brake_release(request: DeskRequest, public_id: str) -> HttpResponse:
    brake = one(Brake.objects.all(), public_id)
    try:
        braking.release(brake, by=request.user, reason=request.POST.get("reason", ""))
    except (Invalid, Late) as error:
        return brakes_page(request, refusal=error, refused=public_id)
    return redirect("desk:brakes")


def brakes_page(request: DeskRequest, *, refusal: DeskError | None = None, refused: str = "") -> HttpResponse:
    """`refused` names the form that was refused: a depth, or the id of a brake."""
    may_pull = request.user.has_perm(PULL)
    context = {
        "pulled": pulled(),
        "history": history()[:HISTORY_ROWS],
        "may_pull": may_pull,
        "may_release": request.user.has_perm(RELEASE),
        "levers": list(levers()) if may_pull else [],
        "refusal": refusal,
        "refused": refused,
        "reason": request.POST.get("reason", "") if refusal else "",
        "scope": request.POST.get("scope", "") if refusal else "",
    }
    return answer(request, "brakes/page.html", {}, context, status=refusal.http_status if refusal else 200)


def levers() -> Iterator[Lever]:
    agents = [(f"agent:{agent.name}", f"Only the {agent.title}") for agent in Agent.objects.order_by("title")]
    for depth, (title, about) in ABOUT.items():
        tools = [(f"tool:{name}", f"Only {name}") for name in stoppable(depth)]
        yield Lever(
            depth, title, about, [("", "Everything"), *tools, *(agents if depth != Depth.DECIDE else [])]
        )
