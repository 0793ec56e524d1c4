"""The files for servers: what they run exists, what they set is a setting, and systemd understands them."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands

from agentdesk.runtime import stop, supervise, tree
from tests.architecture.house import DOCS, PACKAGES, ROOT
from tests.architecture.test_docs import settings_read

DEPLOY = DOCS / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
STOPPED_AFTER = max(tree.STOP_SECONDS + tree.LAST_WORDS_SECONDS, supervise.GRACE_SECONDS)


def compose() -> dict[str, Any]:
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text())


def unit(path: Path) -> dict[str, str]:
    pairs = re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE)
    return {name: value.strip() for name, value in pairs}


def ours() -> dict[str, dict[str, Any]]:
    """The services that run our own image."""
    return {name: service for name, service in compose()["services"].items() if "build" in service}


def is_one_of_our_commands(words: list[str]) -> bool:
    if "manage.py" in words:
        return words[words.index("manage.py") + 1] in get_commands()
    return "daphne" in words and "agentdesk.asgi:application" in words


def test_the_services_of_the_compose_file_start_commands_that_exist() -> None:
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    default = yaml.safe_load(re.search(r"^CMD (\[.*\])$", dockerfile, re.MULTILINE)[1])  # type: ignore[index]
    for name, service in ours().items():
        command = service.get("command", default)
        words = shlex.split(command[-1]) if command[0] == "sh" else command
        assert is_one_of_our_commands(words), name
    assert set(ours()) == {"migrate", "web", "worker"}


def test_what_the_compose_file_sets_are_settings_and_what_must_be_shared_is_required() -> None:
    for name, service in ours().items():
        assert set(service["environment"]) <= set(settings_read()), name
        assert "${AGENTDESK_SECRET_KEY:?" in service["environment"]["AGENTDESK_SECRET_KEY"]
        assert {"DATABASE_URL", "REDIS_URL"} <= set(service["environment"])


def test_the_compose_file_restarts_what_runs_for_ever_and_waits_for_what_it_needs() -> None:
    services = compose()["services"]
    assert {name for name, service in services.items() if service.get("restart") == "always"} == {
        *("postgres", "redis", "web", "worker", "proxy"),
    }
    for name, service in services.items():
        assert set(service.get("depends_on", [])) <= set(services), name
    assert services["web"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert int(services["worker"]["stop_grace_period"].removesuffix("s")) > STOPPED_AFTER


def test_the_paths_of_the_compose_file_and_the_dockerfile_lead_somewhere() -> None:
    (build,) = {(service["build"]["context"], service["build"]["dockerfile"]) for service in ours().values()}
    context, dockerfile = build
    assert (DEPLOY / context).resolve() == ROOT
    assert (ROOT / dockerfile).is_file()
    copied = re.findall(r"^COPY (\S+) ", (ROOT / dockerfile).read_text(), re.MULTILINE)
    assert set(PACKAGES) <= set(copied)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    let_in = re.findall(r"^!(\S+)$", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)
    assert set(let_in) == set(copied)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_exists_and_again_for_ever(path: Path) -> None:
    lines = unit(path)
    assert is_one_of_our_commands(shlex.split(lines["ExecStart"]))
    assert (lines["Restart"], lines["StartLimitIntervalSec"]) == ("always", "0")
    assert set(re.findall(r"^Environment=(\w+)=", path.read_text(), re.MULTILINE)) <= set(settings_read())


def test_the_worker_has_time_to_drain_before_systemd_kills_it() -> None:
    lines = unit(DEPLOY / "agentdesk-worker@.service")
    assert int(lines["TimeoutStopSec"]) > STOPPED_AFTER > stop.DRAIN_SECONDS
    assert (lines["Type"], lines["KillMode"]) == ("notify", "mixed")


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_understands_the_units(path: Path, tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    here = path.read_text().replace("/opt/agentdesk/.venv/bin/python", sys.executable)
    instance = tmp_path / path.name.replace("@", "@8001")
    instance.write_text(here)
    said = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(instance)], capture_output=True, text=True, check=False
    )
    assert (
        said.returncode,
        [line for line in said.stderr.splitlines() if path.stem.rstrip("@") in line],
    ) == (0, [])
