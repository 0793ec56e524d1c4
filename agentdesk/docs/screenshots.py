"""Make the README's pictures anew: start a desk of its own with demo data, look at it in Chromium, stop it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from playwright.sync_api import Browser, Page, Response, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
PICTURES = Path(__file__).with_name("pictures")
QUIET = {"EMAIL_URL": "dummymail://", "AGENTDESK_LOG_LEVEL": "WARNING"}
STORY = "I was charged twice for my monthly subscription"
PASSWORD = "agentdesk"  # noqa: S105 -- the demo's known one
READY_SECONDS, STOP_SECONDS, STORY_MS = 90.0, 30.0, 90_000
QUIET_SECONDS = 60.0
MAX_BYTES = 250_000
DESKTOP, PHONE = (1280, 860), (390, 844)
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),  # Chromium's sandbox refuses to run as root
]
NOT_PASSED_ON = ("AGENTDESK_", "OPENAI_", "DATABASE_URL", "REDIS_URL", "EMAIL_URL")
"""Settings of the shell that would make other pictures, or touch other data."""


def main() -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("The pictures need Chromium on the PATH (on Debian: apt install chromium).")
    PICTURES.mkdir(exist_ok=True)
    with desk() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        try:
            take_pictures(browser, address)
        finally:
            browser.close()


@contextmanager
def desk() -> Iterator[str]:
    """A demo desk of its own on a free port; its address. Everything of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="agentdesk-pictures-") as data:
        port = _free_port()
        kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_PASSED_ON)}
        ours = {"AGENTDESK_DATA": data, "AGENTDESK_DEMO": "1", "PORT": str(port), **QUIET}
        process = subprocess.Popen([sys.executable, "manage.py", "up"], cwd=ROOT, env={**kept, **ours})
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_until_up(address, process)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def take_pictures(browser: Browser, address: str) -> None:
    lead = _signed_in(browser, address, "lead", DESKTOP)
    lead.goto(f"{address}/approvals/")
    waiting = lead.locator("ul.queue > li").filter(has_text=STORY).first
    waiting.wait_for(timeout=STORY_MS)
    _wait_until_quiet(address)

    lead.goto(f"{address}/")
    _keep(lead, "dashboard")
    lead.goto(f"{address}/approvals/")
    waiting.locator("[data-row]").click()
    lead.locator("article.card").wait_for()
    card = lead.url
    _keep(lead, "approval")
    lead.get_by_role("link", name="see the whole task").click()
    lead.wait_for_url("**/tasks/*/")
    task = lead.url
    _keep(lead, "task")

    auditor = _signed_in(browser, address, "auditor", DESKTOP)
    auditor.goto(task)
    auditor.locator("a[href^='/admin/tasks/task/']").first.click()
    auditor.wait_for_url("**/admin/tasks/task/**")
    auditor.locator("#turns").evaluate("heading => heading.scrollIntoView()")
    _keep(auditor, "admin")

    phone = _signed_in(browser, address, "lead", PHONE)
    phone.goto(card)
    _keep(phone, "phone")


def _signed_in(browser: Browser, address: str, role: str, size: tuple[int, int]) -> Page:
    width, height = size
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.on("response", _refuse_crash)
    page.goto(f"{address}/accounts/login/")
    page.get_by_label("User name").fill(role)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/")
    return page


def _refuse_crash(response: Response) -> None:
    if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise SystemExit(f"{response.url} answered {response.status}; the lines above say why.")


def _keep(page: Page, name: str) -> None:
    """Write the visible part of the page; a picture too heavy for the repository is refused."""
    path = PICTURES / f"{name}.png"
    if "/admin/" not in page.url:
        page.get_by_text(
            "Live", exact=True
        ).first.wait_for()  # the socket is open: nothing changes under the picture
    page.screenshot(path=path)
    size = path.stat().st_size
    if size > MAX_BYTES:
        sys.exit(f"{path.name} has {size:,} bytes; the limit is {MAX_BYTES:,}. Show less of the page.")
    print(f"{path.relative_to(ROOT)}: {size:,} bytes")


def _wait_until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    def answers() -> bool:
        if process.poll() is not None:
            sys.exit("The desk did not start; its last lines above say why.")
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=2):  # noqa: S310 -- our own desk
                return True
        except (urllib.error.URLError, OSError):
            return False

    if not _within(READY_SECONDS, answers):
        sys.exit(f"The desk does not answer after {READY_SECONDS:.0f} seconds.")


def _wait_until_quiet(address: str) -> None:
    """Until no task is queued or in a worker's hands: then two runs give the same pictures, clock times aside."""

    def quiet() -> bool:
        try:
            with urllib.request.urlopen(f"{address}/readyz", timeout=5) as answer:  # noqa: S310 -- our own desk
                state = json.load(answer)
        except urllib.error.HTTPError:
            return False  # the workers are not there yet
        return not state["tasks_waiting_for_a_worker"] and not state["tasks_held_by_workers"]

    if not _within(QUIET_SECONDS, quiet):
        sys.exit(f"The agents are still at work after {QUIET_SECONDS:.0f} seconds.")


def _within(seconds: float, true: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.3)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


if __name__ == "__main__":
    main()
