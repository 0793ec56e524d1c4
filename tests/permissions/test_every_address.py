"""Every address and every role: who gets what, and that looking changes nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.db import connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from tests.permissions.table import POSTS, expected
from tests.permissions.world import PEOPLE, World, build, contents, routes

pytestmark = pytest.mark.django_db

TABLE = expected(PEOPLE)
ROUTES = dict(routes())
HARMLESS = ("SELECT", "SAVEPOINT", "RELEASE SAVEPOINT", "ROLLBACK TO SAVEPOINT", "PRAGMA")
AGAIN = [f"{face}:task_{verb}" for face in ("desk", "api") for verb in ("retry", "again", "fork")]
GROUP_FORM_IS_VALID_WHEN_EMPTY = {"admin:auth_group_change": 302}


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Built once for all people; undone at the end."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield build()
        transaction.set_rollback(True)


def address(world: World, name: str) -> str:
    ids = world.ids.get(name, {})
    route = ROUTES[name]
    if route != name or route in {"healthz", "readyz"}:
        return reverse(name, kwargs=ids)
    if "object_id" in ids:
        return "/" + re.sub(r"<[^>]*>", str(ids["object_id"]), route)
    return "/admin/nothing/is/here"


def ask(world: World, who: str, act: Callable[[Any], HttpResponse]) -> HttpResponse:
    """Let `who` do it and undo what it did, the logout included."""
    client = world.clients[who]
    cookies = SimpleCookie({key: morsel.value for key, morsel in client.cookies.items()})
    client.raise_request_exception = False
    try:
        with transaction.atomic():
            response = act(client)
            transaction.set_rollback(True)
    finally:
        client.cookies = cookies
    return response


def test_every_address_is_in_the_table_and_every_line_of_the_table_is_an_address() -> None:
    assert set(ROUTES) == set(TABLE)


@pytest.mark.parametrize("who", PEOPLE)
def test_a_get_answers_as_the_table_says_and_changes_nothing(world: World, who: str) -> None:
    before = contents()
    written: list[str] = []

    def watch(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.lstrip().startswith(HARMLESS) and '"django_session"' not in sql:
            written.append(sql)
        return execute(sql, params, many, context)

    wrong = {}
    for name, (gets, _) in TABLE.items():
        url = address(world, name)
        with connection.execute_wrapper(watch):
            code = ask(world, who, lambda client, url=url: client.get(url)).status_code
        if code != gets[who]:
            wrong[f"GET {url}"] = f"{code}, expected {gets[who]}"
        assert not written, f"GET {url} wrote: {written}"

    assert wrong == {}
    assert contents() == before


@pytest.mark.parametrize("who", PEOPLE)
def test_a_post_answers_as_the_table_says(world: World, who: str) -> None:
    wrong = {}
    for name, (_, posts) in TABLE.items():
        url = address(world, name)
        wanted = posts[who]
        if wanted == 200:
            wanted = GROUP_FORM_IS_VALID_WHEN_EMPTY.get(name, wanted)
        code = ask(world, who, lambda client, url=url, name=name: post(world, client, name, url)).status_code
        if code != wanted:
            wrong[f"POST {url}"] = f"{code}, expected {wanted}"
    assert wrong == {}


def post(world: World, client: Any, name: str, url: str) -> HttpResponse:
    if name == "api:tasks":
        return client.post(url, {"goal": "Find the parcel"}, content_type="application/json")
    if name == "api:task_fork":
        return client.post(url, {"turn": 1}, content_type="application/json")
    if name == "api:task_cancel":
        return client.post(url, {"children": "keep"}, content_type="application/json")
    data = dict(POSTS.get(name, {}))
    if name in {"desk:decide", "admin:approvals_approval_decide"}:
        data["seen"] = world.approval.seen_hash
    if name == "desk:ticket_new":
        data["customer"] = world.approval.task.customer.number
    return client.post(url, data)


@pytest.mark.parametrize("who", sorted(set(PEOPLE) - {"anonymous", "inactive"}))
def test_no_form_is_taken_without_its_token(world: World, who: str) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = SimpleCookie({k: m.value for k, m in world.clients[who].cookies.items()})
    before = contents()
    for name in (
        *("desk:decide", "desk:ticket_new", "desk:task_cancel", "api:tasks", "api:task_cancel", "logout"),
        *AGAIN,
    ):
        with transaction.atomic():
            assert post(world, strict, name, address(world, name)).status_code == 403, name
    assert contents() == before
