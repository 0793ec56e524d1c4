"""The worker command: it ends as a whole, leaves no orphans, and a new one takes over."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.running import alive, children, run, start

pytestmark = pytest.mark.crash

STATUS = "from tasks.models import Task; print('STATUS', Task.objects.get().status)"
PREPARE = "from tests.crash.harness import prepare; prepare()"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    prepared = run("-c", PREPARE, data=tmp_path)
    assert prepared.returncode == 0, prepared.stderr[-2000:]
    return tmp_path


@pytest.fixture
def worker(data: Path) -> Iterator[subprocess.Popen[str]]:
    process = start("manage.py", "work", data=data)
    wait_ready(process)
    yield process
    if process.poll() is None:
        process.kill()
    process.wait(timeout=20)


def wait_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if "worker: ready" in line:
            return
    raise AssertionError("the worker ended before it was ready")


def tree(pid: int) -> list[int]:
    found = []
    for child in children(pid):
        found += [child, *tree(child)]
    return found


def wait_for(condition: object, *, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():  # type: ignore[operator]
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


def test_sigterm_stops_the_whole_tree_quickly_and_cleanly(worker: subprocess.Popen[str]) -> None:
    processes = tree(worker.pid)
    assert len(processes) >= 4, "sentinel, worker, monitor, pusher"
    started = time.monotonic()

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(timeout=20) == 0
    assert time.monotonic() - started < 15
    assert not [pid for pid in processes if alive(pid)]


def test_a_signal_to_the_whole_group_stops_it_as_well(data: Path) -> None:
    process = start("manage.py", "work", data=data, new_session=True)
    wait_ready(process)

    os.killpg(process.pid, signal.SIGTERM)

    try:
        assert process.wait(timeout=20) == 0
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize("which", range(4))
def test_a_killed_process_takes_the_tree_along_and_the_next_one_goes_on(
    worker: subprocess.Popen[str], data: Path, which: int
) -> None:
    wait_for(lambda: len(tree(worker.pid)) >= 4)
    processes = tree(worker.pid)

    os.kill(processes[which], signal.SIGKILL)

    assert worker.wait(timeout=20) == 75
    wait_for(lambda: not [pid for pid in processes if alive(pid)], seconds=10)
    again = start("manage.py", "work", data=data)
    try:
        wait_ready(again)
        wait_for(
            lambda: "STATUS waiting" in run("manage.py", "shell", "-v", "0", "-c", STATUS, data=data).stdout,
            seconds=40,
        )
    finally:
        again.terminate()
        assert again.wait(timeout=20) == 0
