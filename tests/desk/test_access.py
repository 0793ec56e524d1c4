"""Who may open the pages, and what the others are told."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from tests.desk.cases import wanted_refund
from tests.factories import TaskFactory, UserFactory

PAGES = ["dashboard", "approvals", "tickets", "tasks"]


@pytest.mark.parametrize("name", PAGES)
def test_strangers_are_sent_to_sign_in_and_come_back(client, db, name):
    url = reverse(f"desk:{name}")
    response = client.get(url)
    assert response.status_code == 302
    assert response["Location"] == f"/accounts/login/?next={url}"


@pytest.mark.parametrize("name", PAGES)
def test_somebody_without_a_role_reads_whom_to_ask(as_, db, name):
    response = as_(UserFactory()).get(reverse(f"desk:{name}"))
    assert response.status_code == 403
    assert "Ask an administrator" in response.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_a_viewer_sees_every_list(as_, vera, name):
    assert as_(vera).get(reverse(f"desk:{name}")).status_code == 200


def test_a_viewer_gives_agents_no_work_and_is_not_offered_to(as_, vera, ada):
    assert as_(vera).get("/tickets/new/").status_code == 403
    assert "/tickets/new/" not in as_(vera).get("/tickets/").content.decode()
    assert as_(ada).get("/tickets/new/").status_code == 200
    assert "/tickets/new/" in as_(ada).get("/tickets/").content.decode()


def test_the_admin_is_linked_for_staff_only(as_, vera, ada):
    assert 'href="/admin/"' not in as_(vera).get("/").content.decode()
    assert 'href="/admin/"' in as_(ada).get("/").content.decode()


def test_a_fragment_asked_for_after_signing_out_reloads_the_page_at_the_login(client, db, htmx):
    headers = {**htmx("task-list"), "HX-Current-URL": "http://testserver/tasks/?status=live"}
    response = client.get("/tasks/?status=live", headers=headers)
    assert response["HX-Redirect"] == "/accounts/login/?next=/tasks/%3Fstatus%3Dlive"
    assert response.content == b""


def test_a_fragment_asked_for_after_losing_the_role_reloads_the_whole_page(as_, vera, htmx):
    browser = as_(vera)
    vera.groups.clear()
    response = browser.get("/tasks/", headers=htmx("task-list"))
    assert response["HX-Refresh"] == "true"
    assert response.content == b""


@pytest.mark.parametrize("path", ["/tasks/{}/", "/tickets/{}/", "/approvals/{}/", "/tasks/{}/cancel/"])
def test_an_unknown_id_is_a_page_that_says_so(as_, ada, path):
    response = as_(ada).get(path.format("tsk_nothing"))
    assert response.status_code == 404
    assert "There is no" in response.content.decode()


def test_an_unknown_address_is_a_page_in_the_desks_style(as_, vera):
    response = as_(vera).get("/nowhere/%00/")
    assert response.status_code == 404
    assert 'class="shell"' in response.content.decode()


def test_a_crash_page_needs_no_database_and_no_session(settings, rf):
    from agentdesk.desk.errors import crashed

    response = crashed(rf.get("/"))
    assert response.status_code == 500
    assert b"Something broke on our side" in response.content


def test_signing_in_shows_the_demo_accounts_in_demo_mode_only(client, db, settings):
    settings.DEMO = True
    assert 'data-account="lead"' in client.get("/accounts/login/").content.decode()
    settings.DEMO = False
    assert "data-account" not in client.get("/accounts/login/").content.decode()


def test_a_changed_demo_password_is_not_shown(client, db, settings):
    settings.DEMO, settings.DEMO_PASSWORD = True, "another-one"
    assert "another-one" not in client.get("/accounts/login/").content.decode()


def test_signing_out_takes_a_post(as_, vera):
    browser = as_(vera)
    assert browser.get("/accounts/logout/").status_code == 405
    assert browser.post("/accounts/logout/").status_code == 302
    assert browser.get("/").status_code == 302


def test_a_form_without_its_token_is_refused_kindly(vera):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(vera)
    response = browser.post("/accounts/logout/")
    assert response.status_code == 403
    assert "Load the page again" in response.content.decode()


def test_the_navigation_counts_what_the_reader_may_decide(as_, vera, lena, db):
    wanted_refund()
    assert "waiting for you" not in as_(vera).get("/").content.decode()
    assert '<span class="count">1<' in as_(lena).get("/").content.decode()


def test_the_count_is_answered_alone_for_htmx(as_, lena, htmx):
    wanted_refund()
    response = as_(lena).get("/approvals/", headers=htmx("waiting-count"))
    assert response.content.decode().strip().startswith('<span id="waiting-count"')
    assert "<html" not in response.content.decode()


def test_staff_with_the_right_get_links_into_the_admin(as_, vera, ada):
    task = TaskFactory()
    url = reverse("admin:tasks_task_change", args=[task.pk])
    assert url in as_(ada).get(task.get_absolute_url()).content.decode()
    assert url not in as_(vera).get(task.get_absolute_url()).content.decode()
