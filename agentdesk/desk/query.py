"""What a reader put into the address: filters and search words, made harmless for the database."""

from __future__ import annotations

from agentdesk.core.text import storable
from agentdesk.desk.access import DeskRequest

MAX_CHARACTERS = 200


def asked(request: DeskRequest, name: str) -> str:
    """The parameter without outer white space and NUL, cut at 200 characters; empty when it is missing."""
    return storable(request.GET.get(name, ""))[:MAX_CHARACTERS].strip()
