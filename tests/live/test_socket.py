"""The socket through a real server: catch-up, announcements, rights, limits."""

from __future__ import annotations

import json
import time

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import transaction
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from agentdesk.events import cursor
from agentdesk.events.announce import send_all, task_group
from agentdesk.live.consumer import BAD_MESSAGE, MAY_NOT_SEE, TOO_SLOW
from tests.factories import TaskFactory, UserFactory, person
from tests.live.conftest import move
from tests.serving import session_of, settle
from tools.braking import pull

pytestmark = pytest.mark.crash


def code_of_close(page, seconds=6):
    """Read until the server closes; return its code (None when it hung up without one) and the seconds it took."""
    started = time.monotonic()
    try:
        while True:
            page.hear(seconds)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None, time.monotonic() - started


def test_a_page_that_shows_old_numbers_is_told_the_present_ones_at_once(vera, open_page):
    behind, even = TaskFactory(), TaskFactory()
    move(behind, 5)
    move(even, 2)
    page = open_page(vera)

    page.watch(**{behind.public_id: 3, even.public_id: 2})

    assert page.hear_until_watching() == [{"task": behind.public_id, "at": 5}]


def test_a_watched_task_is_announced_when_it_moves_and_others_are_not(vera, open_page):
    mine, other = TaskFactory(), TaskFactory()
    page = open_page(vera)
    page.watch(**{mine.public_id: 0})
    page.hear_until_watching()

    move(other)
    move(mine, 2)

    assert [page.hear(), page.hear()] == [
        {"task": mine.public_id, "at": 1},
        {"task": mine.public_id, "at": 2},
    ]


def test_a_page_with_lists_hears_of_every_task_once(vera, open_page):
    watched, other = TaskFactory(), TaskFactory()
    page = open_page(vera)
    page.watch(**{"tasks": True, watched.public_id: 0})
    page.hear_until_watching()

    move(watched)
    move(other)

    assert [page.hear(), page.hear()] == [
        {"task": watched.public_id, "at": 1},
        {"task": other.public_id, "at": 1},
    ]


def test_a_list_is_told_to_refresh_on_connect_only_when_something_moved_since_it_was_made(vera, open_page):
    task = TaskFactory()
    move(task)
    settle()
    made_at = cursor.newest()

    fresh = open_page(vera)
    fresh.watch(tasks=made_at)
    assert fresh.hear_until_watching() == []

    move(task)
    settle()
    stale = open_page(vera)
    stale.watch(tasks=made_at)
    assert stale.hear_until_watching() == [{"tasks": True}]


def test_pages_with_lists_hear_of_a_pulled_brake_though_no_task_moved(vera, lena, open_page):
    page, of_one_task = open_page(vera), open_page(vera)
    page.watch(tasks=True)
    of_one_task.watch(**{TaskFactory().public_id: 0})
    page.hear_until_watching()
    of_one_task.hear_until_watching()

    pull("take", by=lena, reason="Upgrade.")

    assert page.hear() == {"tasks": True}
    with pytest.raises(TimeoutError):
        of_one_task.hear(0.3)


def test_a_change_that_rolls_back_is_not_announced(vera, open_page):
    task = TaskFactory()
    page = open_page(vera)
    page.watch(**{task.public_id: 0})
    page.hear_until_watching()

    with transaction.atomic():
        move(task)
        transaction.set_rollback(True)
    task.refresh_from_db()
    move(task)

    assert page.hear() == {"task": task.public_id, "at": 1}


def test_pieces_of_an_answer_reach_the_page_of_the_task(vera, open_page):
    task = TaskFactory()
    page = open_page(vera)
    page.watch(**{task.public_id: 0})
    page.hear_until_watching()

    send_all(
        [
            (
                [task_group(task.public_id)],
                {"type": "task.delta", "task": task.public_id, "turn": 2, "text": "Héllo <b>"},
            )
        ]
    )

    assert page.hear() == {"task": task.public_id, "turn": 2, "delta": "Héllo <b>"}


def test_watching_something_else_ends_the_old_watch(vera, open_page):
    first, second = TaskFactory(), TaskFactory()
    page = open_page(vera)
    page.watch(**{first.public_id: 0})
    page.hear_until_watching()
    page.watch(**{second.public_id: 0})
    page.hear_until_watching()

    move(first)
    move(second)

    assert page.hear() == {"task": second.public_id, "at": 1}


def test_a_stranger_is_closed_out(open_page):
    assert code_of_close(open_page())[0] == MAY_NOT_SEE


def test_somebody_without_a_role_is_closed_out(open_page, transactional_db):
    assert code_of_close(open_page(UserFactory()))[0] == MAY_NOT_SEE


def test_who_loses_the_right_is_closed_out_within_five_seconds_though_nothing_moves(
    open_page, transactional_db
):
    demoted, dismissed, gone, careful, stays = (person(name, "viewer") for name in "abcde")
    people = [demoted, dismissed, gone, careful, stays]
    sessions = {user: session_of(user) for user in people}
    pages = {user: open_page(session=sessions[user]) for user in people}
    for page in pages.values():
        page.watch(tasks=True)
        page.hear_until_watching()

    demoted.groups.clear()
    User.objects.filter(pk=dismissed.pk).update(is_active=False)
    Session.objects.filter(pk=sessions[gone]).delete()
    careful.set_password("another one")
    careful.save()
    started = time.monotonic()

    for user in (demoted, dismissed, gone, careful):
        assert code_of_close(pages[user])[0] == MAY_NOT_SEE
    assert time.monotonic() - started < 5
    move(task := TaskFactory())
    heard = pages[stays].hear()
    while heard == {"tasks": True}:  # the look every few seconds may see the new event before it is announced
        heard = pages[stays].hear()
    assert heard == {"task": task.public_id, "at": 1}


def test_a_bad_message_closes_the_socket_with_a_reason(vera, open_page):
    session = session_of(vera)
    for message in (
        "{",
        b"\x00",
        '{"watch": {"approvals": true}}',
        '{"ack": 99999999}',
        '{"decide": "approve"}',
    ):
        page = open_page(session=session)
        page.socket.send(message)

        assert page.hear()["error"]
        assert code_of_close(page)[0] == BAD_MESSAGE


def test_a_page_that_floods_is_closed_out(vera, open_page):
    page = open_page(vera)
    for _ in range(60):
        page.watch(tasks=True)
    assert code_of_close(page)[0] == BAD_MESSAGE


def test_a_page_of_another_site_is_refused(vera, open_page):
    with pytest.raises(InvalidStatus) as refused:
        open_page(vera, origin="https://evil.example")
    assert refused.value.response.status_code == 403


def test_another_socket_address_is_refused(web):
    with pytest.raises(InvalidStatus) as refused:
        connect(f"ws://{web.address}/ws/other/", origin=web.url, proxy=None)
    assert refused.value.response.status_code == 403
    assert "Traceback" not in web.log()


def test_a_page_that_does_not_keep_up_is_closed_and_one_that_acknowledges_is_not(vera, open_page):
    task = TaskFactory()
    pages = slow, quick = open_page(vera), open_page(vera)
    for page in pages:
        page.watch(**{task.public_id: 0})
        page.hear_until_watching()

    received = 0
    for _ in range(50):
        send_all(
            [
                (
                    [task_group(task.public_id)],
                    {"type": "task.delta", "task": task.public_id, "turn": 1, "text": "x" * 8000},
                )
            ]
        )
        while received < 8000:
            heard = quick.hear()
            received += len(heard.get("delta", ""))
            if "ack" in heard:
                quick.socket.send(json.dumps({"ack": heard["ack"]}))
        received -= 8000

    assert code_of_close(slow)[0] in {TOO_SLOW, None}
    move(task)
    while (heard := quick.hear()) != {"task": task.public_id, "at": 1}:
        assert "ack" in heard


def test_after_a_kill_of_the_server_a_page_that_reconnects_gets_what_it_missed(vera, web, open_page):
    task = TaskFactory()
    move(task)
    page = open_page(vera)
    page.watch(**{task.public_id: 1})
    page.hear_until_watching()

    web.kill()
    move(task, 3)
    web.start()
    again = open_page(vera)
    again.watch(**{task.public_id: 1})

    assert again.hear_until_watching() == [{"task": task.public_id, "at": 4}]
