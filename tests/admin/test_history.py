"""History in the admin is for reading: whoever asks, whatever way, nothing of it changes."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.core.serializers import serialize
from django.db import connection
from django.db.models import Model
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agentdesk.brakes.models import Brake
from agentdesk.core import admin as core_admin
from agentdesk.core.admin import HistoryAdmin
from agentdesk.events.models import Event, Signal
from agentdesk.roster.models import AgentVersion
from approvals.models import Approval, CapVersion, Decision, Exemption, PolicyVersion
from tasks.models import Task, Ticket, ToDo, Turn
from tests.admin.conftest import Enter, whole_story
from tools.library.models import Document
from tools.messages.models import OutgoingMessage
from tools.models import ToolCall
from tools.store.models import Charge, Order, OrderLine, Refund

OURS = ("events", "roster", "brakes", "tasks", "tools", "store", "library", "outbox", "approvals", "api")
HISTORY: list[type[Model]] = [
    Ticket, Task, ToDo, Turn, ToolCall, Approval, Decision, Event, AgentVersion, PolicyVersion,
    Order, OrderLine, Charge, Refund, Document, OutgoingMessage, Brake, CapVersion, Exemption,
]  # fmt: skip


def page(model: type[Model], view: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{view}", args=args)


def test_every_model_has_its_admin() -> None:
    models = {model for label in OURS for model in apps.get_app_config(label).get_models()}

    assert models - set(admin.site._registry) == set()


def test_all_history_is_read_only() -> None:
    assert all(isinstance(admin.site._registry[model], HistoryAdmin) for model in [*HISTORY, Signal])


def test_no_admin_has_bulk_actions_inlines_or_editable_lists(root: User) -> None:
    request = RequestFactory().get("/admin/")
    request.user = root
    for model_admin in admin.site._registry.values():
        assert not model_admin.get_actions(request), model_admin
        assert not model_admin.get_inlines(request, None), model_admin
        assert not model_admin.list_editable, model_admin


@pytest.mark.parametrize("model", HISTORY)
def test_not_even_a_superuser_changes_history(
    model: type[Model], story: Task, root: User, enter: Enter
) -> None:
    client = enter(root)
    row = model._default_manager.order_by("pk").first()
    assert row is not None
    before = serialize("json", model._default_manager.all())
    values = {field.name: "tampered" for field in model._meta.fields} | {"_save": "Save", "post": "yes"}

    answers = [
        client.post(page(model, "change", row.pk), values).status_code,
        client.post(page(model, "delete", row.pk), values).status_code,
        client.post(page(model, "add"), values).status_code,
    ]
    client.post(
        page(model, "changelist"), {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    )
    client.post(
        page(model, "changelist"),
        {"_save": "Save", "form-TOTAL_FORMS": 1, "form-INITIAL_FORMS": 1, "form-0-id": row.pk},
    )

    assert answers == [403, 403, 403]
    assert serialize("json", model._default_manager.all()) == before


@pytest.mark.parametrize("model", HISTORY)
def test_an_auditor_reads_lists_and_records(
    model: type[Model], story: Task, audrey: User, enter: Enter
) -> None:
    client = enter(audrey)
    row = model._default_manager.order_by("pk").first()
    assert row is not None

    listed, record = client.get(page(model, "changelist")), client.get(page(model, "change", row.pk))

    assert (listed.status_code, record.status_code) == (200, 200)
    assert "<form" not in record.content.decode().split('id="content"')[1], "there is nothing to send"
    assert client.get(page(model, "changelist"), {"q": "anything"}).status_code == 200


@pytest.mark.parametrize("model", [*HISTORY, User])
def test_a_longer_list_takes_no_more_queries(
    model: type[Model], story: Task, lena: User, root: User, enter: Enter
) -> None:
    client = enter(root)
    url = page(model, "changelist")
    client.get(url)  # content types are cached by the first

    with CaptureQueriesContext(connection) as few:
        client.get(url)
    for _ in range(3):
        whole_story(lena)
    with CaptureQueriesContext(connection) as many:
        client.get(url)

    assert len(many) == len(few)


def test_words_from_outside_are_escaped_and_their_tricks_shown(
    story: Task, audrey: User, enter: Enter
) -> None:
    client = enter(audrey)
    looked = ToolCall.objects.get(tool="get_user_data")

    for url in (
        page(Ticket, "change", story.ticket_id),
        page(ToolCall, "change", looked.pk),
        page(Task, "change", story.pk),
    ):
        html = client.get(url).content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
        assert "<script>alert(1)" not in html
        assert "⟨U+202E⟩" in html
        assert "\u202e" not in html


def test_a_long_list_is_counted_only_so_far(
    monkeypatch: pytest.MonkeyPatch, story: Task, audrey: User, enter: Enter
) -> None:
    monkeypatch.setattr(core_admin, "COUNT_LIMIT", 3)
    html = enter(audrey).get(page(Event, "changelist")).content.decode()

    assert Event.objects.count() > 3
    assert "more than 3 events" in html


def test_a_list_never_counts_a_whole_table(story: Task, audrey: User, enter: Enter) -> None:
    client = enter(audrey)
    with CaptureQueriesContext(connection) as queries:
        client.get(page(Event, "changelist"))

    counts = [
        query["sql"] for query in queries if "COUNT(" in query["sql"] and "events_event" in query["sql"]
    ]
    assert counts
    assert all("LIMIT" in sql for sql in counts)


def test_money_and_states_are_in_words(story: Task, audrey: User, enter: Enter) -> None:
    client = enter(audrey)

    refund = client.get(page(Refund, "changelist")).content.decode()
    order = client.get(page(Order, "change", Refund.objects.get().order_id)).content.decode()
    call = client.get(page(ToolCall, "changelist")).content.decode()

    assert "$29.00" in refund
    assert "$58.00" in order
    assert ">Done</span>" in call


def test_a_refund_leads_to_its_call_task_order_and_sign_off(story: Task, audrey: User, enter: Enter) -> None:
    refund = Refund.objects.select_related("tool_call").get()
    html = enter(audrey).get(page(Refund, "change", refund.pk)).content.decode()

    for record in (refund.order, refund.tool_call, story, refund.tool_call.approvals.get()):
        assert page(type(record), "change", record.pk) in html
