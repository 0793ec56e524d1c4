"""System checks of what thinks: a model that cannot be reached is reported before a task finds out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.db import DatabaseError

from agentdesk.roster.prices import unpriced


@checks.register
def model_has_what_it_needs(**_: Any) -> list[checks.CheckMessage]:
    if settings.MODEL == "offline" or settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL:
        return []
    return [
        checks.Error(
            f"AGENTDESK_MODEL names {settings.MODEL!r}, and there is no key to reach it with.",
            hint="Set OPENAI_API_KEY (or OPENAI_BASE_URL for a server of your own), or unset AGENTDESK_MODEL for the offline model.",
            id="runtime.E001",
        )
    ]


@checks.register(checks.Tags.database)
def models_have_prices(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """Runs with `migrate` and `check --database default`: it has to ask the database."""
    if not databases:
        return []
    try:
        models = unpriced()
    except DatabaseError:
        return []  # before the first migration
    return (
        [
            checks.Warning(
                f"There is no price for {', '.join(models)}, so what they cost is counted as nothing and reaches no limit.",
                hint="Write their prices down in the admin under Model prices.",
                id="runtime.W002",
            )
        ]
        if models
        else []
    )


@checks.register(deploy=True)
def demo_is_off(**_: Any) -> list[checks.CheckMessage]:
    if not settings.DEMO:
        return []
    return [
        checks.Warning(
            "The demo is on: it has accounts with a known password.",
            hint="Unset AGENTDESK_DEMO, and start from an empty AGENTDESK_DATA.",
            id="runtime.W001",
        )
    ]
