"""What everything stands on is checked before anything starts."""

from __future__ import annotations

import pytest
from django.db import connection

from agentdesk.core import checks


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL knows RETURNING in every version")
def test_an_old_sqlite_is_named_with_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    assert checks.sqlite_is_new_enough() == []
    monkeypatch.setattr(checks, "sqlite_version_info", (3, 34, 1))
    (problem,) = checks.sqlite_is_new_enough()
    assert problem.id == "core.E001"
    assert "DATABASE_URL" in str(problem.hint)
