"""What must be true at the end of the story, wherever a process was killed."""

from __future__ import annotations

from pathlib import Path

from tests.crash.running import lines, run

ONCE = {
    "status": "done",
    "refunds": 1,
    "refunded_minor": 2900,
    "documents": 1,
    "messages": 1,
    "gapless": True,
    "unfinished": 0,
}


def check_every_commit(data: Path, *, phase: str) -> None:
    """Kill once at each commit of the story; whatever had an effect must have had it once."""
    (whole,) = lines(run("-m", "tests.crash.harness", "commits", data=data))
    assert whole["kills"] == 0
    assert whole["commits"] > 18, "the story has become too short to prove anything"
    points = [str(point) for point in range(1, whole["commits"] + 1)]
    stories = lines(run("-m", "tests.crash.harness", phase, *points, data=data))
    assert len(stories) == len(points)
    assert sum(story["kills"] for story in stories) >= 18
    for story in stories:
        # the driver also sweeps by the clock, so the last few commits are not there every time
        assert story["kills"] == 1 or story["commits"] < story["kill_at"], (
            f"nothing was killed at {story['kill_at']}"
        )
        seen = {key: story[key] for key in ONCE}
        assert seen == ONCE, f"killed {phase} commit {story['kill_at']}"
        same = {key: story[key] for key in ("turns", "effects", "todos")}
        assert same == {key: whole[key] for key in same}, (
            f"something was repeated or lost {phase} commit {story['kill_at']}"
        )
