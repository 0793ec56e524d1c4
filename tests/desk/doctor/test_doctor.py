"""`manage.py doctor`: each thing that can be wrong is broken here, and read back as a sentence with its cure."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from agentdesk.desk.doctor import around, database, people, queue, tasks, workers
from agentdesk.desk.doctor.examine import FIRST, NEEDS_NO_DATABASE, REST, examine
from agentdesk.desk.doctor.finding import Check, Level
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from agentdesk.runtime.tree import ensure_wake_ups
from tests.factories import (
    AgentVersionFactory,
    ApprovalFactory,
    OutgoingMessageFactory,
    TaskFactory,
    ToolCallFactory,
    WorkerProcessFactory,
    person,
    support_version,
)
from tools.messages.models import OutgoingMessage

LABEL = OutgoingMessage._meta.app_label


def ago(seconds: float) -> Any:
    return timezone.now() - timedelta(seconds=seconds)


@pytest.fixture
def sound(db: None) -> None:
    """A desk on which nothing is wrong."""
    ensure_wake_ups()
    WorkerProcessFactory()
    support_version()
    person("lena", "lead")
    person("ada", "agent")


def said(check: Check) -> list[tuple[str, str]]:
    return [(str(finding.level), finding.sentence) for finding in check()]


def diagnose() -> tuple[int, str]:
    out = io.StringIO()
    try:
        call_command("doctor", stdout=out, no_color=True)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_a_sound_desk_has_nothing_wrong(sound: None) -> None:
    code, out = diagnose()
    assert (code, out.splitlines()[-1]) == (0, "Nothing is wrong.")
    assert "✗" not in out


def test_a_problem_is_told_with_its_cure_and_by_the_exit_code(sound: None) -> None:
    User.objects.all().delete()
    code, out = diagnose()
    assert code == 1
    assert "✗ There is no active account, so nobody can sign in.\n    Make the first one" in out
    assert out.splitlines()[-1].endswith("problems.")


def test_programs_get_json(sound: None) -> None:
    out = io.StringIO()
    call_command("doctor", "--json", stdout=out)
    told = json.loads(out.getvalue())
    assert told["healthy"] is True
    assert {frozenset(finding) for finding in told["findings"]} == {
        frozenset({"check", "level", "sentence", "cure"})
    }
    assert "around.model_has_a_key" in {finding["check"] for finding in told["findings"]}


def test_every_check_there_is_is_run() -> None:
    modules = (around, database, people, queue, tasks, workers)
    written = {
        function
        for module in modules
        for name, function in vars(module).items()
        if callable(function)
        and not name.startswith("_")
        and getattr(function, "__module__", "") == module.__name__
    }
    assert set(NEEDS_NO_DATABASE) | set(FIRST) | set(REST) == written


def test_every_problem_has_a_cure(sound: None) -> None:
    OrmQ.objects.all().delete()
    Schedule.objects.all().delete()
    found = list(examine())
    assert [d for d in found if d.finding.level == Level.PROBLEM and not d.finding.cure] == []


# The database ---------------------------------------------------------------------------------------------------


def test_a_database_that_does_not_answer_is_said_once_and_nothing_else_is_asked(db: None) -> None:
    def refuse(*_: Any) -> None:
        raise OperationalError("connection refused")

    with connection.execute_wrapper(refuse):
        found = [d for d in examine() if d.finding.level == Level.PROBLEM]
    assert [d.finding.sentence for d in found] == ["The database does not answer: connection refused"]


def test_a_database_that_fails_half_way_is_said_too(sound: None) -> None:
    def refuse(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if "django_q_ormq" in sql:
            raise OperationalError("disk I/O error")
        return execute(sql, *rest)

    with connection.execute_wrapper(refuse):
        found = {d.check: d.finding.sentence for d in examine()}
    assert found["queue.moves"] == "The database failed while this was looked at: disk I/O error"


def test_migrations_that_have_not_been_run(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = %s", [LABEL])
    ((level, sentence),) = said(database.is_migrated)
    assert level == "problem"
    assert sentence.startswith(f"1 migrations have not been run, from {LABEL} 0001")


def test_a_database_that_cannot_be_written(db: None) -> None:
    def read_only(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        if sql.startswith("INSERT"):
            raise OperationalError("attempt to write a readonly database")
        return execute(sql, *rest)

    with connection.execute_wrapper(read_only):
        ((_, sentence),) = said(database.can_be_written)
    assert sentence == "The database can be read but not written: attempt to write a readonly database"


def test_looking_whether_it_can_be_written_leaves_nothing(sound: None) -> None:
    before = list(workers.WorkerProcess.objects.values_list("name"))
    assert said(database.can_be_written) == []
    assert list(workers.WorkerProcess.objects.values_list("name")) == before


def test_sqlite_that_would_lose_commits_in_a_power_cut(transactional_db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("SQLite only")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA synchronous=NORMAL")
    try:
        ((_, sentence),) = said(database.sqlite_keeps_what_it_commits)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous=FULL")
    assert sentence == "SQLite runs with synchronous = 1 instead of FULL."
    assert said(database.sqlite_keeps_what_it_commits) == []


def test_a_transaction_that_somebody_keeps_open(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL only")
    monkeypatch.setattr(database, "OLD_TRANSACTION", timedelta(0))
    other = connection.copy()
    try:
        with transaction.atomic():
            other.set_autocommit(False)
            other.cursor().execute("CREATE TEMPORARY TABLE kept_open (x int)")
            found = said(database.has_no_old_transaction)
    finally:
        other.close()
    assert any(sentence.startswith("A transaction has been open for") for _, sentence in found)


def test_a_clock_that_is_wrong(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        database, "timezone", SimpleNamespace(now=lambda: timezone.now() + timedelta(hours=1))
    )
    ((level, sentence),) = said(database.clocks_agree)
    assert (level, sentence) == ("note", "The clock of this machine is 60 min ahead of the database's.")


# Workers and queue ----------------------------------------------------------------------------------------------


def test_no_worker_shows_life_and_one_has_fallen_silent(db: None) -> None:
    worker = WorkerProcessFactory(host="blue", pid=77, seen_at=ago(600))
    assert said(workers.show_life) == [
        ("problem", "No worker shows life, so no task goes on."),
        (
            "note",
            f"The worker on {worker} has said nothing for 10 min: it was killed, or its machine is gone.",
        ),
    ]


def test_a_worker_that_was_not_restarted_after_an_upgrade(sound: None) -> None:
    WorkerProcessFactory(host="blue", pid=77, version="0.0.9+00000000")
    ((_, sentence),) = said(workers.run_this_code)
    assert sentence.startswith("The worker on blue, process 77 runs 0.0.9+00000000, and the code here is ")


def test_the_wake_up_of_every_minute_is_missing_or_late(sound: None) -> None:
    Schedule.objects.update(next_run=ago(600))
    assert said(workers.are_woken_by_the_clock) == [
        ("problem", "The wake-up of every minute is 10 min late.")
    ]
    Schedule.objects.all().delete()
    ((_, sentence),) = said(workers.are_woken_by_the_clock)
    assert sentence.startswith("The wake-up of every minute is missing")


def test_a_queue_that_does_not_move(sound: None) -> None:
    OrmQ.objects.update(lock=ago(600))
    assert said(queue.moves) == [
        ("problem", "A wake-up has waited 10 min in the queue, and no worker took it.")
    ]


def test_a_wake_up_that_was_lost_with_its_worker(sound: None) -> None:
    OrmQ.objects.update(lock=timezone.now() + timedelta(seconds=400))  # taken 600 s ago, for 1,000 s
    assert said(queue.moves) == [("note", "A worker took a wake-up 10 min ago and was lost with it.")]


def test_wake_ups_that_were_signed_with_another_secret_key(sound: None) -> None:
    OrmQ.objects.update(payload="x" + OrmQ.objects.get().payload)
    ((level, sentence),) = said(queue.can_be_read)
    assert (level, sentence[:48]) == ("note", "1 wake-ups in the queue were signed with another")


# Tasks ----------------------------------------------------------------------------------------------------------


def test_tasks_that_nobody_takes_up(sound: None) -> None:
    TaskFactory(queued_at=ago(600))
    ((_, sentence),) = said(tasks.are_taken_up)
    assert sentence == "1 tasks could be worked on, and the oldest has waited 10 min for a worker."


def test_a_task_that_loses_its_workers(sound: None) -> None:
    task = TaskFactory(status="running", lost_claims=4)
    assert said(tasks.keep_their_workers) == [
        ("problem", f"Task {task.public_id} lost its worker 4 times in a row.")
    ]


def test_a_task_that_waits_for_an_approval_nobody_is_asked_for(sound: None) -> None:
    asked = ApprovalFactory(status="open")
    assert said(tasks.wait_for_something_that_can_come) == []
    lost = TaskFactory(status="waiting")
    assert asked.task_id != lost.pk
    assert said(tasks.wait_for_something_that_can_come) == [
        ("problem", f"Task {lost.public_id} waits for sign-off, and nobody is asked for it.")
    ]


def test_outcomes_that_nobody_knows(sound: None) -> None:
    ToolCallFactory(status="unknown")
    assert said(tasks.have_known_outcomes) == [("problem", "Of 1 calls nobody knows whether they happened.")]


def test_what_waits_for_people_and_since_when(sound: None) -> None:
    task = TaskFactory(status="waiting")
    with transaction.atomic():
        record(task, Fact(Kind.TASK_WAITING, {"waiting_for": "approval"}))
    ((level, sentence),) = said(tasks.wait_for_people)
    assert level == "note"
    assert sentence.startswith("Waiting for sign-off: 1 tasks, the first of them for ")


# People and what is around --------------------------------------------------------------------------------------


def test_nobody_may_sign_or_answer(sound: None) -> None:
    User.objects.filter(username="lena").update(is_active=False)
    sentences = [sentence for _, sentence in said(people.can_sign)]
    assert sentences[0] == "No active account may sign, so whatever agents ask for will expire."
    User.objects.update(is_active=False)
    assert len(said(people.can_sign)) == 2
    assert said(people.exist) == [("problem", "There is no active account, so nobody can sign in.")]


def test_a_disk_that_is_nearly_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=120_000_000))
    ((level, sentence),) = said(around.disk_has_room)
    assert level == "problem"
    assert sentence.endswith("has 120 MB left.")


def test_a_model_without_a_key(settings: Any) -> None:
    settings.MODEL, settings.OPENAI_API_KEY, settings.OPENAI_BASE_URL = "gpt-5.2", "", ""
    assert said(around.model_has_a_key) == [
        ("problem", "The model is gpt-5.2, and there is no key to reach it with.")
    ]
    settings.OPENAI_API_KEY = "sk-test"
    assert said(around.model_has_a_key) == []


def test_a_redis_that_does_not_answer(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    ((_, sentence),) = said(around.redis_answers)
    assert sentence.startswith("Redis does not answer: ")
    settings.REDIS_URL = ""
    assert said(around.redis_answers) == []


def test_debug_pages_and_a_demo(settings: Any) -> None:
    settings.DEBUG, settings.DEMO = True, True
    assert said(around.debug_is_off) == [("problem", "Debug pages are on; they show settings and code.")]
    assert said(around.demo_is_off) == [("note", "The demo is on: its accounts have a known password.")]


def test_mail_that_does_not_leave(sound: None) -> None:
    OutgoingMessageFactory(status="pending", written_at=ago(600))
    OutgoingMessageFactory(status="failed")
    assert said(around.mail_leaves) == [
        ("problem", "1 messages to customers have not left, the oldest for 10 min."),
        ("note", "1 messages to customers were not sent."),
    ]


def test_an_agent_that_names_unknown_tools(sound: None) -> None:
    AgentVersionFactory(tools=["add_todos", "fly"])
    assert said(around.agents_know_their_tools) == [
        ("problem", "The agent support names tools that do not exist: fly.")
    ]
