"""kill -9 at every commit of a story with a consultation, a task for another agent, a hand-off and two signatures."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.running import lines, run

pytestmark = pytest.mark.crash

ONCE = ("status", "result", "children", "refunds", "turns", "effects", "unfinished", "gapless")


@pytest.mark.parametrize("phase", ["before", "after"])
def test_killed_anywhere_every_agent_is_asked_once_and_every_effect_happens_once(
    tmp_path: Path, phase: str
) -> None:
    (whole,) = lines(run("-m", "tests.crash.delegating", "commits", data=tmp_path))
    assert whole["commits"] > 30, "the story has become too short to prove anything"
    assert whole["turns"] == [["", "audit", 1], ["", "billing", 2], ["", "support", 5], ["ask", "billing", 2]]
    assert whole["refunds"] == [["inner", "A-1", 2900], ["second", "A-2", 2900]]

    points = [str(point) for point in range(1, whole["commits"] + 1)]
    stories = lines(run("-m", "tests.crash.delegating", phase, *points, data=tmp_path, timeout=1200))

    assert sum(story["kills"] for story in stories) >= 30
    for story in stories:
        seen = {key: story[key] for key in ONCE}
        assert seen == {key: whole[key] for key in ONCE}, f"killed {phase} commit {story['kill_at']}"
