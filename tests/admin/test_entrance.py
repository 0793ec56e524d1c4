"""Who comes into the admin, through which door, and what they find there."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from approvals.models import Approval
from tasks.models import Task
from tests.admin.conftest import Enter
from tests.factories import TaskFactory


def all_routes(resolver: URLResolver, prefix: str = "") -> list[str]:
    routes = []
    for entry in resolver.url_patterns:
        route = prefix + str(entry.pattern)
        routes += [route] if isinstance(entry, URLPattern) else all_routes(entry, route)
    return routes


def test_no_page_of_django_q_can_be_reached(root: User, enter: Enter) -> None:
    assert not [model for model in admin.site._registry if model._meta.app_label == "django_q"]
    assert not [route for route in all_routes(get_resolver()) if "django_q" in route or "ormq" in route]
    client = enter(root)
    for path in ("", "schedule/", "schedule/add/", "ormq/", "success/", "failure/"):
        assert client.get(f"/admin/django_q/{path}").status_code == 404
    assert b"django_q" not in client.get("/admin/").content


def test_strangers_sign_in_on_the_desk_and_come_back(client: Client) -> None:
    asked = client.get("/admin/tasks/task/")
    door = client.get(asked["Location"])

    assert asked["Location"] == "/admin/login/?next=/admin/tasks/task/"
    assert door["Location"] == "/accounts/login/?next=/admin/tasks/task/"


def test_the_door_leads_nowhere_else(client: Client, audrey: User, enter: Enter) -> None:
    assert (
        client.get("/admin/login/?next=https://elsewhere.example/")["Location"]
        == "/accounts/login/?next=/admin/"
    )
    assert (
        client.post("/admin/login/", {"username": "audrey", "password": "x"})["Location"]
        == "/accounts/login/?next=/admin/"
    )
    assert enter(audrey).get("/admin/login/?next=//elsewhere.example/")["Location"] == "/admin/"


def test_a_viewer_is_told_that_the_admin_is_not_theirs(vera: User, enter: Enter) -> None:
    assert enter(vera).get("/admin/", follow=True).status_code == 403


SEES = {
    "agent": {"tasks/task", "tasks/ticket", "tasks/customer", "store/order"},
    "lead": {"tasks/task", "approvals/decision", "events/event", "tools/toolcall", "roster/agentversion"},
    "finance": {"tasks/task", "approvals/decision", "events/event", "store/refund"},
    "auditor": {
        "tasks/task",
        "approvals/decision",
        "approvals/policyversion",
        "events/event",
        "api/token",
        "auth/user",
        "admin/logentry",
    },
    "admin": {"tasks/task", "roster/agent", "approvals/policy", "auth/user", "api/token"},
}
EDITS = {"roster/agent", "approvals/policy", "tasks/customer", "library/runbook", "auth/user", "auth/group"}


@pytest.mark.parametrize("role", SEES)
def test_each_role_sees_its_records_and_only_admin_edits(
    role: str, story: Task, enter: Enter, ada: User, lena: User, finn: User, audrey: User, adam: User
) -> None:
    people = {"agent": ada, "lead": lena, "finance": finn, "auditor": audrey, "admin": adam}
    client = enter(people[role])

    for model in SEES[role]:
        assert client.get(f"/admin/{model}/").status_code == 200, model
    for model in EDITS:
        app, name = model.split("/")
        model_admin = next(
            a
            for m, a in admin.site._registry.items()
            if (m._meta.app_label, m._meta.model_name) == (app, name)
        )
        row = model_admin.model._default_manager.first()
        answer = client.post(f"/admin/{model}/{row.pk}/change/", {})
        assert (answer.status_code != 403) == (role == "admin"), model


def test_an_agent_does_not_see_policies_agents_or_people(ada: User, enter: Enter) -> None:
    client = enter(ada)
    for model in ("approvals/policy", "roster/agent", "auth/user", "api/token", "admin/logentry"):
        assert client.get(f"/admin/{model}/").status_code == 403, model


def test_the_index_shows_what_waits_for_the_reader(
    refund_asked: Approval, question_asked: Approval, lena: User, enter: Enter
) -> None:
    html = enter(lena).get("/admin/").content.decode()

    for words in (
        refund_asked.title,
        "$29.00",
        refund_asked.why,
        refund_asked.task.customer.name,
        question_asked.title,
    ):
        assert words in html
    assert f"/admin/approvals/approval/{refund_asked.pk}/change/" in html


def test_the_index_is_calm_when_nothing_waits(refund_asked: Approval, ada: User, enter: Enter) -> None:
    html = enter(ada).get("/admin/").content.decode()

    assert "Nothing waits for you." in html
    assert refund_asked.title not in html, "she asked for the task, so it is not hers to sign"


def test_the_index_shows_failures_and_leads_to_the_desk(ada: User, enter: Enter) -> None:
    failed = TaskFactory(status="failed", title="Late parcel", failure="The model was away. Start it again.")

    html = enter(ada).get("/admin/").content.decode()

    assert f"/admin/tasks/task/{failed.pk}/change/" in html
    assert "The model was away. Start it again." in html
    for desk in ('href="/"', 'href="/approvals/"', 'href="/tickets/"', 'href="/tasks/"'):
        assert desk in html


def test_every_page_says_who_reads(lena: User, enter: Enter) -> None:
    html = enter(lena).get("/admin/tasks/task/").content.decode()

    assert "<strong>lena</strong> · lead" in html
