"""One view, one address: the whole page, or only the live region that htmx asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers

from agentdesk.desk.access import DeskRequest

EVERYWHERE = {"waiting-count": "parts/_everywhere.html"}


def answer(
    request: DeskRequest,
    page: str,
    regions: Mapping[str, str],
    context: Mapping[str, Any],
    *,
    status: int = 200,
) -> HttpResponse:
    """Render `page`, or for htmx the one of `regions` (element id → template) that it will replace."""
    wanted = (request.htmx.target or "") if request.htmx else ""
    response = render(request, {**regions, **EVERYWHERE}.get(wanted, page), dict(context), status=status)
    patch_vary_headers(response, ["HX-Request", "HX-Target"])
    response["Cache-Control"] = "no-store"  # the back button must not show what a reader may no longer see
    return response
