"""kill -9 just after each commit of the refund story."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.checking import check_every_commit

pytestmark = pytest.mark.crash


def test_killed_just_after_any_commit_the_story_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    check_every_commit(tmp_path, phase="after")
