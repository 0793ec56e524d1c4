"""get_runbook_by_category: how this kind of case is handled."""

from __future__ import annotations

from typing import Any, Literal

from agentdesk.core.errors import ToolError
from tools.library.models import Runbook
from tools.spec import Arguments, Context

CategoryName = Literal[
    "duplicate_charge",
    "damaged_item",
    "late_delivery",
    "missing_parcel",
    "cancellation",
    "return",
    "wrong_item",
    "subscription",
    "price_match",
    "chargeback",
    "fraud",
    "account",
    "privacy",
    "complaint",
    "general",
]
"""The values of models.Category, spelled out because a strict schema knows literals and no enums."""


class GetRunbookByCategory(Arguments):
    category: CategoryName


def get_runbook_by_category(_: Context, arguments: GetRunbookByCategory) -> dict[str, Any]:
    runbook = Runbook.objects.filter(category=arguments.category).first()
    if runbook is None:
        raise ToolError(
            f"There is no runbook for {arguments.category} yet. Ask a person how to handle this case."
        )
    return {
        "category": runbook.category,
        "title": runbook.title,
        "version": runbook.version,
        "body": runbook.body,
    }
