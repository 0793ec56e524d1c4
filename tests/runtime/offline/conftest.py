"""The runbooks as shipped, so that the cases are tried by the rules people really read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runtime.offline import fake_shop

SHIPPED = Path(__file__).parents[3] / "tools" / "library" / "shipped"


@pytest.fixture
def shipped_runbooks(monkeypatch):
    """Replace the small runbooks of the fake shop by the shipped ones."""
    for path in SHIPPED.glob("*.md"):
        heading, _, body = path.read_text(encoding="utf-8").partition("\n")
        monkeypatch.setitem(fake_shop.RUNBOOKS, path.stem, (heading.removeprefix("# ").strip(), body))
