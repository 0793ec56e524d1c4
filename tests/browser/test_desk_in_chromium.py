"""The desk as people use it: deciding with and without JavaScript, live parts that disturb nobody, phones, contrast."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from approvals.decide import decide
from approvals.models import ApprovalStatus
from tasks.models import Ticket
from tests.browser.conftest import DESKTOP, PHONE
from tests.desk.cases import asked_question, wanted_refund
from tests.factories import CustomerFactory, TaskFactory, ToDoFactory, support_version

pytestmark = pytest.mark.django_db(transaction=True)

CONTRAST = """() => {
  const channels = (text) => {
    const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d");
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (let node = element; node; node = node.parentElement) {
      const colour = channels(getComputedStyle(node).backgroundColor);
      if (colour[3] === 255) return colour;
    }
    return channels("Canvas");
  };
  const low = [];
  for (const element of document.querySelectorAll("body *")) {
    const words = [...element.childNodes].some((node) => node.nodeType === 3 && node.nodeValue.trim());
    if (!words || !element.checkVisibility() || element.closest("svg, .hidden-text, .skip")) continue;
    const [a, b] = [luminance(channels(getComputedStyle(element).color)), luminance(behind(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) low.push(`${ratio.toFixed(2)} ${element.className} ${element.textContent.trim().slice(0, 40)}`);
  }
  return low;
}"""


@pytest.fixture
def busy_desk(lena: Any) -> list[str]:
    """A bit of everything; returns the addresses to look at."""
    mine, question, large = wanted_refund(), asked_question(), wanted_refund(charges=(129_900,))
    closed = wanted_refund()
    decide(closed, by=lena, verdict="reject", reason="The bank says otherwise.", seen=closed.seen_hash)
    running = TaskFactory(status="running", title="Parcel-" + "x" * 120)
    ToDoFactory(task=running, text="Ask the carrier", state="doing")
    done = TaskFactory(status="done", result="**Done.**\n\n| a | b |\n|---|---|\n| 1 | 2 |")
    failed = TaskFactory(status="failed")
    rows = [mine, question, large, closed, running, done, failed, mine.task, mine.task.ticket]
    return [
        "/",
        "/approvals/",
        "/tickets/",
        "/tasks/",
        "/tickets/new/",
        *(row.get_absolute_url() for row in rows),
    ]


LIVE = """(selector) => new Promise((done) => {
  const element = document.querySelector(selector);
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt === element) setTimeout(done, 60); // htmx settles after 20 ms
  });
  htmx.trigger(element, "live");
})"""


def fire_live(page: Page, selector: str) -> None:
    """As live.js does when something moved; returns when the answer is in place."""
    page.evaluate(LIVE, selector)


def test_a_lead_approves_without_a_page_load(sign_in, lena):
    approval = wanted_refund()
    page = sign_in(lena)
    page.goto("/approvals/")
    page.get_by_role("link", name=approval.title).click()
    page.evaluate("window.same = true")
    page.get_by_role("button", name="Approve $29.00").click()
    expect(page.locator("#decide-title")).to_have_text("Closed")
    assert page.evaluate("window.same"), "htmx replaced the card, the page stayed"
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.APPROVED


def test_rejecting_without_a_reason_says_so_at_the_field(sign_in, lena):
    approval = wanted_refund()
    page = sign_in(lena)
    page.goto(approval.get_absolute_url())
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("alert").filter(has_text="The reason is empty")).to_be_visible()
    page.get_by_label("Reason").fill("Only one charge was captured.")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_text("Only one charge was captured.")).to_be_visible()
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.REJECTED


def test_enter_in_the_reason_decides_nothing(sign_in, lena):
    approval = wanted_refund()
    page = sign_in(lena)
    page.goto(approval.get_absolute_url())
    page.get_by_label("Reason").press("Enter")
    page.get_by_label("Reason").press("Enter")
    expect(page.get_by_label("Reason")).to_have_value("\n\n")
    approval.refresh_from_db()
    assert approval.is_open


def test_everything_works_without_javascript(sign_in, lena, finn):
    CustomerFactory(number="C-1")
    support_version()
    approval = wanted_refund(charges=(129_900,))
    for signer in (lena, finn):
        page = sign_in(signer, javascript=False)
        page.goto("/approvals/")
        page.get_by_role("link", name=approval.title).click()
        page.get_by_role("button", name="Approve $1,299.00").click()
        expect(page.get_by_text(signer.username, exact=True).last).to_be_visible()
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.APPROVED

    page = sign_in(lena, javascript=False)
    page.goto("/tickets/")
    page.get_by_role("link", name="New ticket").click()
    page.get_by_label("Customer").fill("C-1")
    page.get_by_label("Subject").fill("Late parcel")
    page.get_by_label("What they wrote").fill("Where is it?")
    page.get_by_role("button", name="Give it to an agent").click()
    expect(page.get_by_role("heading", name="Late parcel")).to_be_visible()
    expect(page.get_by_text("Reload to update")).to_be_visible()
    page.get_by_role("link", name="Cancel the task").click()
    page.get_by_role("button", name="Cancel the task").click()
    expect(page.get_by_text("A person stopped it.")).to_be_visible()
    assert Ticket.objects.filter(subject="Late parcel").exists()


def test_a_live_update_keeps_what_is_typed_focused_and_unfolded(sign_in, lena):
    approval = wanted_refund()
    page = sign_in(lena)
    page.goto(approval.get_absolute_url())
    page.get_by_text("Exact arguments").click()
    page.get_by_label("Reason").fill("Half a sent")
    page.get_by_label("Reason").focus()
    fire_live(page, "#approval")
    expect(page.get_by_label("Reason")).to_have_value("Half a sent")
    expect(page.get_by_label("Reason")).to_be_focused()
    expect(page.locator("details", has_text="Exact arguments")).to_have_attribute("open", "")


def test_a_live_update_shows_that_somebody_else_was_faster(sign_in, lena, finn):
    approval = wanted_refund()
    page = sign_in(lena)
    page.goto(approval.get_absolute_url())
    decide(approval, by=finn, verdict="approve", seen=approval.seen_hash)
    fire_live(page, "#approval")
    expect(page.get_by_role("button", name="Approve $29.00")).to_have_count(0)
    expect(page.get_by_text("finn", exact=True)).to_be_visible()


def test_a_refusal_stays_through_live_updates_until_the_next_try(sign_in, lena, finn):
    approval = wanted_refund()
    page = sign_in(lena)
    page.goto(approval.get_absolute_url())
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("[data-stays]")).to_contain_text("The reason is empty")
    fire_live(page, "#approval")
    expect(page.locator("[data-stays]")).to_contain_text("The reason is empty")
    decide(approval, by=finn, verdict="approve", seen=approval.seen_hash)
    page.get_by_role("button", name="Approve $29.00").click()
    expect(page.locator("[data-stays]")).to_contain_text("finn approved this")
    fire_live(page, "#approval")
    expect(page.locator("[data-stays]")).to_contain_text("finn approved this")


def test_a_live_update_ticks_to_dos_and_adds_rows_in_place(sign_in, lena):
    task = TaskFactory(status="running")
    todo = ToDoFactory(task=task, text="Ask the carrier", state="doing")
    page = sign_in(lena)
    page.goto(task.get_absolute_url())
    page.evaluate("document.querySelector('#todo-1').dataset.same = 'yes'")
    type(todo).objects.update(state="done")
    ToDoFactory(task=task, text="Tell the customer", state="doing")
    fire_live(page, "#task")
    expect(page.locator("#todo-1")).to_have_attribute("data-state", "done")
    expect(page.locator("#todo-2")).to_contain_text("Tell the customer")


def test_text_that_streams_in_stays_until_its_turn_is_recorded(sign_in, lena):
    task = TaskFactory(status="running")
    page = sign_in(lena)
    page.goto(task.get_absolute_url())
    stream = page.locator("[data-stream]")
    page.evaluate("document.querySelector('[data-stream]').append('I will look')")
    fire_live(page, "#task")
    expect(stream).to_have_text("I will look")
    page.evaluate("document.querySelector('[data-stream]').dataset.turn = '0'")
    fire_live(page, "#task")
    expect(stream).to_have_text("")


def test_an_error_page_never_replaces_a_live_part(sign_in, lena):
    task = TaskFactory(status="running", title="Late parcel")
    page = sign_in(lena)
    page.goto(task.get_absolute_url())
    page.evaluate("document.querySelector('#task').setAttribute('hx-get', '/tasks/tsk_gone/')")
    fire_live(page, "#task")
    expect(page.get_by_role("heading", name="Late parcel")).to_be_visible()


def test_losing_the_session_leads_to_the_login(sign_in, lena):
    task = TaskFactory(status="running")
    page = sign_in(lena)
    page.goto(task.get_absolute_url())
    page.context.clear_cookies()
    page.evaluate("htmx.trigger(document.querySelector('#task'), 'live')")
    page.wait_for_url("**/accounts/login/?next=/tasks/**")


def test_j_k_and_enter_walk_the_queue(sign_in, lena):
    first, second = wanted_refund(), wanted_refund()
    page = sign_in(lena)
    page.goto("/approvals/")
    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{second.get_absolute_url()}")
    assert first.get_absolute_url() not in page.url


def test_the_first_tab_skips_to_the_content(sign_in, lena):
    page = sign_in(lena)
    page.goto("/tasks/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    expect(page.get_by_role("link", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_the_theme_button_stays_pressed(sign_in, lena):
    page = sign_in(lena)
    page.goto("/")
    page.get_by_role("button", name="Light or dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.goto("/tasks/")
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_fits_and_can_be_read(sign_in, lena, busy_desk, viewport, dark):
    page = sign_in(lena, viewport=viewport, dark=dark)
    for url in busy_desk:
        page.goto(url)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, f"{url} scrolls sideways by {wide}px"
        assert page.evaluate(CONTRAST) == [], url


def test_the_facts_of_a_card_fit_one_screen_with_the_buttons(sign_in, lena):
    page = sign_in(lena)
    page.goto(wanted_refund().get_absolute_url())
    expect(page.get_by_role("button", name="Approve $29.00")).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("Why you are asked:")).to_be_in_viewport(ratio=1)
