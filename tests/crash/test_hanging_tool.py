"""A tool that nothing inside its process can cut ends the worker tree, once: its call is closed and the task goes on."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.crash.running import lines, run, start

pytestmark = pytest.mark.crash

PREPARE = """
from tests.crash.harness import prepare
prepare()
from tests.factories import AgentVersionFactory, support_version
from tasks.models import Task
version = support_version()
version = AgentVersionFactory(agent=version.agent, tools=[*version.tools, {tool!r}])
Task.objects.update(agent_version=version)
"""
LOOK = """
import json
from tasks.models import Task
from tools.models import ToolCall
task = Task.objects.get()
print(json.dumps({"status": task.status, "result": task.result, "calls": list(ToolCall.objects.values_list("status", "error_code"))}))
"""


@pytest.mark.parametrize(
    "tool",
    [
        "sleep_in_c",
        "hold_the_interpreter",
        pytest.param(
            "crash",
            marks=pytest.mark.xfail(
                reason="the parent does not learn which call crashed; the claim is lost instead, ten times at most"
            ),
        ),
    ],
)
def test_a_tool_that_takes_its_worker_along_does_so_once(tmp_path: Path, tool: str) -> None:
    ours = {"data": tmp_path, "AGENTDESK_EXTRA_TOOLSETS": "tests.crash.hanging"}
    prepared = run("-c", PREPARE.format(tool=tool), **ours)
    assert prepared.returncode == 0, prepared.stderr[-2000:]

    first = start("-m", "tests.crash.hanging.work", tool, **ours)
    said, _ = first.communicate(timeout=60)

    assert first.returncode == 75, said
    assert "is closed" in said
    (seen,) = lines(run("manage.py", "shell", "-v", "0", "-c", LOOK, **ours))
    assert seen["calls"] == [["failed", "too_slow"]]
    second = start("-m", "tests.crash.hanging.work", tool, **ours)
    try:
        end = time.monotonic() + 60
        while seen["status"] != "done":
            assert time.monotonic() < end, seen
            (seen,) = lines(run("manage.py", "shell", "-v", "0", "-c", LOOK, **ours))
    finally:
        second.terminate()
        second.communicate(timeout=30)
    assert second.returncode == 0
    assert "nothing was changed" in seen["result"]
