"""The worker command: it ends as a whole, leaves no orphans, and a new one takes over."""

from __future__ import annotations

import os
import signal
import socket
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

    started = time.monotonic()
    assert worker.wait(timeout=20) == 75
    assert time.monotonic() - started < 5
    assert not [pid for pid in processes if alive(pid)], "nothing is left when the command ends"
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


SILENT_SECONDS = 10


@pytest.mark.parametrize("which", range(4))
def test_a_stopped_process_is_seen_and_ends_the_tree(worker: subprocess.Popen[str], which: int) -> None:
    wait_for(lambda: len(tree(worker.pid)) >= 4)
    processes = tree(worker.pid)

    os.kill(processes[which], signal.SIGSTOP)

    started = time.monotonic()
    assert worker.wait(timeout=30) == 75
    assert SILENT_SECONDS - 1 < time.monotonic() - started < SILENT_SECONDS + 6
    assert not [pid for pid in processes if alive(pid)]


def test_a_parent_that_was_stopped_is_ended_by_its_children(worker: subprocess.Popen[str]) -> None:
    wait_for(lambda: len(tree(worker.pid)) >= 4)
    processes = tree(worker.pid)

    worker.send_signal(signal.SIGSTOP)

    assert worker.wait(timeout=30) == -signal.SIGKILL
    wait_for(lambda: not [pid for pid in processes if alive(pid)], seconds=5)


def test_a_killed_parent_leaves_nothing_that_goes_on(worker: subprocess.Popen[str]) -> None:
    wait_for(lambda: len(tree(worker.pid)) >= 4)
    processes = tree(worker.pid)
    os.kill(processes[0], signal.SIGSTOP)  # not even the sentinel can react

    worker.kill()

    worker.wait(timeout=20)
    wait_for(lambda: not [pid for pid in processes if alive(pid)], seconds=5)


def test_with_a_supervisor_the_tree_comes_back_and_a_stop_ends_both(data: Path) -> None:
    supervisor = start("manage.py", "work", "--supervise", data=data, PYTHONUNBUFFERED="1")
    try:
        wait_ready(supervisor)
        (first,) = children(supervisor.pid)
        wait_for(lambda: len(tree(first)) >= 4)
        os.kill(tree(first)[0], signal.SIGKILL)
        wait_ready(supervisor)
        (second,) = children(supervisor.pid)
        assert second != first
        os.kill(second, signal.SIGKILL)
        wait_ready(supervisor)
        third = tree(supervisor.pid)

        supervisor.terminate()

        assert supervisor.wait(timeout=20) == 0
        assert not [pid for pid in third if alive(pid)]
    finally:
        if supervisor.poll() is None:
            supervisor.kill()


def test_a_killed_supervisor_takes_its_tree_along(data: Path) -> None:
    supervisor = start("manage.py", "work", "--supervise", data=data, PYTHONUNBUFFERED="1")
    wait_ready(supervisor)
    processes = tree(supervisor.pid)

    supervisor.kill()

    supervisor.wait(timeout=20)
    wait_for(lambda: not [pid for pid in processes if alive(pid)], seconds=5)


def test_a_stop_while_it_starts_is_heard(data: Path) -> None:
    process = start("manage.py", "work", data=data)
    assert process.stdout is not None
    for line in process.stdout:
        if "worker: loaded" in line:
            break

    process.terminate()

    assert process.wait(timeout=20) == 0


def test_systemd_is_told_when_it_is_ready_that_it_lives_and_when_it_stops(data: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(data / "notify"))
        listener.settimeout(30)
        process = start("manage.py", "work", data=data, NOTIFY_SOCKET=str(data / "notify"))
        heard: list[str] = []

        def hear(state: str) -> None:
            while state not in heard:
                heard.append(listener.recv(100).decode())

        try:
            hear("READY=1")
            hear("WATCHDOG=1")
            process.terminate()
            hear("STOPPING=1")
        finally:
            process.terminate()
            assert process.wait(timeout=20) == 0
