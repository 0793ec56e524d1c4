"""The admin in a real browser: nothing breaks the content policy, nothing is wider than a phone, a click decides."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from approvals.models import Approval, ApprovalStatus, Policy
from tasks.models import Task
from tests.scripted import say, tell

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
SIZES = {"wide": (1280, 800, "light"), "dark": (1280, 800, "dark"), "phone": (390, 844, "light")}

CUT_OFF = """() => [...document.querySelectorAll("#content :is(input, textarea, select, button, label)")]
    .filter(one => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth && !one.closest(".results"))
    .map(one => one.outerHTML.slice(0, 80))"""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
]


@pytest.fixture
def asked(transactional_db: None, ada: User) -> Approval:
    """A real open sign-off, for a task that ada asked for."""
    story = tell(by=ada)
    story.script([story.refund()], [say("Done.")])
    story.drive()
    return Approval.objects.select_related("task__ticket").get()


def signed_in(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


@pytest.fixture
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


def opened(browser: Browser, server: Any, session: str, size: str) -> tuple[Page, list[str]]:
    """A page of this size, and the list of what the browser complains about."""
    width, height, scheme = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
    page, complaints = context.new_page(), []
    page.on(
        "console",
        lambda message: complaints.append(message.text) if message.type in {"error", "warning"} else None,
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page, complaints


@pytest.fixture
def addresses(asked: Approval, root: User) -> list[str]:
    """Read before the browser runs: beside its event loop the database refuses to be asked."""
    task: Task = asked.task
    assert task.ticket is not None
    return [
        "/admin/",
        "/admin/approvals/queue/",
        f"/admin/approvals/approval/{asked.pk}/change/",
        f"/admin/tasks/task/{task.pk}/change/",
        f"/admin/tasks/ticket/{task.ticket.pk}/change/",
        "/admin/tasks/task/",
        "/admin/events/event/",
        f"/admin/approvals/policy/{Policy.objects.get().pk}/change/",
        f"/admin/roster/agent/{task.agent_version.agent_id}/change/",
        f"/admin/auth/user/{root.pk}/change/",
        "/admin/tasks/customer/add/",
    ]


@pytest.fixture
def sessions(lena: User, root: User) -> dict[str, str]:
    return {user.username: signed_in(user) for user in (lena, root)}


@pytest.mark.parametrize("size", SIZES)
def test_no_page_breaks_the_content_policy_or_its_width(
    size: str, addresses: list[str], sessions: dict[str, str], live_server: Any, browser: Browser
) -> None:
    page, complaints = opened(browser, live_server, sessions["root"], size)
    for address in addresses:
        answer = page.goto(live_server.url + address)
        page.wait_for_load_state("networkidle")

        assert answer is not None
        assert answer.status == 200, address
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert page.evaluate("document.documentElement.scrollWidth - window.innerWidth") <= 0, address
        assert page.locator("#content").bounding_box()["width"] > SIZES[size][0] * 0.7, address
        assert page.evaluate(CUT_OFF) == [], address
        assert complaints == [], address


def test_a_lead_decides_from_the_index_in_two_clicks(
    asked: Approval, sessions: dict[str, str], live_server: Any, browser: Browser
) -> None:
    title = asked.title
    page, complaints = opened(browser, live_server, sessions["lena"], "phone")

    page.goto(f"{live_server.url}/admin/")
    page.get_by_role("link", name=title).click()
    page.get_by_role("button", name="Approve").click()
    page.get_by_role("heading", name="Closed").wait_for()
    browser.close()

    assert complaints == []


def test_the_decision_of_the_click_is_on_record(
    asked: Approval, sessions: dict[str, str], live_server: Any, lena: User
) -> None:
    address = f"{live_server.url}/admin/approvals/approval/{asked.pk}/change/"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page, _ = opened(running, live_server, sessions["lena"], "wide")
        page.goto(address)
        page.get_by_label("Reason").fill("Not under clause 2.")
        page.get_by_role("button", name="Reject").click()
        page.get_by_role("heading", name="Closed").wait_for()
        running.close()

    asked.refresh_from_db()
    assert asked.status == ApprovalStatus.REJECTED
    assert [(d.decided_by, d.reason) for d in asked.decisions.all()] == [(lena, "Not under clause 2.")]
