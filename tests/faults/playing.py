"""Play a scene in a process of its own and return what it says."""

from __future__ import annotations

import json
from typing import Any

from tests.crash.databases import Database
from tests.crash.running import lines, run


def play(scene: str, database: Database, /, *, variables: dict[str, str] | None = None, **told: Any) -> Any:
    finished = run(
        "-m",
        "tests.faults.scene",
        scene,
        json.dumps(told),
        data=database.data,
        timeout=400,
        **database.variables,
        **(variables or {}),
    )
    (result,) = lines(finished)
    return result
