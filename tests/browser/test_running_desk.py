"""The whole desk in Chromium: web, workers and live run as `make up` runs them, and are killed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import DESKTOP, PHONE, WATCH
from tests.browser.running_desk import QUIET_SECONDS, RunningDesk, eventually

pytestmark = pytest.mark.crash

PATIENCE_MS = 60_000
BODY = "There are two identical charges for my subscription on my card. Please give one back."
SUBJECT = "I was charged twice for my monthly subscription"
NOISE = ("favicon.ico", "409 (Conflict)")
"""What Chromium calls an error and the desk does not: a refusal is an answer."""

SitDown = Callable[..., Page]
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDesk]:
    running = RunningDesk(tmp_path_factory.mktemp("desk"))
    try:
        running.start()
        yield running
    finally:
        code = running.stop()
    assert code == 0, "it stops cleanly"


@pytest.fixture(scope="module")
def logins() -> dict[str, Any]:
    """Cookies of those who have signed in already."""
    return {}


@pytest.fixture
def sit_down(chromium: Browser, desk: RunningDesk, logins: dict[str, Any]) -> Iterator[SitDown]:
    """`sit_down("lead", javascript=False)` is that person's page; no page may complain or break the policy."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def sat(name: str, *, javascript: bool = True, viewport: Any = None, quiet: bool = True) -> Page:
        context = chromium.new_context(
            base_url=desk.url,
            viewport=viewport or DESKTOP,
            java_script_enabled=javascript,
            storage_state=logins.get(name),
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        context.add_init_script(WATCH)
        page = context.new_page()
        if quiet:
            page.on("console", lambda said: complain(said.text) if said.type == "error" else None)
            page.on("pageerror", lambda error: complain(str(error)))
        if name not in logins:
            page.goto("/accounts/login/")
            page.get_by_label("User name").fill(name)
            page.get_by_label("Password").fill("agentdesk")
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(f"{desk.url}/")
            logins[name] = context.storage_state()
        return page

    def complain(words: str) -> None:
        if not any(noise in words for noise in NOISE):
            complaints.append(words)

    yield sat
    for context in contexts:
        for page in context.pages:
            assert page.evaluate("window.violations ?? []") == []
        context.close()
    assert complaints == []


def ask_for(page: Page, case: int, *, subject: str = SUBJECT) -> str:
    """Type in a ticket of the customer of this case; return the id of the task."""
    page.goto("/tickets/new/")
    page.get_by_label("Customer").fill(f"C-90{case:02}")
    page.get_by_label("Subject").fill(subject)
    page.get_by_label("What they wrote").fill(BODY)
    page.get_by_role("button", name="Give it to an agent").click()
    page.wait_for_url("**/tasks/tsk_*/")
    return page.url.rstrip("/").rsplit("/", 1)[1]


def asked(desk: RunningDesk, task: str) -> str:
    found: str = eventually(
        lambda: desk.open_approval(task), seconds=QUIET_SECONDS, why=f"the sign-off of {task} is asked"
    )
    return found


def test_a_visitors_ticket_becomes_a_signed_refund_before_everybodys_eyes(
    desk: RunningDesk, sit_down: SitDown
) -> None:
    lead, agent = sit_down("lead"), sit_down("agent")
    lead.goto("/approvals/")
    lead.evaluate("window.same = true")

    task = ask_for(agent, 0)
    agent.evaluate("window.same = true")
    approval = asked(desk, task)

    expect(agent.get_by_text("Waiting for lead or finance to sign")).to_be_visible()
    assert desk.refunds_of("A-9000") == []
    card = lead.locator(f"#row-{approval} a[data-row]")
    expect(card).to_be_visible()
    assert lead.evaluate("window.same"), "the card came without a reload"
    card.click()
    lead.get_by_role("button", name="Approve $29.00").click()
    expect(lead.locator("#decide-title")).to_have_text("Closed")

    expect(agent.locator(".pill", has_text="Done").first).to_be_visible()
    expect(agent.get_by_role("heading", name="Result")).to_be_visible()
    expect(agent.get_by_text("$29.00 refunded on order")).to_be_visible()
    assert agent.evaluate("window.same"), "the agent's page followed without a reload"
    assert desk.refunds_of("A-9000") == [(2900,)]
    made = "SELECT count(*) FROM {} x JOIN tasks_task t ON t.id = x.task_id WHERE t.public_id = ?"
    assert desk.value(made.format("library_document"), task) == 1
    assert desk.value(made.format("outbox_outgoingmessage"), task) == 1


def test_a_rejection_with_its_reason_makes_no_refund(desk: RunningDesk, sit_down: SitDown) -> None:
    agent, lead = sit_down("agent"), sit_down("lead")
    task = ask_for(agent, 1)
    lead.goto(f"/approvals/{asked(desk, task)}/")
    lead.get_by_label("Reason").fill("The second charge is for the next month.")
    lead.get_by_role("button", name="Reject").click()
    expect(lead.locator("#decide-title")).to_have_text("Closed")

    expect(agent.get_by_role("heading", name="Result")).to_be_visible()
    expect(agent.get_by_text("The second charge is for the next month.").first).to_be_visible()
    assert desk.status_of(task) == "done"
    assert desk.refunds_of("A-9001") == []


def test_the_second_of_two_people_is_told_kindly_who_was_first(desk: RunningDesk, sit_down: SitDown) -> None:
    task = ask_for(sit_down("agent"), 2)
    approval = asked(desk, task)
    finance = sit_down("finance")
    lead = sit_down("lead", javascript=False)  # a page that does not follow: the card is stale
    lead.goto(f"/approvals/{approval}/")
    finance.goto(f"/approvals/{approval}/")
    finance.get_by_role("button", name="Approve $29.00").click()
    expect(finance.locator("#decide-title")).to_have_text("Closed")

    lead.get_by_label("Reason").fill("No.")
    lead.get_by_role("button", name="Reject").click()

    expect(lead.get_by_role("alert").filter(has_text="approved this")).to_be_visible()
    eventually(lambda: desk.status_of(task) == "done", seconds=QUIET_SECONDS, why="it goes on")
    assert desk.refunds_of("A-9002") == [(2900,)]


def test_without_javascript_one_signs_in_asks_and_approves(
    desk: RunningDesk, sit_down: SitDown, logins: dict[str, Any]
) -> None:
    for name in ("agent", "lead"):
        logins.pop(name, None)
    agent, lead = sit_down("agent", javascript=False), sit_down("lead", javascript=False)
    task = ask_for(agent, 3)
    approval = asked(desk, task)
    lead.goto("/approvals/")
    lead.locator(f"#row-{approval} a[data-row]").click()
    lead.get_by_role("button", name="Approve $29.00").click()
    expect(lead.locator("#decide-title")).to_have_text("Closed")
    eventually(lambda: desk.status_of(task) == "done", seconds=QUIET_SECONDS, why="the refund is made")
    agent.reload()
    expect(agent.get_by_text("$29.00 refunded on order")).to_be_visible()


def test_tab_reaches_both_buttons_in_order_and_enter_in_the_reason_decides_nothing(
    desk: RunningDesk, sit_down: SitDown
) -> None:
    task = ask_for(sit_down("agent"), 4)
    approval = asked(desk, task)
    lead = sit_down("lead")
    lead.goto(f"/approvals/{approval}/")
    reason = lead.get_by_label("Reason")
    reason.focus()
    lead.keyboard.press("Enter")
    lead.keyboard.type("Seen.")
    lead.keyboard.press("Tab")
    expect(lead.get_by_role("button", name="Reject")).to_be_focused()
    lead.keyboard.press("Tab")
    expect(lead.get_by_role("button", name="Approve $29.00")).to_be_focused()
    assert desk.open_approval(task) == approval
    lead.keyboard.press("Space")
    expect(lead.locator("#decide-title")).to_have_text("Closed")
    eventually(lambda: desk.refunds_of("A-9004"), seconds=QUIET_SECONDS, why="Space on the button approved")


def addresses(desk: RunningDesk) -> list[str]:
    """Every page of desk and API docs, and of the admin each list with its newest record."""
    task, ticket, approval, call = (
        desk.value(f"SELECT {column} FROM {table} ORDER BY id DESC")
        for column, table in [
            ("public_id", "tasks_task"),
            ("public_id", "tasks_ticket"),
            ("public_id", "approvals_approval"),
            ("id", "tools_toolcall"),
        ]
    )
    task_id = desk.value("SELECT id FROM tasks_task ORDER BY id DESC")
    return [
        "/",
        "/approvals/",
        f"/approvals/{approval}/",
        "/tickets/",
        "/tickets/new/",
        f"/tickets/{ticket}/",
        "/tasks/",
        f"/tasks/{task}/",
        "/nothing/here/",
        "/api/docs",
        "/admin/",
        "/admin/approvals/queue/",
        "/admin/tasks/task/",
        f"/admin/tasks/task/{task_id}/change/",
        f"/admin/tools/toolcall/{call}/change/",
        "/admin/approvals/policy/",
        "/admin/events/event/",
        "/admin/auth/user/",
    ]


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_every_page_is_quiet_fits_and_keeps_the_content_policy(
    desk: RunningDesk, sit_down: SitDown, viewport: dict[str, int]
) -> None:
    page = sit_down("admin", viewport=viewport, quiet=False)
    errors: list[str] = []
    page.on("console", lambda said: errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    for url in addresses(desk):
        answer = page.goto(url)
        assert answer is not None
        wanted = 404 if url == "/nothing/here/" else 200
        assert answer.status == wanted, url
        page.wait_for_load_state("load")
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{url} scrolls sideways by {wide}px"
        assert page.evaluate("window.violations ?? []") == [], url
        seen = [error for error in errors if not (wanted == 404 and "404" in error)]
        assert seen == [], url
        errors.clear()


def test_a_killed_web_process_comes_back_and_the_page_catches_up(
    desk: RunningDesk, sit_down: SitDown
) -> None:
    agent, lead = sit_down("agent", quiet=False), sit_down("lead", quiet=False)
    task = ask_for(agent, 5)
    approval = asked(desk, task)
    lead.goto(f"/approvals/{approval}/")
    agent.evaluate("window.same = true")
    before = desk.part("daphne")

    desk.kill("daphne")

    expect(agent.locator(".connection")).to_have_attribute("data-live-state", "reconnecting")
    eventually(lambda: desk.part("daphne") not in {0, before}, why="the supervisor starts it again")
    expect(lead.locator(".connection")).to_have_attribute("data-live-state", "live")
    lead.get_by_role("button", name="Approve $29.00").click()
    expect(agent.get_by_text("$29.00 refunded on order")).to_be_visible()
    assert agent.evaluate("window.same"), "without a reload"
    assert desk.refunds_of("A-9005") == [(2900,)]


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    desk: RunningDesk, sit_down: SitDown
) -> None:
    agent = sit_down("agent")
    tasks = [ask_for(agent, case) for case in (6, 7, 8)]
    for _ in range(2):
        desk.kill("manage.py work")
        time.sleep(1.5)  # let the new worker get into the middle of something

    for task, case in zip(tasks, (6, 7, 8), strict=True):
        approval = asked(desk, task)
        lead = sit_down("lead")
        lead.goto(f"/approvals/{approval}/")
        lead.get_by_role("button", name="Approve $29.00").click()
        expect(lead.locator("#decide-title")).to_have_text("Closed")
        if case == 6:
            desk.kill("manage.py work")

    for task, order in zip(tasks, ("A-9006", "A-9007", "A-9008"), strict=True):
        eventually(
            lambda task=task: desk.status_of(task) == "done", seconds=QUIET_SECONDS, why=f"{task} ends"
        )
        assert desk.refunds_of(order) == [(2900,)]
        made = "SELECT count(*) FROM {} x JOIN tasks_task t ON t.id = x.task_id WHERE t.public_id = ?"
        assert desk.value(made.format("library_document"), task) == 1
        assert desk.value(made.format("outbox_outgoingmessage"), task) == 1


def test_nothing_of_the_backlog_is_lost_and_every_task_is_numbered_without_gaps(desk: RunningDesk) -> None:
    eventually(
        lambda: not desk.rows("SELECT 1 FROM tasks_task WHERE status IN ('queued', 'running')"),
        seconds=QUIET_SECONDS,
        why="everything has ended or waits for somebody",
    )
    gaps = desk.rows(
        "SELECT t.public_id FROM tasks_task t WHERE t.last_event !="
        " (SELECT count(*) FROM events_event e WHERE e.task_id = t.id)"
    )
    assert gaps == []
    doubled = desk.rows(
        "SELECT tool_call_id FROM store_refund WHERE tool_call_id IS NOT NULL GROUP BY 1 HAVING count(*) > 1"
    )
    assert doubled == []
    failed = desk.rows("SELECT public_id, failure FROM tasks_task WHERE status = 'failed'")
    assert failed == []
