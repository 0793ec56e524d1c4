"""Documentation that fails the build when it is wrong: what it names exists, and what exists is named."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import get_commands, load_command_class
from django.db import transaction
from django.test import Client
from django.urls import Resolver404, resolve

from agentdesk.api.urls import api
from agentdesk.events.models import Kind
from approvals.models import ApprovalStatus
from tasks.models import TaskStatus, ToDoState
from tests.architecture.house import DOCS, PACKAGES, ROOT, documents, modules
from tests.factories import (
    FIRST_POLICY,
    ROLES,
    STAFF_ROLES,
    CustomerFactory,
    TaskFactory,
    ToolCallFactory,
    support_version,
)
from tools.arguments import parse
from tools.invoke import invoke
from tools.messages.models import MessageStatus
from tools.models import CallStatus, Effect, ToolCall
from tools.registry import all_tools
from tools.spec import Context

CODE_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
PLACES = ("accounts", "admin", "api", "approvals", "healthz", "readyz", "tasks", "tickets", "ws")
ADDRESS = re.compile(
    rf"(?<![\w./*-])(?:http://127\.0\.0\.1:8000|\$DESK)?(/(?:{'|'.join(PLACES)})(?:/[^\s`\"'|),;]*)?)(?![\w])"
)


def text_of(path: Path) -> str:
    return path.read_text()


def section(path: Path, heading: str) -> str:
    """What stands under a heading, up to the next one."""
    found = re.search(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text_of(path), re.MULTILINE | re.DOTALL)
    assert found is not None, f"{path.name} has no section {heading!r}"
    return found[1]


def table(text: str) -> list[list[str]]:
    """The rows of the first table in the text, without its heading."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def named(cell: str) -> list[str]:
    return INLINE.findall(cell)


def everywhere() -> Iterator[tuple[str, str]]:
    for path in documents():
        yield str(path.relative_to(ROOT)), text_of(path)


# What the desk is set up with ---------------------------------------------------------------------------------


def settings_read() -> dict[str, ast.expr]:
    """The default of each environment variable that the settings read, by name."""
    module = ast.parse((ROOT / "agentdesk" / "settings.py").read_text())
    found: dict[str, ast.expr] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "read":
            given = {keyword.arg: keyword.value for keyword in node.keywords}
            default = given["default"] if "default" in given else node.args[2]
            found[ast.literal_eval(node.args[1])] = default
    return found


def test_operations_explains_every_environment_variable_and_no_other() -> None:
    rows = table(section(DOCS / "operations.md", "Environment variables"))
    assert sorted(named(row[0])[0] for row in rows) == sorted(settings_read())
    assert [row for row in rows if len(row) != 3 or not all(row)] == []


def test_operations_gives_the_defaults_that_the_settings_have() -> None:
    documented = {
        named(row[0])[0]: row[1] for row in table(section(DOCS / "operations.md", "Environment variables"))
    }
    wrong = {}
    for name, default in settings_read().items():
        if isinstance(default, ast.Constant) and default.value != "":
            shown = str(int(default.value)) if isinstance(default.value, bool) else str(default.value)
            if f"`{shown}`" not in documented[name]:
                wrong[name] = (documented[name], shown)
    assert wrong == {}


# States and events --------------------------------------------------------------------------------------------

STATES = DOCS / "states.md"
DIAGRAMS: dict[str, set[str]] = {
    "Task": set(TaskStatus.values),
    "Tool call": set(CallStatus.values),
    "Approval": set(ApprovalStatus.values),
}


def arrows() -> list[list[str]]:
    return [row for heading in (*DIAGRAMS, "Claim", "To-dos") for row in table(section(STATES, heading))]


@pytest.mark.parametrize("heading", DIAGRAMS)
def test_the_arrows_lead_through_exactly_the_states_there_are(heading: str) -> None:
    rows = table(section(STATES, heading))
    assert {state for row in rows for cell in row[:2] for state in named(cell)} == DIAGRAMS[heading]
    drawn = CODE_BLOCK.search(section(STATES, heading))
    assert drawn is not None
    assert {state for state in DIAGRAMS[heading] if state not in drawn[2]} == set()


def test_to_dos_and_messages_are_described_with_their_states() -> None:
    assert set(ToDoState.values) <= set(named(section(STATES, "To-dos")))
    assert set(MessageStatus.values) <= set(named(section(STATES, "Messages to customers")))


def test_the_arrows_record_exactly_the_kinds_of_events_there_are() -> None:
    assert {kind for row in arrows() for kind in named(row[3])} == set(Kind.values)


def test_every_arrow_names_a_function_that_records_its_event() -> None:
    wrong = []
    for row in arrows():
        (path,) = named(row[2])
        module_name, _, name = path.rpartition(".")
        function = getattr(importlib.import_module(module_name), name)
        source = inspect.getsource(function)
        # an action that is split up records in its own module's helpers
        seen = (
            inspect.getsource(importlib.import_module(module_name))
            if path == "approvals.decide.decide"
            else source
        )
        wrong += [f"{path}: {kind}" for kind in named(row[3]) if f"Kind.{Kind(kind).name}" not in seen]
    assert wrong == []


# Tools, roles, policy -----------------------------------------------------------------------------------------


def test_the_table_of_tools_has_every_tool_with_its_effect() -> None:
    documented = {
        named(row[0])[0]: row[1] for row in table(section(DOCS / "tools.md", "The tools there are"))
    }
    present = {
        name: spec.effect.value + (", sensitive" if spec.sensitive else "")
        for name, spec in all_tools().items()
    }
    assert documented == present


def test_the_table_of_effects_has_every_effect() -> None:
    rows = table(section(DOCS / "tools.md", "Effects"))
    assert [named(row[0])[0] for row in rows] == Effect.values


def test_the_roles_are_the_ones_that_the_migration_makes() -> None:
    rows = table(section(DOCS / "security.md", "Roles"))
    assert {row[0]: row[1] for row in rows} == {
        name: "yes" if name in STAFF_ROLES else "no" for name in ROLES.ROLES
    }
    accounts = table(section(ROOT / "README.md", "What to click first"))
    assert [named(row[0])[0] for row in accounts] == list(ROLES.ROLES)


def test_the_limits_of_the_shipped_policy_are_told_as_they_are() -> None:
    limits = [f"up to {band['up_to'] / 100:,.2f}" for band in FIRST_POLICY.BANDS if band["up_to"] is not None]
    assert [row[0] for row in table(section(DOCS / "security.md", "The sign-off"))] == [*limits, "above"]
    readme = text_of(ROOT / "README.md")
    assert [limit for limit in limits if limit not in readme] == []


def test_every_system_check_that_is_mentioned_exists() -> None:
    ids = {
        keyword.value.value
        for _, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "id" and isinstance(keyword.value, ast.Constant)
    }
    mentioned = {found for _, text in everywhere() for found in re.findall(r"\b[a-z]+\.[EW]\d{3}\b", text)}
    assert mentioned == {check for check in ids if re.fullmatch(r"[a-z]+\.[EW]\d{3}", str(check))}


# What people type ---------------------------------------------------------------------------------------------


def make_targets() -> dict[str, bool]:
    """The targets of the Makefile; True for those that `make help` lists."""
    lines = (ROOT / "Makefile").read_text().splitlines()
    found = (re.match(r"([a-z][a-z-]*):(?!=)(.*)", line) for line in lines)
    return {match[1]: "##" in match[2] for match in found if match}


def test_every_make_target_that_is_mentioned_exists_and_every_listed_one_is_in_the_readme() -> None:
    targets = make_targets()
    code = {
        name: "\n".join([*INLINE.findall(text), *(block for _, block in CODE_BLOCK.findall(text))])
        for name, text in everywhere()
    }
    mentioned = {target for text in code.values() for target in re.findall(r"\bmake ([a-z][a-z-]*)", text)}
    assert mentioned - set(targets) == set()
    in_readme = set(re.findall(r"\bmake ([a-z][a-z-]*)", code["README.md"]))
    assert {target for target, listed in targets.items() if listed} - in_readme == set()


def own_commands() -> set[str]:
    return {
        name for name, app in get_commands().items() if str(getattr(app, "name", app)).startswith(PACKAGES)
    }


def typed() -> Iterator[tuple[str, list[str]]]:
    """Each `manage.py …` line of a code block with its words."""
    for name, text in everywhere():
        for _, block in CODE_BLOCK.findall(text):
            for line in block.replace("\\\n", " ").splitlines():
                if "manage.py " in line and "=" not in line.partition("manage.py")[0]:
                    yield name, shlex.split(line.partition("manage.py ")[2], comments=True)


def test_every_management_command_that_is_mentioned_exists_and_every_own_one_is_mentioned() -> None:
    mentioned = {found for _, text in everywhere() for found in re.findall(r"manage\.py ([a-z_]+)", text)}
    assert mentioned - set(get_commands()) == set()
    assert own_commands() - mentioned == set()


def test_every_command_line_is_understood_by_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: argparse.ArgumentParser, message: str) -> None:
        raise AssertionError(f"{self.prog}: {message}")

    monkeypatch.setattr(argparse.ArgumentParser, "error", refused)
    lines = list(typed())
    assert len(lines) > 5
    for _, (command, *arguments) in lines:
        app = get_commands()[command]
        parser = load_command_class(app, command).create_parser("manage.py", command)
        parser.allow_abbrev = False
        argparse.ArgumentParser.parse_args(parser, arguments)


# Addresses and links ------------------------------------------------------------------------------------------


def addresses() -> set[str]:
    """Every path of the desk that some document mentions, with example ids in place of `<id>` and `$TASK`."""
    found = set()
    for _, text in everywhere():
        code = [*INLINE.findall(text), *(block for _, block in CODE_BLOCK.findall(text))]
        for piece in code:
            for path in ADDRESS.findall(piece):
                bare = re.sub(r"<[^>]+>|\$\{?\w+\}?|\{\w+\}", "x", path.partition("?")[0])
                found.add(bare.rstrip("."))
    return found


def test_every_address_that_is_mentioned_leads_somewhere() -> None:
    lost = []
    for path in addresses() - {"/ws/live/"}:
        try:
            resolve(path)
        except Resolver404:
            lost.append(path)
    assert lost == []
    assert "/approvals/x/decide/" in addresses()


def test_the_api_page_describes_every_endpoint_there_is() -> None:
    text = text_of(DOCS / "api.md")
    described = {
        f"{method.upper()} {path}"
        for path, methods in api.get_openapi_schema()["paths"].items()
        for method in methods
    }
    missing = [line for line in described if line.replace("{task_id}", "<id>") not in text]
    assert missing == []


def slug(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_every_relative_link_and_picture_leads_to_a_file_and_its_heading() -> None:
    lost = []
    for path in documents():
        bare = CODE_BLOCK.sub("", text_of(path))
        for target in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", bare):
            link = target[0] or target[1]
            if re.match(r"[a-z]+:", link):
                continue
            file, _, anchor = link.partition("#")
            aim = (path.parent / file).resolve() if file else path
            if not aim.exists():
                lost.append(f"{path.name}: {link}")
            elif anchor and anchor not in {
                slug(line) for line in re.findall(r"^#+ (.+)$", text_of(aim), re.MULTILINE)
            }:
                lost.append(f"{path.name}: {link} has no such heading")
    assert lost == []


def test_every_file_and_folder_of_the_house_that_is_mentioned_exists() -> None:
    top = (*PACKAGES, "templates", "tests")
    lost = []
    for name, text in everywhere():
        if name.endswith("changelog.md"):
            continue  # it tells of what was
        for piece in INLINE.findall(text):
            if re.fullmatch(rf"(?:{'|'.join(top)})/[\w./-]*", piece) and not (ROOT / piece).exists():
                lost.append(f"{name}: {piece}")
    assert lost == []


def test_the_readme_leads_to_every_page() -> None:
    links = {
        (path.parent / link).resolve()
        for path in (ROOT / "README.md", DOCS / "decisions" / "README.md")
        for link in re.findall(r"\]\(([^)#\s]+)\)", text_of(path))
    }
    assert [path.name for path in DOCS.rglob("*.md") if path not in links] == []


def test_every_decision_gives_context_choice_price_and_what_would_change_it() -> None:
    headings = ["## Context", "## Choice", "## Price", "## What would change our mind"]
    pages = sorted(DOCS.glob("decisions/0*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    assert {page.name: re.findall(r"^## .+$", text_of(page), re.MULTILINE) for page in pages} == {
        page.name: headings for page in pages
    }


# Examples that are run ----------------------------------------------------------------------------------------


def example(path: Path, language: str, containing: str) -> str:
    found = [
        block for kind, block in CODE_BLOCK.findall(text_of(path)) if kind == language and containing in block
    ]
    assert len(found) == 1, f"{path.name}: one {language} example with {containing!r}"
    return found[0]


@pytest.fixture
def crm(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The README's toolset as a package of its own that the desk knows."""
    package = tmp_path / "crm"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "toolset.py").write_text(example(ROOT / "README.md", "python", "TOOLS"))
    monkeypatch.syspath_prepend(tmp_path)
    settings.AGENTDESK_TOOLSETS = [*settings.AGENTDESK_TOOLSETS, "crm"]
    all_tools.cache_clear()
    yield tmp_path
    all_tools.cache_clear()
    for name in [name for name in sys.modules if name.partition(".")[0] == "crm"]:
        del sys.modules[name]


def test_the_readmes_tool_runs_and_leaves_its_result(crm: Path, db: None) -> None:
    name = "add_customer_note"
    spec = all_tools()[name]
    customer = CustomerFactory()
    parsed = parse(spec, '{"text": "Please look at the lid."}')
    call = ToolCallFactory(
        given_task=TaskFactory(status="running", customer=customer),
        tool=name,
        arguments=parsed.data,
        arguments_hash=parsed.hash,
        effect=spec.effect,
    )
    invoke(call.task, [call], authorise=allow)
    ended = ToolCall.objects.get(pk=call.pk)
    assert (ended.status, ended.output) == (CallStatus.DONE, '{"noted":true}')
    customer.refresh_from_db()
    assert customer.notes == "Please look at the lid."


def test_the_readmes_tool_tells_the_model_when_it_cannot_be_done(crm: Path, db: None) -> None:
    spec = all_tools()["add_customer_note"]
    parsed = parse(spec, '{"text": "Please look at the lid."}')
    call = ToolCallFactory(
        given_task=TaskFactory(status="running", customer=None),
        tool=spec.name,
        arguments=parsed.data,
        arguments_hash=parsed.hash,
    )
    invoke(call.task, [call], authorise=allow)
    ended = ToolCall.objects.get(pk=call.pk)
    assert ended.status == CallStatus.FAILED
    assert "no customer" in ended.output


def allow(_: Context, __: Any, ___: Any) -> None:
    assert transaction.get_connection().in_atomic_block


def test_the_readmes_toolset_is_accepted_by_a_desk_that_names_it(crm: Path, tmp_path: Path) -> None:
    ours = {
        "AGENTDESK_EXTRA_TOOLSETS": "crm",
        "PYTHONPATH": str(crm),
        "AGENTDESK_DATA": str(tmp_path / "data"),
    }
    answer = subprocess.run(
        [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={**os.environ, **ours},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("page", [ROOT / "README.md", DOCS / "api.md"], ids=["readme", "api"])
def test_the_request_that_starts_a_task_is_accepted(page: Path, ada: User) -> None:
    command = example(page, "sh", "/api/v1/tasks -d")
    (body,) = re.findall(r"-d '(\{.*?\})'", command, re.DOTALL)
    given = json.loads(body)
    CustomerFactory(number=given["customer"])
    support_version()
    client = Client()
    client.force_login(ada)
    answer = client.post("/api/v1/tasks", body, content_type="application/json")
    assert answer.status_code == 202, answer.content
    assert set(answer.json()) == {"id", "status", "url", "events_url"}


def test_the_pages_that_change_the_most_stay_readable() -> None:
    """The README is for the first ten minutes: everything longer belongs into a page of its own."""
    assert len(text_of(ROOT / "README.md").splitlines()) <= 170
