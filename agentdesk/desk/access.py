"""Who may see which page: sign in, then the right of the page, then the object by its public id."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.contrib.auth.views import redirect_to_login
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django_htmx.http import HttpResponseClientRedirect, HttpResponseClientRefresh
from django_htmx.middleware import HtmxDetails

from agentdesk.core.errors import Forbidden, Missing
from agentdesk.events import cursor

P = ParamSpec("P")
M = TypeVar("M", bound=Model)

VIEW_DESK = "tasks.view_desk"
ASK = "Ask an administrator to add you to the right group."
WITHOUT = {
    VIEW_DESK: f"Your account has no role on this desk yet. {ASK}",
    "tasks.start_task": f"Your role looks on; it does not give agents new work. {ASK}",
    "brakes.pull_brake": f"Your role does not pull brakes. {ASK}",
    "brakes.release_brake": f"Your role does not release brakes. {ASK}",
    "tasks.cancel_task": f"Your role does not cancel tasks. {ASK}",
    "tasks.extend_limit": f"Your role does not extend limits. {ASK}",
}


class DeskRequest(HttpRequest):
    """A request that passed `desk_page`: somebody with the right is signed in."""

    user: User
    htmx: HtmxDetails
    live_at: str
    """The newest event when the page was asked for; live.js sends it, and hears whether lists are out of date."""


def desk_page(
    *permissions: str,
) -> Callable[
    [Callable[Concatenate[DeskRequest, P], HttpResponse]], Callable[Concatenate[HttpRequest, P], HttpResponse]
]:
    """A view for people who may see the desk and have `permissions` too.

    Strangers are sent to sign in; for the others it raises Forbidden with a sentence that says whom to ask.
    An htmx request is answered with a redirect or reload of the whole page, so that no fragment is replaced by a login form.
    """

    def wrap(
        view: Callable[Concatenate[DeskRequest, P], HttpResponse],
    ) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
        @wraps(view)
        def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]  # set by django_htmx's middleware
            if not request.user.is_authenticated:
                return _to_login(request, htmx)
            for permission in (VIEW_DESK, *permissions):
                if not request.user.has_perm(permission):
                    if htmx and request.method == "GET":
                        return HttpResponseClientRefresh()
                    raise Forbidden(WITHOUT[permission], code="no_right")
            # before the view reads anything: a list made of older rows must not claim to show this event
            request.live_at = cursor.newest()  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)  # type: ignore[arg-type]

        return checked

    return wrap


def one(rows: QuerySet[M], public_id: str) -> M:
    """The object with this public id among those the reader may see. Raises Missing."""
    found = rows.filter(public_id=public_id).first()
    if found is None:
        kind = rows.model._meta.verbose_name  # noqa: SLF001 -- Django's public way to a model's name
        raise Missing(
            f"There is no {kind} {public_id}. The address may be cut off, or it belongs to another desk."
        )
    return found


def _to_login(request: HttpRequest, htmx: HtmxDetails) -> HttpResponse:
    if not htmx:
        return redirect_to_login(request.get_full_path())
    here = urlsplit(htmx.current_url or "/")
    login: Any = redirect_to_login(f"{here.path}?{here.query}" if here.query else here.path)
    return HttpResponseClientRedirect(login.url)
