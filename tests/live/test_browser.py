"""live.js in Chromium: pages follow what other processes commit, and catch up after the server was killed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from playwright.sync_api import Page, expect, sync_playwright

from agentdesk.events.announce import send_all, task_group
from tests.factories import TaskFactory, ToDoFactory
from tests.live.conftest import move
from tests.serving import WebProcess, session_of

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.crash,
    pytest.mark.skipif(CHROMIUM is None, reason="There is no Chromium."),
]


@pytest.fixture
def elsewhere(transactional_db: None) -> Iterator[Callable[..., Any]]:
    """Call in a thread: Playwright runs an event loop in this one, and Django refuses its database beside a loop."""

    def close():
        connection.close()  # named only in the thread: each has its own

    with ThreadPoolExecutor(1) as pool:
        yield lambda work, *args, **kwargs: pool.submit(work, *args, **kwargs).result()
        pool.submit(close).result()


@pytest.fixture
def browse(web: WebProcess) -> Iterator[Callable[[str, str], Page]]:
    """Open a path with a session; errors and refused requests of the page fail the test."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        complaints: list[str] = []

        def browse(path: str, session: str) -> Page:
            context = browser.new_context()
            context.add_cookies([{"name": "sessionid", "value": session, "url": web.url}])
            page = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on(
                "console",
                lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None,
            )
            page.goto(web.url + path)
            return page

        yield browse
        browser.close()
        assert complaints == []


def live(page: Page) -> None:
    expect(page.locator("[data-live-state]")).to_have_text("Live")


def test_the_page_of_a_task_follows_its_events(vera, browse, elsewhere):
    task, session = elsewhere(TaskFactory, status="running"), elsewhere(session_of, vera)
    page = browse(f"/tasks/{task.public_id}/", session)
    live(page)

    elsewhere(ToDoFactory, task=task, text="Ask the carrier")
    elsewhere(move, task)

    expect(page.get_by_text("Ask the carrier")).to_be_visible()
    expect(page.locator(f"[data-live='task:{task.public_id}']")).to_have_attribute("data-at", "1")


def test_a_list_follows_tasks_that_it_does_not_show_yet(vera, browse, elsewhere):
    session = elsewhere(session_of, vera)
    page = browse("/tasks/", session)
    live(page)

    task = elsewhere(TaskFactory, title="A parcel that never came")
    elsewhere(move, task)

    expect(page.get_by_text("A parcel that never came")).to_be_visible()


def test_after_a_kill_of_the_server_the_page_says_so_reconnects_and_catches_up(vera, browse, elsewhere, web):
    task, session = elsewhere(TaskFactory, status="running"), elsewhere(session_of, vera)
    page = browse(f"/tasks/{task.public_id}/", session)
    live(page)

    web.kill()
    expect(page.locator("[data-live-state]")).to_have_text("Reconnecting…")
    elsewhere(ToDoFactory, task=task, text="Written while nobody listened")
    elsewhere(move, task)
    web.start()

    expect(page.get_by_text("Written while nobody listened")).to_be_visible(timeout=12_000)
    live(page)


def test_an_answer_is_shown_while_it_is_written(vera, browse, elsewhere):
    task, session = elsewhere(TaskFactory, status="running"), elsewhere(session_of, vera)
    page = browse(f"/tasks/{task.public_id}/", session)
    live(page)

    for piece in ("I look at ", "<b>the order", "</b>."):
        message = {"type": "task.delta", "task": task.public_id, "turn": 1, "text": piece}
        elsewhere(send_all, [([task_group(task.public_id)], message)])

    expect(page.locator(f"[data-stream='{task.public_id}']")).to_have_text("I look at <b>the order</b>.")


def test_after_a_logout_elsewhere_the_page_is_not_live_any_more(vera, browse, elsewhere):
    session = elsewhere(session_of, vera)
    page = browse("/tasks/", session)
    live(page)
    page.wait_for_load_state("networkidle")

    elsewhere(Session.objects.all().delete)

    expect(page.locator("[data-live-state]")).to_have_text("Not live: log in again", timeout=8_000)


def test_a_list_that_is_up_to_date_is_not_fetched_again(vera, browse, elsewhere):
    elsewhere(move, elsewhere(TaskFactory))
    page = browse("/tickets/", elsewhere(session_of, vera))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    live(page)
    page.wait_for_timeout(500)

    assert [url for url in asked if "/tickets/" in url or "/approvals/" in url] == []


def test_a_burst_of_events_is_fetched_in_few_requests(vera, browse, elsewhere):
    task, session = elsewhere(TaskFactory, status="running"), elsewhere(session_of, vera)
    page = browse(f"/tasks/{task.public_id}/", session)
    live(page)
    asked: list[str] = []
    page.on(
        "request",
        lambda request: asked.append(request.url) if f"/tasks/{task.public_id}/" in request.url else None,
    )

    elsewhere(move, task, 40)

    expect(page.locator(f"[data-live='task:{task.public_id}']")).to_have_attribute("data-at", "40")
    assert 1 <= len(asked) <= 20


def test_the_description_of_the_api_is_shown_without_outside_assets(vera, browse, elsewhere, web):
    page = browse("/", elsewhere(session_of, vera))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{web.url}/api/docs")

    expect(page.get_by_text("Start a task", exact=True)).to_be_visible()
    assert all(url.startswith((web.url, "data:")) for url in asked)
