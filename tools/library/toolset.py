"""The library's tools: read a runbook, write an internal document."""

from __future__ import annotations

from typing import Any

from agentdesk.core.text import shortened
from tools.library.models import Category
from tools.library.reading import GetRunbookByCategory, get_runbook_by_category
from tools.library.writing import WriteDocument, write_document
from tools.models import Effect
from tools.spec import ToolSpec

TOOLS: list[ToolSpec[Any]] = [
    ToolSpec(
        name="get_runbook_by_category",
        description="The rules for one kind of case, with numbered clauses. Read it before you act, and quote the clause you follow.",
        arguments=GetRunbookByCategory,
        effect=Effect.READ,
        handler=get_runbook_by_category,
        label=lambda data: f"Read the runbook “{Category(data['category']).label}”",
    ),
    ToolSpec(
        name="write_document",
        description=(
            "Write an internal document for colleagues, in Markdown: what the case was, what you found, "
            "what was done and under which clause. Customers never see it."
        ),
        arguments=WriteDocument,
        effect=Effect.LOCAL,
        handler=write_document,
        label=lambda data: f"Write “{shortened(data['title'], 80)}”",
    ),
]
