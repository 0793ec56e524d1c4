"""The repository as the architecture tests look at it: its tracked files, its modules, its documents."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "agentdesk" / "docs"
PACKAGES = ("agentdesk", "approvals", "tasks", "tools")


@cache
def tracked() -> list[Path]:
    """Every file that git tracks or would track, as a path relative to the root; skips outside a git checkout."""
    if shutil.which("git") is None:
        pytest.skip("there is no git on this machine")
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("this is not a git checkout")
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def modules() -> Iterator[tuple[Path, ast.Module]]:
    """Each module of the product, migrations aside, relative to the root."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path.relative_to(ROOT), ast.parse(path.read_text())


def documents() -> list[Path]:
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
