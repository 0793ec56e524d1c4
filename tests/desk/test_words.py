"""How times, facts and plans are put into words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from agentdesk.desk import standing
from agentdesk.desk.facts import told
from agentdesk.desk.templatetags import desk as words
from tasks.models import TaskStatus
from tests.factories import TaskFactory, ToDoFactory

NOW = datetime(2026, 5, 3, 14, 5, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)


@pytest.mark.parametrize(
    ("passed", "expected"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=40), "40 s ago"),
        (timedelta(minutes=59), "59 min ago"),
        (timedelta(hours=2, minutes=10), "2 h 10 min ago"),
        (timedelta(hours=9, minutes=10), "9 h ago"),
        (timedelta(days=1, hours=2), "1 day ago"),
        (timedelta(days=10), "23 Apr"),
        (timedelta(days=400), "29 Mar 2025"),
    ],
)
def test_how_long_ago(passed, expected):
    assert f">{expected}</time>" in words.ago(NOW - passed)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(minutes=30), "in 30 min"),
        (timedelta(hours=26), "in 1 day"),
        (timedelta(days=2, hours=23, minutes=59), "in 3 days"),
    ],
)
def test_how_long_still(left, expected):
    assert f">{expected}</time>" in words.until(NOW + left)


def test_the_clock_names_the_day_only_when_it_is_another():
    assert ">14:05:30</time>" in words.at(NOW)
    assert ">2 May, 14:05</time>" in words.at(NOW - timedelta(days=1))
    assert 'title="2026-05-03 14:05:30 UTC"' in words.at(NOW)


def test_what_ends_within_four_hours_is_soon():
    assert words.soon(NOW + timedelta(hours=3, minutes=59))
    assert not words.soon(NOW + timedelta(hours=4))


def test_facts_are_told_as_label_and_value():
    facts = {
        "order": "A-1",
        "currency": "EUR",
        "captured_minor": 5800,
        "charges": [["CH-1", 2900], ["CH-2", 2900]],
        "refunds": [],
        "goes_back": {"charge": None, "amount_minor": 2900},
        "urgent": True,
    }
    assert told(facts) == [
        ("Order", "A-1"),
        ("Currency", "EUR"),
        ("Captured", "€58.00"),
        ("Charges", "CH-1 €29.00, CH-2 €29.00"),
        ("Refunds", "none"),
        ("Goes back", "none, €29.00"),
        ("Urgent", "True"),
    ]


def test_facts_without_a_known_currency_are_told_as_they_are():
    assert told({"currency": "XXX", "captured_minor": 5}) == [("Currency", "XXX"), ("Captured", "5")]


@pytest.mark.parametrize("status", TaskStatus.values)
def test_every_status_of_a_task_has_a_sentence(db, status):
    assert standing.of(TaskFactory(status=status), [], []).sentence


def test_a_running_task_stands_where_its_plan_is(db):
    todo = ToDoFactory(task=TaskFactory(status="running"), text="Ask the carrier", state="doing")
    assert standing.of(todo.task, [todo], []).sentence == "Ask the carrier"


def test_a_plan_is_as_far_as_its_done_and_skipped_steps(db):
    task = TaskFactory(status="running")
    todos = [ToDoFactory(task=task, state=state) for state in ("done", "skipped", "doing", "pending")]
    assert words.percent_done(todos) == 50
    assert words.done_of(todos) == "1 of 4"
    assert words.percent_done([]) == 0
