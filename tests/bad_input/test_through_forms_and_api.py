"""Hostile and absurd text through every door: refused in the right place or stored and shown harmlessly, never a crash."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import suppress
from io import StringIO
from pathlib import Path

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from agentdesk.desk.markdown import rendered
from approvals.decide import decide
from tasks.models import Task, TaskStatus, Ticket
from tests.factories import CustomerFactory, support_version
from tests.permissions.world import contents, waiting_refund
from tests.scripted import MakeStory, call, say

pytestmark = pytest.mark.django_db

As = Callable[[User], Client]
MEGABYTE = "x" * 1_100_000
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>\u202egnp.exe [go](javascript:alert(3)) ![p](http://evil.example/p.png)"
HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069]")


@pytest.fixture
def ticket() -> dict[str, str]:
    support_version()
    CustomerFactory(number="C-1", name="Mara Lindqvist")
    return {"customer": "C-1", "subject": "Late parcel", "body": "Where is it?"}


@pytest.mark.parametrize("field", ["customer", "subject", "body"])
@pytest.mark.parametrize("text", ["", "a\x00b", "x" * 30_000, " "])
def test_a_wrong_field_of_a_new_ticket_is_said_at_the_field(
    as_: As, ada: User, ticket: dict[str, str], field: str, text: str
) -> None:
    before = contents()
    response = as_(ada).post("/tickets/new/", {**ticket, field: text})
    assert response.status_code == 422
    assert f'id="{field}-problem"' in response.content.decode()
    assert contents()["tasks.ticket"] == before["tasks.ticket"]
    assert contents()["tasks.task"] == before["tasks.task"]


def test_a_megabyte_is_refused_by_form_api_and_decision_and_changes_nothing(
    as_: As, ada: User, lena: User, ticket: dict[str, str]
) -> None:
    approval = waiting_refund()
    before = contents()
    agent, lead = as_(ada), as_(lena)
    answers = {
        "form": agent.post("/tickets/new/", {**ticket, "body": MEGABYTE}).status_code,
        "goal": agent.post("/api/v1/tasks", {"goal": MEGABYTE}, content_type="application/json").status_code,
        "customer": agent.post(
            "/api/v1/tasks", {"goal": "x", "customer": "x" * 900_000}, content_type="application/json"
        ).status_code,
        "agent": agent.post(
            "/api/v1/tasks", {"goal": "x", "agent": "x" * 900_000}, content_type="application/json"
        ).status_code,
        "previous": agent.post(
            "/api/v1/tasks",
            {"goal": "x", "previous_response_id": "x" * 900_000},
            content_type="application/json",
        ).status_code,
        "reason": lead.post(
            reverse("desk:decide", args=[approval.public_id]),
            {"verdict": "reject", "reason": "x" * 900_000, "seen": approval.seen_hash},
        ).status_code,
    }
    assert answers == {
        "form": 400,
        "goal": 413,
        "customer": 422,
        "agent": 422,
        "previous": 422,
        "reason": 422,
    }
    now = contents()
    assert {name: now[name] for name in ("tasks.task", "tasks.ticket", "approvals.approval")} == {
        name: before[name] for name in ("tasks.task", "tasks.ticket", "approvals.approval")
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 422),
        ("{", 400),
        ("null", 422),
        ("[]", 422),
        ('{"goal": "a", "goal": "b"}', 400),
        ('{"goal": NaN}', 400),
        ('{"goal": "\\u0000"}', 422),
        ('{"goal": "\\ud800"}', 422),
        ('{"goal": ""}', 422),
        ('{"goal": 1}', 422),
        ('{"goal": "x", "more": 1}', 422),
        ('{"goal": "x", "customer": "\\u0000"}', 422),
        ('{"goal": "x", "customer": "nobody"}', 422),
        ('{"goal": "x", "agent": "nobody"}', 422),
        ('{"goal": "x", "previous_response_id": "tsk_none"}', 422),
        ('{"goal": ' + "[" * 100_000 + "]" * 100_000 + "}", 400),
        (b"\xff\xfe{", 400),
    ],
)
def test_the_api_refuses_in_one_shape_and_starts_nothing(
    as_: As, ada: User, ticket: dict[str, str], body: str | bytes, status: int
) -> None:
    response = as_(ada).post("/api/v1/tasks", body, content_type="application/json")
    assert response.status_code == status, response.content
    error = response.json()["error"]
    assert set(error) == {"code", "message", "fields"}
    assert 0 < len(error["message"]) < 1000
    assert not Task.objects.exists()


@pytest.mark.parametrize(
    "query",
    ["%00", "%ED%A0%80", "%FF", "x" * 60_000, "%E2%80%AE", "'%20OR%201=1--", "%25%25%25", "-1", "9" * 400],
)
def test_search_filters_and_page_numbers_take_anything(as_: As, ada: User, query: str) -> None:
    browser = as_(ada)
    for path in ("/tickets/", "/tasks/"):
        for name in ("q", "status", "agent", "page"):
            assert browser.get(f"{path}?{name}={query}").status_code == 200, (path, name)
    assert browser.get(f"/tickets/new/?customer={query}").status_code == 200


@pytest.mark.parametrize("query", ["%00", "%FF", "x" * 60_000, "%E2%80%AE", "9" * 400])
def test_the_admins_search_takes_anything(as_: As, query: str) -> None:
    root = User.objects.create_superuser("root")
    browser = as_(root)
    for name in ("tasks_task", "tasks_ticket", "tasks_customer", "tools_toolcall", "approvals_approval"):
        answer = browser.get(reverse(f"admin:{name}_changelist") + f"?q={query}")
        assert answer.status_code in {200, 302}, name


@pytest.mark.parametrize("name", ["number", "name", "email", "notes"])
def test_a_nul_in_the_admins_forms_is_said_at_the_field(as_: As, adam: User, name: str) -> None:
    form = {
        "number": "C-5",
        "name": "A",
        "email": "a@b.example",
        "tier": "plus",
        "since": "2024-01-01",
        "notes": "",
    }
    response = as_(adam).post(reverse("admin:tasks_customer_add"), {**form, name: "a\x00b"})
    assert response.status_code == 200
    assert "errorlist" in response.content.decode()
    assert not apps.get_model("tasks", "customer").objects.exists()


def test_an_import_with_nuls_and_a_megabyte_takes_the_good_rows_only(
    ticket: dict[str, str], tmp_path: Path
) -> None:
    rows = [
        {**ticket, "external_id": "1"},
        {**ticket, "external_id": "2", "body": "a\x00b"},
        {**ticket, "external_id": "3", "body": "x" * 1_000_000},
        {**ticket, "external_id": "4", "subject": EVIL},
        {**ticket, "external_id": "5", "customer": "x" * 100_000},
        {**ticket, "external_id": "6", "body": EVIL},
    ]
    file = tmp_path / "tickets.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows))
    out = StringIO()
    with suppress(SystemExit, CommandError):  # its exit code says that rows were refused
        call_command("import_tickets", str(file), stdout=out, stderr=out)
    assert sorted(Ticket.objects.values_list("external_id", flat=True)) == ["1", "4", "6"]
    for line in (2, 3, 5):
        assert re.search(rf"\b{line}\b.*(NUL|limit|customer)", out.getvalue()), out.getvalue()[:2000]


@pytest.mark.parametrize(
    "text",
    [
        EVIL,
        "[a](javascript:alert(1)) <javascript:alert(1)> [b](data:text/html,<script>1</script>)",
        '<a href="javascript:1">x</a><svg onload=1><math><mtext></mtext><iframe src="//evil"></iframe>',
        "![x](http://evil.example/pixel.png)\n\n[r]: http://evil.example\n[r]",
        "<style>body{display:none}</style><form action=//evil><input></form><base href=//evil>",
        "`<script>` and\n\n```html\n<script>alert(1)</script>\n```",
    ],
)
def test_markdown_neither_runs_nor_loads_nor_links(text: str) -> None:
    html = str(rendered(text))
    assert not re.search(
        r"<(script|img|a|iframe|svg|math|style|form|input|base|link|object)\b", html, re.IGNORECASE
    )
    assert not re.search(r"<[^>]+\s(on\w+|href|src|style)\s*=", html, re.IGNORECASE)
    assert not HIDDEN.search(html)


@pytest.mark.django_db(transaction=True)
def test_a_story_full_of_hostile_words_is_shown_as_words_on_every_page(
    story: MakeStory, as_: As, lena: User, ada: User
) -> None:
    s = story()
    Ticket.objects.filter(pk=s.task.ticket_id).update(subject=EVIL, body=EVIL)
    Task.objects.filter(pk=s.task.pk).update(title=EVIL)
    s.script(
        [call("add_todos", "plan", todos=[EVIL])],
        [s.refund(reason=EVIL)],
        [call("write_document", "doc", title=EVIL[:100], body=EVIL)],
        [call("notify_user", "mail", customer=s.customer.number, subject="Hello", body=EVIL)],
        [call("ask_person", "ask", question=EVIL)],
        [say(EVIL)],
    )
    s.drive()
    refund = s.approval()
    shown_while_open = [refund.get_absolute_url(), "/approvals/", "/"]
    root = as_(User.objects.create_superuser("root"))
    for url in shown_while_open:
        harmless(root.get(url).content.decode(), url)
    decide(refund, by=lena, verdict="reject", reason=EVIL, seen=refund.seen_hash)
    s.drive()
    question = s.approval()
    harmless(root.get(question.get_absolute_url()).content.decode(), "the question")
    decide(question, by=ada, verdict="answer", reason=EVIL, seen=question.seen_hash)
    assert s.drive().status == TaskStatus.DONE

    ticket = s.task.ticket
    assert ticket is not None
    pages = ["/", "/tasks/", "/tickets/", "/approvals/", "/admin/", "/admin/approvals/queue/"]
    pages += [row.get_absolute_url() for row in (s.task, ticket, refund, question)]
    for label in (
        "tasks.task",
        "tasks.ticket",
        "tasks.turn",
        "tasks.todo",
        "tools.toolcall",
        "approvals.approval",
        "approvals.decision",
        "library.document",
        "outbox.outgoingmessage",
        "events.event",
    ):
        model = apps.get_model(label)
        stem = f"admin:{label.replace('.', '_')}"
        assert model.objects.exists(), label
        pages.append(reverse(f"{stem}_changelist"))
        for pk in model.objects.values_list("pk", flat=True):
            pages.append(reverse(f"{stem}_change", args=[pk]))
        pages.append(reverse(f"{stem}_history", args=[pk]))
    for url in pages:
        response = root.get(url)
        assert response.status_code == 200, url
        harmless(response.content.decode(), url)

    answer = root.get(f"/api/v1/tasks/{s.task.public_id}")
    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.json()["result"] == EVIL
    assert "nosniff" in answer.headers["X-Content-Type-Options"]


def harmless(page: str, where: str) -> None:
    assert "<script>alert" not in page, where
    assert "<img src=x" not in page, where
    assert not re.search(r"<[^>]+(href|src)=[\"']?(javascript:|http://evil)", page), where
    assert not HIDDEN.search(page), where
