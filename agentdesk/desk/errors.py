"""Refusals as pages: a DeskError, a missing page, a lost form token and a crash each say what to do next."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django_htmx.http import reswap, retarget

from agentdesk.core.errors import DeskError

logger = logging.getLogger(__name__)

TITLES = {
    400: "That request could not be read",
    403: "This needs somebody else",
    404: "Nothing here",
    409: "Somebody was faster",
    422: "Something in the form is not right",
}


class DeskErrorMiddleware:
    """Turns a DeskError that leaves a view into its page, or for htmx into a notice on the page that asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return (
            error_response(request, error.http_status, error.sentence)
            if isinstance(error, DeskError)
            else None
        )


def error_response(request: HttpRequest, status: int, sentence: str) -> HttpResponse:
    context = {"status": status, "title": TITLES.get(status, TITLES[400]), "sentence": sentence}
    if getattr(request, "htmx", False):
        notice = render(request, "errors/_notice.html", context, status=status)
        return reswap(retarget(notice, "#notice"), "innerHTML")
    return render(request, "errors/page.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    return error_response(
        request, 400, "The browser sent something this desk does not understand. Go back and try again."
    )


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    return error_response(
        request, 403, "Your role does not include this. Ask an administrator to add you to the right group."
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    return error_response(
        request, 404, "There is no page at this address. It may be cut off, or what it showed is gone."
    )


def lost_token(request: HttpRequest, reason: str = "") -> HttpResponse:
    logger.info("A form came without its token: %s", reason)
    return error_response(
        request,
        403,
        "The form was open for too long, or cookies are off, so the desk cannot be sure that you sent it. Load the page again and repeat.",
    )


def crashed(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 -- Django's signature
    """Without the request: no session, no database, no context processor that could crash a second time."""
    return HttpResponse(render_to_string("errors/crashed.html"), status=500)
