"""Shipped agents come from files; what staff published is never replaced."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command

from agentdesk.core.errors import Invalid
from agentdesk.roster.edit import publish
from agentdesk.roster.models import Agent, AgentVersion, Source
from agentdesk.roster.sync import read_shipped, sync_shipped
from tests.factories import UserFactory
from tools.registry import all_tools

pytestmark = pytest.mark.django_db

FILE = """
name = "clerk"
title = "Clerk"
description = "Sorts things"
tools = ["add_todos"]
max_turns = 5
max_tool_calls = 5
max_seconds = 60
max_tokens = 5000
instructions = "{instructions}"
"""


@pytest.fixture(autouse=True)
def no_agents() -> None:
    """Whatever migrations brought along."""
    Agent.objects.update(current=None)
    AgentVersion.objects.all().delete()
    Agent.objects.all().delete()


def write(folder: Path, instructions: str = "Sort.", **replaced: str) -> Path:
    text = FILE.format(instructions=instructions)
    for old, new in replaced.items():
        text = text.replace(old, new)
    (folder / "clerk.toml").write_text(text, encoding="utf-8")
    return folder


def clerk() -> Agent:
    return Agent.objects.select_related("current").get(name="clerk")


def test_the_shipped_agents_can_be_started_after_one_sync():
    sync_shipped()

    assert {"support", "billing"} <= set(Agent.objects.startable().values_list("name", flat=True))


def test_every_tool_a_shipped_agent_names_exists():
    for agent in read_shipped():
        assert set(agent.says["tools"]) <= set(all_tools()), agent.name


def test_the_support_agent_may_use_every_built_in_tool_but_those_that_start_other_tasks():
    support = next(agent for agent in read_shipped() if agent.name == "support")

    assert set(support.says["tools"]) == set(all_tools()) - {"start_task", "get_task", "wait_for_task"}


def test_a_second_sync_changes_nothing():
    sync_shipped()
    before = list(AgentVersion.objects.values())

    assert sync_shipped() == []
    assert list(AgentVersion.objects.values()) == before


def test_a_changed_file_becomes_a_new_version_and_the_old_one_stays(tmp_path):
    sync_shipped(write(tmp_path))
    sync_shipped(write(tmp_path, "Sort better."))

    assert clerk().current.number == 2
    assert clerk().current.instructions == "Sort better."
    assert AgentVersion.objects.get(number=1).instructions == "Sort."


def test_an_earlier_content_is_made_current_again_without_a_new_version(tmp_path):
    sync_shipped(write(tmp_path))
    sync_shipped(write(tmp_path, "Sort better."))
    sync_shipped(write(tmp_path))

    assert clerk().current.number == 1
    assert AgentVersion.objects.count() == 2


def test_what_staff_published_stays_current(tmp_path):
    sync_shipped(write(tmp_path))
    publish(clerk(), by=UserFactory(), reason="Our own words", instructions="Sort our way.")
    done = sync_shipped(write(tmp_path, "Sort better."))

    assert clerk().current.instructions == "Sort our way."
    assert clerk().current.source == Source.STAFF
    assert "“clerk” keeps version 2, which was written here." in done
    assert AgentVersion.objects.filter(instructions="Sort better.", source=Source.SHIPPED).exists()


def test_a_title_changed_by_staff_stays(tmp_path):
    sync_shipped(write(tmp_path))
    Agent.objects.update(title="Our clerk", enabled=False)
    sync_shipped(write(tmp_path, "Sort better."))

    assert (clerk().title, clerk().enabled) == ("Our clerk", False)


@pytest.mark.parametrize(
    ("replaced", "named"),
    [
        ({"max_turns = 5": "max_turns = 0"}, "max_turns"),
        ({"max_turns = 5": 'max_turns = "5"'}, "max_turns"),
        ({"max_turns = 5": ""}, "max_turns"),
        ({"max_turns = 5": "max_turns = 5\nspeed = 3"}, "speed"),
        ({'name = "clerk"': 'name = "other"'}, "other"),
        ({'["add_todos"]': '["add_todos", "add_todos"]'}, "twice"),
        ({"tools = ": "tools = = "}, "TOML"),
        ({'title = "Clerk"': 'title = ""'}, "title"),
    ],
)
def test_a_file_with_a_mistake_is_refused_by_name_and_nothing_comes_in(tmp_path, replaced, named):
    with pytest.raises(Invalid, match=r"clerk\.toml") as refused:
        sync_shipped(write(tmp_path, **replaced))

    assert named in refused.value.sentence
    assert not Agent.objects.exists()


def test_the_command_says_what_it_did():
    first, second = StringIO(), StringIO()
    call_command("sync_agents", stdout=first)
    call_command("sync_agents", stdout=second)

    assert "Added the agent “support”." in first.getvalue()
    assert second.getvalue() == "The shipped agents are in place already.\n"


def test_a_shipped_file_may_name_its_fallback_its_limits_and_other_agents(tmp_path):
    (tmp_path / "filer.toml").write_text(FILE.format(instructions="File.").replace("clerk", "filer"))
    write(
        tmp_path,
        **{
            "max_turns = 5": 'max_turns = 5\nfallback_model = "offline"\ncall_seconds = 30\n'
            'max_cost_micros = 500_000\nper_day = { turns = 100 }\nhand_offs = ["filer"]\nconsults = ["filer"]'
        },
    )

    sync_shipped(tmp_path)

    version = clerk().current
    assert (version.fallback_model, version.call_seconds, version.max_cost_micros) == ("offline", 30, 500_000)
    assert (version.per_day, version.hand_offs, version.consults) == ({"turns": 100}, ["filer"], ["filer"])


@pytest.mark.parametrize(
    "line",
    [
        'hand_offs = ["clerk"]',
        'consults = ["nobody"]',
        "per_day = { wishes = 3 }",
        "per_day = { turns = 0 }",
        "call_seconds = 0",
    ],
)
def test_a_shipped_file_that_names_nobody_or_nonsense_is_refused_whole(tmp_path, line):
    write(tmp_path, **{"max_turns = 5": f"max_turns = 5\n{line}"})
    with pytest.raises(Invalid, match=r"clerk\.toml"):
        sync_shipped(tmp_path)
    assert not Agent.objects.exists()
