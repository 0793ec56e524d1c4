"""What a page may ask for over its socket; no database."""

from __future__ import annotations

import json

import pytest

from agentdesk.core.errors import Invalid
from agentdesk.live.watch import Watch, parse_message, parse_watch


def test_tasks_and_lists_are_watched_by_name():
    watch = parse_watch({"tasks": True, "task:tsk_01k": 7})

    assert watch == Watch(tasks={"tsk_01k": 7}, every="")
    assert watch.groups() == {"tasks", "task.tsk_01k"}


def test_a_list_may_say_what_it_shows():
    assert parse_watch({"tasks": "0-12"}).every == "0-12"


def test_nothing_may_be_watched():
    assert parse_watch({}).groups() == set()


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "7", "null", "[" * 2000, '{"a": "' + "x" * 5000 + '"}']
)
def test_a_message_is_one_small_json_object(text):
    with pytest.raises(Invalid):
        parse_message(text)


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        [],
        "tasks",
        {"approvals": True},
        {"tasks": 1},
        {"tasks": False},
        {"tasks": "x" * 41},
        {"task:tsk_1": True},
        {"task:tsk_1": "1"},
        {"task:tsk_1": 1.0},
        {"task:tsk_1": -1},
        {"task:tsk_1": 2**31},
        {"task:tsk_\x00": 1},
        {"task:tsk_1\n": 1},
        {"task:": 1},
        {f"task:tsk_{n}": 0 for n in range(21)},
    ],
)
def test_anything_else_is_refused(wanted):
    with pytest.raises(Invalid):
        parse_watch(json.loads(json.dumps(wanted)))
