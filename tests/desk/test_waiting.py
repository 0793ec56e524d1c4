"""What people see and do about tasks that wait for a limit or a model."""

from __future__ import annotations

import pytest
from django.db import transaction

from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from agentdesk.roster.models import AgentVersion
from tasks import usage
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import AgentVersionFactory, TaskFactory

GONE = "The model’s server refuses the key. Check OPENAI_API_KEY, restart the workers, then try again."


def waiting(why: WaitingFor = WaitingFor.MODEL, **fields) -> Task:
    task = TaskFactory(status=TaskStatus.WAITING, waiting_for=why, waiting_note=GONE, **fields)
    with transaction.atomic():
        record(task, Fact(Kind.TASK_QUEUED), Fact(Kind.TASK_WAITING, {"waiting_for": why, "why": GONE}))
    return task


def out_of_turns(**fields) -> Task:
    task = waiting(WaitingFor.LIMIT, agent_version=AgentVersionFactory(max_turns=20), turns_used=20, **fields)
    Task.objects.filter(pk=task.pk).update(waiting_note=usage.reached(task).sentence)
    task.refresh_from_db()
    return task


def page_of(browser, task) -> str:
    return browser.get(task.get_absolute_url()).content.decode()


def test_a_task_that_waits_for_a_model_says_why_and_has_a_button(as_, ada):
    task = waiting(attempts=6)
    browser = as_(ada)

    assert GONE in page_of(browser, task)
    assert "Try again" in page_of(browser, task)
    assert browser.post(f"/tasks/{task.public_id}/try-again/").status_code == 302

    task.refresh_from_db()
    assert (task.status, task.attempts) == (TaskStatus.QUEUED, 0)
    assert "Sent on its way again by ada" in " ".join(page_of(browser, task).split())


def test_who_looks_on_reads_why_and_has_no_button(as_, vera):
    task = waiting()
    page = page_of(as_(vera), task)
    assert GONE in page
    assert "Try again</button>" not in page


def test_trying_again_twice_says_that_somebody_was_faster(as_, ada):
    task = waiting()
    browser = as_(ada)
    browser.post(f"/tasks/{task.public_id}/try-again/")
    answer = browser.post(f"/tasks/{task.public_id}/try-again/")
    assert answer.status_code == 409
    assert "sent it on before you" in answer.content.decode()


def test_one_click_on_the_dashboard_sends_on_all_that_wait_for_a_model(as_, ada):
    held_up = [waiting() for _ in range(3)]
    limited = out_of_turns()
    browser = as_(ada)
    page = browser.get("/").content.decode()
    assert "Try all 3 again" in page
    assert limited.waiting_note in page
    assert "Nothing needs you." not in page

    assert browser.post("/tasks/try-again/").status_code == 302

    assert not Task.objects.filter(pk__in=[task.pk for task in held_up], status=TaskStatus.WAITING).exists()
    limited.refresh_from_db()
    assert limited.status == TaskStatus.WAITING


def test_lists_say_what_a_task_waits_for(as_, vera):
    waiting()
    out_of_turns()
    page = as_(vera).get("/tasks/").content.decode()
    assert "Waiting for a model" in page
    assert "Waiting for a larger limit" in page
    assert "Waiting for a signature" not in page


def test_a_lead_extends_the_limit_that_is_reached_with_a_reason(as_, lena):
    task = out_of_turns()
    browser = as_(lena)
    assert "This task has used up its limit of 20 turns." in page_of(browser, task)
    address = f"/tasks/{task.public_id}/extend/"
    assert address in page_of(browser, task)
    form = browser.get(address).content.decode()
    assert "More turns" in form
    assert "At most 20 turns at a time" in form

    posted = {"limit": "task.turns", "amount": "5", "reason": "It is nearly there."}
    assert browser.post(address, posted).status_code == 302

    task.refresh_from_db()
    assert (task.status, task.limits) == (TaskStatus.QUEUED, {"turns": 25})
    assert task.events.get(kind=Kind.TASK_EXTENDED).by == lena
    page = " ".join(page_of(browser, task).split())
    assert "Limit of 20 turns extended by 5 turns: It is nearly there. by lena" in page
    assert "Turns: 20 of 25" in page


@pytest.mark.parametrize(
    ("posted", "said"),
    [
        ({"amount": "21"}, "at most 20 turns"),
        ({"amount": "many"}, "not a whole number"),
        ({"amount": ""}, "not a whole number"),
        ({"reason": ""}, "The reason is empty"),
        ({"reason": "x" * 301}, "the limit is 300"),
        ({"reason": "a\x00b"}, "NUL"),
    ],
)
def test_a_form_that_cannot_be_taken_comes_back_with_what_was_typed(as_, lena, posted, said):
    task = out_of_turns()
    address = f"/tasks/{task.public_id}/extend/"
    answer = as_(lena).post(address, {"limit": "task.turns", "amount": "7", "reason": "Typed.", **posted})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert 'value="7"' in page or "Typed." in page
    task.refresh_from_db()
    assert task.status == TaskStatus.WAITING


def test_money_is_typed_in_dollars(as_, lena):
    version = AgentVersionFactory(max_cost_micros=2_500_000)
    task = waiting(WaitingFor.LIMIT, agent_version=version, cost_micros=2_600_000)
    browser = as_(lena)
    address = f"/tasks/{task.public_id}/extend/"
    form = browser.get(address).content.decode()
    assert 'value="2.50"' in form
    assert "US dollars spent on models" in form

    browser.post(address, {"limit": "task.cost_micros", "amount": "1.25", "reason": "Worth it."})

    task.refresh_from_db()
    assert task.limits == {"cost_micros": 3_850_000}
    assert "Spent on models: $2.60 of $3.85" in page_of(browser, task)


def test_who_asked_for_the_task_is_told_that_somebody_else_extends(as_, lena):
    task = out_of_turns(requested_by=lena)
    browser = as_(lena)
    assert "somebody else has to extend" in page_of(browser, task)
    address = f"/tasks/{task.public_id}/extend/"
    assert "Extend and go on" not in browser.get(address).content.decode()
    posted = {"limit": "task.turns", "amount": "5", "reason": "Please."}
    assert browser.post(address, posted).status_code == 403


def test_a_support_agent_reads_whom_to_ask(as_, ada):
    task = out_of_turns()
    assert "Ask a lead, finance or an administrator." in page_of(as_(ada), task)


def test_a_limit_that_is_reached_no_longer_leaves_only_trying_again(as_, ada, lena):
    task = out_of_turns()
    AgentVersion.objects.filter(pk=task.agent_version_id).update(max_turns=30)
    assert "Try again" in page_of(as_(ada), task)
    page = as_(lena).get(f"/tasks/{task.public_id}/extend/").content.decode()
    assert "no limit is reached any more" in page


def test_a_person_may_end_it_instead(as_, ada):
    task = out_of_turns()
    browser = as_(ada)
    assert f"/tasks/{task.public_id}/cancel/" in page_of(browser, task)
    browser.post(f"/tasks/{task.public_id}/cancel/")
    task.refresh_from_db()
    assert (task.status, task.waiting_note) == (TaskStatus.CANCELLED, "")


def test_a_waiting_note_is_shown_as_text(as_, vera):
    task = waiting()
    Task.objects.filter(pk=task.pk).update(waiting_note="<script>alert(1)</script> \u202eevil")
    page = page_of(as_(vera), task)
    assert "<script>alert" not in page
    assert "\u202e" not in page
