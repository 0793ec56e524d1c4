"""Trying again, starting again and forking from the pages."""

from __future__ import annotations

import re

import pytest

from agentdesk.roster.models import Source
from approvals.decide import decide
from tasks.models import OriginKind, Task, TaskStatus, WaitingFor
from tests.desk.cases import wanted_refund
from tests.factories import (
    AgentFactory,
    AgentVersionFactory,
    RefundFactory,
    TaskFactory,
    ToolCallFactory,
    TurnFactory,
)
from tools.models import CallStatus
from tools.retell import fork, retry

RETRY, AGAIN = "Try again from where it stopped", "Start again"


@pytest.fixture
def failed(db):
    """It refunded 29.00 in its first of two turns."""
    task = TaskFactory(status=TaskStatus.FAILED, title="Charged twice", failure="The key was refused.")
    first = TurnFactory(task=task, text="I look at it.")
    call = ToolCallFactory(turn=first, status=CallStatus.DONE, output="{}")
    RefundFactory(tool_call=call, amount_minor=2900)
    TurnFactory(task=task, text="Then I stopped.")
    return task


def page_of(browser, task):
    return browser.get(task.get_absolute_url()).content.decode()


def test_an_ended_task_offers_what_can_be_done_with_it(as_, ada, failed):
    page = page_of(as_(ada), failed)
    assert RETRY in page
    assert AGAIN in page
    assert [f"/tasks/{failed.public_id}/fork/{turn}/" in page for turn in (1, 2, 3)] == [True, True, False]

    done = page_of(as_(ada), TaskFactory(status=TaskStatus.DONE))
    assert (RETRY in done, AGAIN in done) == (False, True)


@pytest.mark.parametrize("who", ["vera", "finn", "audrey"])
def test_whoever_starts_no_tasks_sees_no_button(as_, request, failed, who):
    page = page_of(as_(request.getfixturevalue(who)), failed)
    assert (RETRY in page, AGAIN in page, "/fork/" in page) == (False, False, False)


def test_a_task_that_is_not_ended_offers_none_of_it_and_refuses_it(as_, ada):
    task = TaskFactory(status=TaskStatus.RUNNING)
    browser = as_(ada)
    page = page_of(browser, task)
    assert (RETRY in page, AGAIN in page) == (False, False)
    for verb in ("retry", "again", "fork/1"):
        assert browser.post(f"/tasks/{task.public_id}/{verb}/").status_code == 409, verb
    assert Task.objects.count() == 1


def test_while_something_outside_is_in_doubt_it_says_so_and_offers_nothing(as_, ada, failed):
    ToolCallFactory(turn=failed.turns.last(), status=CallStatus.UNKNOWN)
    page = page_of(as_(ada), failed)
    assert "still being found out" in page
    assert (RETRY in page, "/fork/" in page, "/again/" in page) == (False, False, False)


def test_two_clicks_on_try_again_lead_to_one_task(as_, ada, failed):
    browser = as_(ada)
    first = browser.post(f"/tasks/{failed.public_id}/retry/")
    second = browser.post(f"/tasks/{failed.public_id}/retry/")

    again = failed.offspring.get()
    assert first.url == second.url == again.get_absolute_url()
    assert (again.origin_kind, again.requested_by) == (OriginKind.RETRY, ada)
    assert "See the retry" in page_of(browser, failed)
    assert RETRY not in page_of(browser, failed)


def test_the_new_task_names_its_origin_and_the_origin_its_offspring(as_, ada, vera, failed):
    again = retry(failed, by=ada)
    forked = fork(failed, turn=2, by=ada, note="Another tone")
    browser = as_(vera)

    page = page_of(browser, again)
    assert "Goes on from" in page
    assert failed.get_absolute_url() in page
    assert "Refund $29.00 on A-7001" in page
    assert "2 turns taken over" in page
    assert "I look at it." in page

    page = page_of(browser, forked)
    assert "Fork of" in page
    assert "at turn 2" in page
    assert "Another tone" in page
    assert "1 turn taken over" in page

    page = page_of(browser, failed)
    assert page.count("Made from it") == 2
    assert again.get_absolute_url() in page
    assert forked.get_absolute_url() in page


def test_what_was_taken_over_to_be_done_is_not_folded_away(as_, ada, vera, failed):
    ToolCallFactory(
        turn=failed.turns.last(),
        tool="get_user_data",
        raw_arguments='{"customer":"C-1"}',
        status=CallStatus.REFUSED,
        error_code="cancelled",
    )
    context = as_(vera).get(retry(failed, by=ada).get_absolute_url()).context
    assert [moment.turn.number for moment in context["taken_over"]] == [1]
    assert [moment.turn.number for moment in context["moments"] if moment.turn] == [2]


def test_lists_say_how_a_task_was_made(as_, ada, vera, failed):
    retry(failed, by=ada)
    fork(failed, turn=2, by=ada)
    page = as_(vera).get("/tasks/").content.decode()
    assert "Retry" in page
    assert "Fork at turn 2" in page


def test_starting_again_shows_first_what_stays_done(as_, ada, failed):
    browser = as_(ada)
    page = browser.get(f"/tasks/{failed.public_id}/again/").content.decode()
    assert "This was done already and stays done." in page
    assert "Refund $29.00 on A-7001" in page

    new = re.search(r'name="new" value="(tsk_\w+)"', page)[1]
    sent = [browser.post(f"/tasks/{failed.public_id}/again/", {"new": new}) for _ in range(2)]
    assert {response.url for response in sent} == {f"/tasks/{new}/"}
    assert failed.offspring.get().origin_kind == OriginKind.AGAIN


def form_of(browser, task, turn):
    """The fork form as a browser would send it back."""
    form = browser.get(f"/tasks/{task.public_id}/fork/{turn}/").context["form"]
    return {name: form[name].value() or "" for name in form.fields}


def test_a_fork_that_changes_nothing_runs_on_the_same_version(as_, ada, failed):
    browser = as_(ada)
    response = browser.post(f"/tasks/{failed.public_id}/fork/2/", form_of(browser, failed, 2))
    forked = failed.offspring.get()
    assert response.url == forked.get_absolute_url()
    assert (forked.origin_turn, forked.agent_version) == (2, failed.agent_version)


def test_a_fork_with_other_words_and_model_gets_its_own_version_once(as_, ada, failed):
    browser = as_(ada)
    form = {
        **form_of(browser, failed, 2),
        "instructions": "Be brief.",
        "model": "gpt-other",
        "note": "Try it",
    }
    first = browser.post(f"/tasks/{failed.public_id}/fork/2/", form)
    second = browser.post(f"/tasks/{failed.public_id}/fork/2/", form)

    assert first.url == second.url
    made = failed.offspring.get().agent_version
    assert (made.source, made.author, made.instructions, made.model) == (
        Source.FORK,
        ada,
        "Be brief.",
        "gpt-other",
    )
    failed.agent_version.agent.refresh_from_db()
    assert failed.agent_version.agent.current == failed.agent_version


def test_another_agent_brings_its_own_words_and_model(as_, ada, failed):
    other = AgentVersionFactory(
        agent=AgentFactory(name="second", title="Second"), instructions="Another way.", model="gpt-second"
    )
    browser = as_(ada)
    browser.post(
        f"/tasks/{failed.public_id}/fork/1/", {**form_of(browser, failed, 1), "version": str(other.pk)}
    )
    assert failed.offspring.get().agent_version == other


def test_what_the_form_cannot_use_is_shown_beside_its_field(as_, ada, failed):
    browser = as_(ada)
    form = {**form_of(browser, failed, 2), "model": "m" * 101, "note": "n" * 201, "version": "77777"}
    response = browser.post(f"/tasks/{failed.public_id}/fork/2/", form)
    page = response.content.decode()
    assert response.status_code == 422
    assert all(f'id="{name}-problem"' in page for name in ("model", "note", "version"))
    assert not failed.offspring.exists()


@pytest.mark.parametrize("new", ["x", "tsk_" + "i" * 26, "taken"])
def test_an_id_of_somebody_elses_choosing_makes_nothing(as_, ada, failed, new):
    chosen = TaskFactory().public_id if new == "taken" else new
    before = Task.objects.count()
    assert as_(ada).post(f"/tasks/{failed.public_id}/again/", {"new": chosen}).status_code == 422
    assert Task.objects.count() == before


def test_a_turn_that_is_not_there_is_no_page(as_, ada, failed):
    assert as_(ada).get(f"/tasks/{failed.public_id}/fork/9/").status_code == 404
    assert as_(ada).post(f"/tasks/{failed.public_id}/fork/9/").status_code == 404


def test_the_card_says_what_the_origin_did(as_, ada, lena, failed):
    approval = wanted_refund()
    Task.objects.filter(pk=approval.task.pk).update(origin=failed, origin_kind=OriginKind.AGAIN)
    page = as_(lena).get(approval.get_absolute_url()).content.decode()
    assert "Starts again" in page
    assert "Refund $29.00 on A-7001" in page
    assert failed.get_absolute_url() in page
    approval.refresh_from_db()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    assert Task.objects.get(pk=approval.task.pk).waiting_for == WaitingFor.NOTHING
