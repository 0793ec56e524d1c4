"""Which code a process runs: the version, and a fingerprint of the files, so that a forgotten restart shows."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from agentdesk import __version__

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("agentdesk", "approvals", "tasks", "tools")


@cache
def version() -> str:
    """For example `0.2.0+1a2b3c4d`. Reads all code once a process (20 ms): call it early, the files may change later."""
    fingerprint = hashlib.sha256()
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            fingerprint.update(path.read_bytes())
    return f"{__version__}+{fingerprint.hexdigest()[:8]}"
