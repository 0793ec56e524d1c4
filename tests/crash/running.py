"""Start processes of the product on a database of their own, and look at their trees."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def environment(data: Path, **extra: str) -> dict[str, str]:
    """Without what the caller's shell sets for the product; SQLite below `data`."""
    ours = ("AGENTDESK_", "DATABASE_URL", "REDIS_URL", "OPENAI_", "STRIPE_", "EMAIL_URL", "DJANGO_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    return {
        **kept,
        "AGENTDESK_DATA": str(data),
        "EMAIL_URL": "dummymail://",
        "AGENTDESK_LOG_LEVEL": "ERROR",
        **extra,
    }


def run(*arguments: str, data: Path, timeout: float = 300, **extra: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(data, **extra),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def start(*arguments: str, data: Path, new_session: bool = False, **extra: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment(data, **extra),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=new_session,
    )


def children(pid: int) -> list[int]:
    """Direct children, from /proc; skips where there is none."""
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    if not listing.exists():
        pytest.skip("looking at process trees needs Linux' /proc")
    return [int(child) for child in listing.read_text().split()]


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def lines(finished: subprocess.CompletedProcess[str]) -> list[Any]:
    assert finished.returncode == 0, finished.stderr[-2000:]
    return [json.loads(line) for line in finished.stdout.splitlines() if line.startswith("{")]
