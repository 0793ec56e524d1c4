"""A task's page in the admin tells all of it, so that an auditor can follow everything from one place."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agentdesk.events.models import Event
from approvals.models import Approval, Decision
from tasks.models import Task
from tests.admin.conftest import Enter
from tests.factories import ApprovalFactory, DecisionFactory, ToolCallFactory
from tools.models import ToolCall
from tools.store.models import Refund


def url(task: Task) -> str:
    return reverse("admin:tasks_task_change", args=[task.pk])


def test_the_page_tells_the_whole_story(story: Task, audrey: User, lena: User, enter: Enter) -> None:
    html = enter(audrey).get(url(story)).content.decode()
    approval = Approval.objects.get()

    assert story.goal in html
    assert "Find the two charges" in html
    assert "I write it down." in html
    assert "The refund is through." in html
    assert "told to the model" in html, "what the model was told"
    assert "Clause 1 says so." in html, "why it was signed"
    assert approval.seen_hash in html, "what was signed"
    assert Refund.objects.get().number in html
    assert story.get_absolute_url() in html, "the desk's page"
    for call in ToolCall.objects.all():
        assert reverse("admin:tools_toolcall_change", args=[call.pk]) in html
    for record, name in [
        (approval, "approvals_approval"),
        (Decision.objects.get(), "approvals_decision"),
        (Refund.objects.get(), "store_refund"),
    ]:
        assert reverse(f"admin:{name}_change", args=[record.pk]) in html


def test_every_event_is_there_with_its_number(story: Task, audrey: User, enter: Enter) -> None:
    html = enter(audrey).get(url(story)).content.decode()

    for event in Event.objects.filter(task=story):
        assert f'<a href="{reverse("admin:events_event_change", args=[event.pk])}">{event.number}</a>' in html
    assert "5 events, numbered without a gap" in html


def test_a_missing_event_is_called_out(story: Task, audrey: User, enter: Enter) -> None:
    Task.objects.filter(pk=story.pk).update(last_event=6)

    html = enter(audrey).get(url(story)).content.decode()

    assert "events are missing" in html


def test_a_signature_for_another_hash_is_called_out(story: Task, audrey: User, enter: Enter) -> None:
    Approval.objects.update(seen_hash="f" * 64)

    assert "for another hash" in enter(audrey).get(url(story)).content.decode()


def test_a_longer_story_takes_no_more_queries(story: Task, audrey: User, lena: User, enter: Enter) -> None:
    client = enter(audrey)
    client.get(url(story))
    with CaptureQueriesContext(connection) as short:
        client.get(url(story))
    for _ in range(4):
        call = ToolCallFactory(given_task=story, status="done")
        DecisionFactory(approval=ApprovalFactory(tool_call=call, status="approved"), decided_by=lena)

    with CaptureQueriesContext(connection) as long:
        client.get(url(story))

    assert len(long) == len(short)
