"""Nothing that customers, models or staff write can run, load, or deceive; and looking changes nothing."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agentdesk.desk.markdown import rendered
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from agentdesk.roster.models import Agent
from approvals.decide import decide
from approvals.models import Approval
from tasks.models import Customer, Task, TaskStatus, Ticket, Turn
from tests.desk.cases import asked_question, wanted_refund
from tests.factories import (
    DocumentFactory,
    OutgoingMessageFactory,
    RefundFactory,
    TaskFactory,
    ToDoFactory,
    ToolCallFactory,
)
from tools.models import CallStatus
from tools.retell import fork, retry
from tools.store.models import Charge, Order, OrderLine

OVERRIDE = "\u202e"
EVIL = f"""</textarea></pre></title><script>alert(1)</script><img src=x onerror=alert(2)>"'{OVERRIDE}gpj.exe\u200b"""
HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
TEMPLATES = Path(django_settings.BASE_DIR) / "templates"
OURS = [path for path in TEMPLATES.rglob("*.html") if "admin" not in path.parts]


class Tags(HTMLParser):
    """Every tag with its attributes, and the text inside script tags."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.in_script = False
        self.scripted = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self.in_script = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self.in_script = False

    def handle_data(self, data: str) -> None:
        if self.in_script:
            self.scripted += data.strip()


@pytest.fixture
def evil_desk(lena, ada) -> list[str]:
    """Every text on the desk is hostile; returns the addresses of all pages."""
    lena.first_name, lena.last_name = EVIL[:150], "L"
    lena.save()
    lena.groups.add(Group.objects.create(name=EVIL[:150]))
    open_one, closed, question = wanted_refund(reason=EVIL), wanted_refund(), asked_question(question=EVIL)
    decide(closed, by=lena, verdict="reject", reason=EVIL, seen=closed.seen_hash)
    task = open_one.task
    evil_task = TaskFactory(
        ticket=task.ticket,
        title=EVIL,
        goal=EVIL,
        result=EVIL,
        model_name=EVIL[:100],
        status=TaskStatus.DONE,
        previous=task,
    )
    failed = TaskFactory(title=EVIL, goal=EVIL, failure=EVIL, status=TaskStatus.FAILED)
    running = TaskFactory(title=EVIL, status=TaskStatus.RUNNING)
    for owner in (task, evil_task, running):
        ToDoFactory(task=owner, text=EVIL, state="doing")
    for status in (CallStatus.DONE, CallStatus.FAILED):
        ToolCallFactory(
            given_task=evil_task,
            tool=EVIL[:80],
            arguments={EVIL: EVIL},
            result={EVIL: [EVIL]},
            output=EVIL,
            status=status,
        )
    ToolCallFactory(
        given_task=evil_task,
        arguments=None,
        arguments_hash="",
        raw_arguments=EVIL,
        output=EVIL,
        status=CallStatus.FAILED,
    )
    DocumentFactory(
        tool_call=ToolCallFactory(given_task=evil_task, tool="write_document", status="done"),
        title=EVIL,
        body=EVIL,
    )
    OutgoingMessageFactory(
        tool_call=ToolCallFactory(given_task=evil_task, tool="notify_user", status="done"),
        subject=EVIL,
        body=EVIL,
        to="a@b.example",
        error=EVIL,
    )
    RefundFactory(tool_call=ToolCallFactory(given_task=evil_task, status="done"), refunded_at=timezone.now())
    record(evil_task, Fact(Kind.TASK_QUEUED, by=lena), Fact(Kind.TASK_DONE))
    Turn.objects.update(text=EVIL, reasoning=EVIL)
    Customer.objects.update(name=EVIL[:120], notes=EVIL, tier=EVIL[:20])
    Ticket.objects.update(subject=EVIL, body=EVIL)
    Task.objects.filter(pk=task.pk).update(title=EVIL, goal=EVIL)
    Approval.objects.update(title=EVIL, why=EVIL, rule=EVIL[:80])
    Approval.objects.filter(pk=closed.pk).update(
        facts={EVIL: EVIL, "list": [[EVIL, 1]], "inner": {EVIL: EVIL}}
    )
    OrderLine.objects.update(title=EVIL[:120], sku=EVIL[:40])
    Charge.objects.update(description=EVIL[:120])
    Agent.objects.update(title=EVIL[:80])
    assert Order.objects.exists()
    told_again = [retry(failed, by=ada), fork(evil_task, turn=2, by=ada, note=EVIL)]
    objects = [open_one, closed, question, task, evil_task, failed, running, task.ticket, *told_again]
    return [
        "/",
        "/approvals/",
        "/tickets/",
        "/tasks/",
        "/tickets/new/",
        f"/tasks/{evil_task.public_id}/again/",
        f"/tasks/{evil_task.public_id}/fork/3/",
        *(each.get_absolute_url() for each in objects),
    ]


@pytest.mark.parametrize("reader", ["lena", "ada"])
def test_hostile_texts_stay_words_on_every_page(as_, evil_desk, reader, request):
    browser = as_(request.getfixturevalue(reader))
    for url in evil_desk:
        response = browser.get(url)
        assert response.status_code == 200, url
        page = response.content.decode()
        tags = Tags(page)
        assert not HIDDEN.search(page), (url, page[max(0, HIDDEN.search(page).start() - 200) :][:300])
        assert not tags.scripted, url
        assert not [tag for tag, _ in tags.found if tag in {"img", "iframe", "object", "style"}], url
        names = {name for _, attributes in tags.found for name in attributes}
        assert not {name for name in names if name.startswith("on") or name == "style"}, url
        for _, attributes in tags.found:
            for name in ("href", "src", "action"):
                assert (attributes.get(name) or "/").startswith(("/", "?", "#")), (url, attributes)


def test_hostile_words_come_back_into_forms_as_words(as_, lena, ada):
    approval = wanted_refund()
    refused = as_(lena).post(
        f"/approvals/{approval.public_id}/decide/", {"verdict": EVIL, "reason": EVIL, "seen": EVIL}
    )
    wrong = as_(ada).post("/tickets/new/", {"customer": EVIL, "subject": EVIL, "body": EVIL})
    searched = as_(ada).get("/tasks/", {"q": EVIL, "status": EVIL, "agent": EVIL})
    assert [response.status_code for response in (refused, wrong, searched)] == [422, 422, 200]
    for response in (refused, wrong, searched):
        tags = Tags(response.content.decode())
        assert not tags.scripted
        assert "img" not in {tag for tag, _ in tags.found}


def test_looking_changes_nothing(as_, evil_desk, lena):
    browser = as_(lena)
    for url in [*evil_desk, "/accounts/login/"]:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(url)
        verbs = {query["sql"].split()[0] for query in queries}
        assert verbs <= {"SELECT", "PRAGMA"}, (url, verbs)


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "![pixel](https://elsewhere.example/p.png)",
        "[click](javascript:alert(1))",
        "[click](https://elsewhere.example/)",
        "<https://elsewhere.example/>",
        '<a href="https://elsewhere.example">x</a>',
        "[x]: https://elsewhere.example\n\n[x]",
        "```html\n<script>\n```",
        '<b onclick="x()">b</b>',
    ],
)
def test_markdown_of_a_model_neither_runs_nor_links_nor_loads(text):
    tags = Tags(rendered(text))
    assert {tag for tag, _ in tags.found} <= {"p", "pre", "code", "strong"}
    assert not any(attributes for _, attributes in tags.found)


def test_markdown_keeps_what_people_need():
    html = rendered("# Title\n\n- **one**\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n3. three")
    for part in ("<h3>Title</h3>", "<strong>one</strong>", "<td>2</td>", '<ol start="3">'):
        assert part in html, part


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/nowhere/", "/admin/login/"])
def test_every_answer_forbids_what_is_not_ours(client, db, path):
    policy = client.get(path)["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    for rule in (
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "form-action 'self'",
        "connect-src 'self' ws://testserver",
    ):
        assert rule in policy, rule
    assert "unsafe" not in policy


@pytest.mark.parametrize("template", OURS, ids=lambda path: str(path.relative_to(TEMPLATES)))
def test_templates_hold_nothing_inline_nothing_foreign_and_trust_no_text(template):
    text = template.read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=\"|<script(?![^>]*\ssrc=)|<style", text)
    assert not re.search(r"https?://|\|safe\b|autoescape off", text)


def test_only_cleaned_markdown_is_ever_marked_safe():
    desk = Path(django_settings.BASE_DIR) / "agentdesk" / "desk"
    marking = {
        path.name for path in desk.rglob("*.py") if re.search(r"mark_safe\(|SafeString\(", path.read_text())
    }
    assert marking == {"markdown.py"}
