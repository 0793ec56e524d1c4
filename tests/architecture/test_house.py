"""The rules of the house that no linter holds."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.house import ROOT, modules, tracked

TOP = {
    *("manage.py", "pyproject.toml", "README.md", "agentdesk", "tasks", "tools", "approvals", "templates"),
    *("tests", "Makefile", "requirements.lock", "requirements-dev.lock", "LICENSE"),
}
LOCKS = ["requirements.lock", "requirements-dev.lock"]
REGISTRIES = re.compile(
    r"pypi\.org|pythonhosted|npmjs\.(org|com)|registry\.yarnpkg|--(extra-)?index-url", re.IGNORECASE
)
MACHINE_PATHS = re.compile(r"""(?<![\w.<>/-])/(?:home|Users|work|root|private/var)/[\w.-]+""")
INNER_IMPORTS = {
    "tools/apps.py: tools": "system checks look at models, which can be imported only once the apps are ready",
    "agentdesk/runtime/apps.py: agentdesk.runtime": "the same",
    "agentdesk/core/apps.py: agentdesk.core": "the same",
    "agentdesk/runtime/management/commands/work.py: agentdesk.runtime": "a supervising parent loads no model client",
    "tools/store/apps.py: tools.store": "the same",
}
"""Imports inside functions, each with the reason why it cannot stand at the top."""


def test_the_top_level_holds_only_what_it_is_meant_to() -> None:
    names = {path.parts[0] for path in tracked()}
    assert {name for name in names if not name.startswith(".")} - TOP == set()


def test_no_file_names_a_package_registry_or_a_path_of_somebodys_machine() -> None:
    found = []
    for path in tracked():
        if path == Path(__file__).relative_to(ROOT):
            continue
        try:
            text = (ROOT / path).read_text()
        except UnicodeDecodeError:
            continue  # a picture
        found += [
            f"{path}: {match.group()}"
            for pattern in (REGISTRIES, MACHINE_PATHS)
            for match in pattern.finditer(text)
        ]
    assert found == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_has_a_hash_for_everything_and_no_address(name: str) -> None:
    text = (ROOT / name).read_text().replace("\\\n", " ")
    requirements = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(requirements) > 20
    assert [line for line in requirements if not re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+", line)] == []
    assert [line for line in requirements if "--hash=sha256:" not in line] == []
    assert "://" not in text


def test_what_the_desk_runs_on_is_locked_at_the_same_versions_for_developers() -> None:
    runtime, dev = (
        dict(re.findall(r"^([\w.-]+)(?:\[[^]]*\])?==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE))
        for name in LOCKS
    )
    assert {name: version for name, version in runtime.items() if dev.get(name) != version} == {}


def test_every_dependency_is_locked_and_has_its_reason_beside_it() -> None:
    source = (ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(source)
    wanted = project["project"]["dependencies"] + project["dependency-groups"]["dev"]
    reasons = dict(re.findall(r'^\s+"([^"]+)",\s+#\s+(\S.{8,})$', source, re.MULTILINE))
    assert [name for name in wanted if name not in reasons] == []
    locked = (ROOT / "requirements-dev.lock").read_text()
    names = [re.match(r"[\w.-]+", requirement).group() for requirement in wanted]  # type: ignore[union-attr]
    assert [
        name for name in names if not re.search(rf"^{re.escape(name)}(\[[^]]*\])?==", locked, re.MULTILINE)
    ] == []


def test_a_web_process_never_loads_the_agents_sdk_or_the_openai_client(tmp_path: Path) -> None:
    code = """
import json, sys
import agentdesk.asgi
from django.test import Client
status = Client(headers={"host": "localhost"}).get("/healthz").status_code
print(json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules} & {"agents", "openai"}),
                  "agentdesk.api.v1" in sys.modules and "agentdesk.live.consumer" in sys.modules]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(answer.stdout.splitlines()[-1]) == [200, [], True]


def test_the_layers_hold() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run([command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr


def test_imports_stand_at_the_top_but_for_the_listed_ones() -> None:
    found = set()
    for path, module in modules():
        for function in ast.walk(module):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                for node in ast.walk(function):
                    if isinstance(node, ast.ImportFrom):
                        found.add(f"{path}: {node.module}")
                    elif isinstance(node, ast.Import):
                        found |= {f"{path}: {alias.name}" for alias in node.names}
    assert found == set(INNER_IMPORTS)


def test_no_signal_of_django_is_used() -> None:
    receivers = [str(path) for path, module in modules() for node in ast.walk(module) if _names_signals(node)]
    assert receivers == []


def test_every_module_says_its_subject_or_explains_itself_by_its_name() -> None:
    """A docstring first, except where the file's name is fixed by Django and says it all, or it holds nothing but names."""
    named_by_django = {"apps.py", "urls.py", "__init__.py"}
    silent = [
        str(path)
        for path, module in modules()
        if path.name not in named_by_django and not ast.get_docstring(module)
    ]
    assert silent == []


def _names_signals(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "") in {
        "django.db.models.signals",
        "django.dispatch",
        "django.core.signals",
    }


def _environment(data: Path) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AGENTDESK_", "DATABASE_URL", "REDIS_URL"))
    }
    return {**kept, "AGENTDESK_DATA": str(data), "DJANGO_SETTINGS_MODULE": "agentdesk.settings"}
