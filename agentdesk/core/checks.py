"""System checks of what everything stands on."""

from __future__ import annotations

from sqlite3 import sqlite_version, sqlite_version_info
from typing import Any

from django.core import checks
from django.db import connection

OLDEST_SQLITE = (3, 35, 0)
"""The first that answers an INSERT or UPDATE with RETURNING (agentdesk.core.rows)."""


@checks.register
def sqlite_is_new_enough(**_: Any) -> list[checks.CheckMessage]:
    if connection.vendor != "sqlite" or sqlite_version_info >= OLDEST_SQLITE:
        return []
    return [
        checks.Error(
            f"This Python comes with SQLite {sqlite_version}; AgentDesk needs 3.35 or newer.",
            hint="Use a Python with a newer SQLite, or PostgreSQL by DATABASE_URL.",
            id="core.E001",
        )
    ]
