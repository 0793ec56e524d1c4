"""Put the shipped runbooks where a category has none; what staff wrote stays theirs."""

from __future__ import annotations

from pathlib import Path

from tools.library.models import Category, Runbook

SHIPPED = Path(__file__).parent / "shipped"


def shipped_runbooks() -> list[Runbook]:
    """One unsaved runbook a category, from `shipped/<category>.md`: the title after `# `, then the body."""
    return [_read(category) for category in Category]


def shelve_shipped() -> int:
    """Add the missing ones and return how many they were."""
    present = set(Runbook.objects.values_list("category", flat=True))
    missing = [runbook for runbook in shipped_runbooks() if runbook.category not in present]
    return len(Runbook.objects.bulk_create(missing))


def _read(category: Category) -> Runbook:
    heading, _, body = (SHIPPED / f"{category.value}.md").read_text(encoding="utf-8").partition("\n")
    return Runbook(category=category, title=heading.removeprefix("# ").strip(), body=body.strip())
