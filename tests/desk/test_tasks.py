"""The task pages: the list, what happened in one task, and cancelling it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission

from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from approvals.decide import decide
from tasks.models import TaskStatus
from tests.desk.cases import AGENT_SAYS, asked_question, wanted_refund
from tests.factories import (
    CustomerFactory,
    DocumentFactory,
    OutgoingMessageFactory,
    TaskFactory,
    ToDoFactory,
    ToolCallFactory,
    TurnFactory,
)
from tools.models import CallStatus


def page_of(browser, task):
    return browser.get(task.get_absolute_url()).content.decode()


def test_an_empty_list_explains_where_tasks_come_from(as_, vera):
    assert "No agent has been given work yet." in as_(vera).get("/tasks/").content.decode()


def test_the_list_is_filtered_by_status_agent_and_words(as_, vera):
    TaskFactory(title="Late parcel", status=TaskStatus.DONE)
    TaskFactory(title="Broken lamp", customer=CustomerFactory(name="Mara Lindqvist"))
    browser = as_(vera)
    titles = {
        "status=done": ["Late parcel"],
        "status=live": ["Broken lamp"],
        "q=lindqvist": ["Broken lamp"],
        "q=PARCEL": ["Late parcel"],
        "agent=support": ["Broken lamp", "Late parcel"],
        "agent=nobody": [],
        "status=nonsense": ["Broken lamp", "Late parcel"],
    }
    for query, expected in titles.items():
        shown = browser.get(f"/tasks/?{query}").context["page"].object_list
        assert [task.title for task in shown] == expected, query


def test_a_filter_without_matches_leads_back(as_, vera):
    TaskFactory()
    assert "No task fits this filter." in as_(vera).get("/tasks/?q=xyzzy").content.decode()


@pytest.mark.parametrize(
    "query", ["page=0", "page=9999", "page=x", "q=%00", "q=" + "a" * 5000, "status=%00&agent=%00"]
)
def test_nonsense_in_the_address_is_no_crash(as_, vera, query):
    TaskFactory()
    assert as_(vera).get(f"/tasks/?{query}").status_code == 200


def test_pages_keep_the_filter(as_, vera):
    for _ in range(31):
        TaskFactory(title="Late parcel")
    page = as_(vera).get("/tasks/?q=parcel").content.decode()
    assert "1–30 of 31" in page
    assert 'href="?q=parcel&amp;page=2"' in page


def test_htmx_gets_the_list_alone_and_it_keeps_its_filter(as_, vera, htmx):
    TaskFactory(title="Late parcel")
    page = as_(vera).get("/tasks/?q=parcel", headers=htmx("task-list")).content.decode()
    assert "<html" not in page
    assert 'hx-get="/tasks/?q=parcel"' in page
    assert 'data-live="tasks"' in page


def test_a_waiting_task_says_for_whom_and_leads_to_the_sign_off(as_, vera):
    approval = wanted_refund()
    page = page_of(as_(vera), approval.task)
    assert "Waiting for lead or finance to sign: Refund $29.00" in page
    assert approval.get_absolute_url() in page


def test_a_task_with_a_question_leads_to_the_answer(as_, vera):
    approval = asked_question()
    page = page_of(as_(vera), approval.task)
    assert "asks staff a question" in page
    assert approval.get_absolute_url() in page


def test_the_timeline_tells_calls_in_words_with_the_decision_inside(as_, vera, lena):
    approval = wanted_refund()
    order = approval.tool_call.arguments["order"]
    decide(approval, by=lena, verdict="reject", reason="The bank says otherwise.", seen=approval.seen_hash)
    page = page_of(as_(vera), approval.task)
    for words in (
        f"Refund $29.00 on {order}",
        "Rejected",
        "lena",
        "The bank says otherwise.",
        AGENT_SAYS,
        "Two equal charges.",
    ):
        assert words in page, words


def test_moves_of_the_plan_share_one_line(as_, vera):
    turn = TurnFactory()
    for position, state in ((1, "done"), (2, "doing")):
        ToolCallFactory(
            turn=turn, tool="set_todo_state", arguments={"position": position, "state": state}, status="done"
        )
    page = page_of(as_(vera), turn.task)
    assert "<span>To-do 1: done</span><span>To-do 2: doing</span>" in page
    assert 'class="call"' not in page


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"order": "A-1", "charge": "", "amount_minor": 1, "currency": "XXX", "reason": "r"},
        {"amount_minor": "x"},
    ],
)
def test_a_call_whose_arguments_no_longer_fit_its_tool_is_named_by_the_tool(as_, vera, arguments):
    call = ToolCallFactory(status=CallStatus.FAILED, arguments=arguments)
    assert "Issue refund" in page_of(as_(vera), call.task)


def test_a_failed_call_shows_what_the_agent_was_told(as_, vera):
    call = ToolCallFactory(status=CallStatus.FAILED, output='{"error": "There is no order A-9."}')
    assert "There is no order A-9." in page_of(as_(vera), call.task)


def test_a_call_with_arguments_that_could_not_be_read_shows_them_raw(as_, vera):
    call = ToolCallFactory(
        status=CallStatus.FAILED,
        arguments=None,
        arguments_hash="",
        raw_arguments='{"amount": 1, "amount": 2}',
    )
    assert "{&quot;amount&quot;: 1, &quot;amount&quot;: 2}" in page_of(as_(vera), call.task)


def test_a_finished_task_shows_result_documents_and_messages(as_, vera):
    task = TaskFactory(status=TaskStatus.DONE, result="# Done\n\n**$29.00** went back.")
    DocumentFactory(
        tool_call=ToolCallFactory(given_task=task, tool="write_document", status="done"),
        title="For colleagues",
    )
    OutgoingMessageFactory(
        tool_call=ToolCallFactory(given_task=task, tool="notify_user", status="done"), body="Dear Mara"
    )
    page = page_of(as_(vera), task)
    assert "<h3>Done</h3>" in page
    assert "<strong>$29.00</strong>" in page
    assert "For colleagues" in page
    assert "Dear Mara" in page


def test_todos_say_their_state_in_words(as_, vera):
    task = TaskFactory(status=TaskStatus.RUNNING)
    ToDoFactory(task=task, text="Look it up", state="done")
    ToDoFactory(task=task, text="Decide", state="doing")
    page = page_of(as_(vera), task)
    assert "1 of 2 done" in page
    assert 'aria-label="Done:"' in page
    assert 'aria-label="Doing:"' in page


def test_a_running_task_has_a_place_for_what_streams_in(as_, vera):
    turn = TurnFactory()
    page = page_of(as_(vera), turn.task)
    assert f'data-stream="{turn.task.public_id}" data-turn="2"' in page
    assert f'data-live="task:{turn.task.public_id}" data-at="{turn.task.last_event}"' in page


def test_events_tell_who_acted(as_, vera, ada):
    task = TaskFactory(status=TaskStatus.CANCELLED)
    record(task, Fact(Kind.TASK_QUEUED), Fact(Kind.TASK_CANCELLED, by=ada))
    page = page_of(as_(vera), task)
    assert "Cancelled by ada" in page
    assert "All 2 events" in page


def test_cancelling_asks_first_and_a_viewer_is_not_offered_it(as_, ada, vera):
    task = TaskFactory()
    assert f"{task.get_absolute_url()}cancel/" not in page_of(as_(vera), task)
    assert as_(vera).post(f"{task.get_absolute_url()}cancel/").status_code == 403
    asked = as_(ada).get(f"{task.get_absolute_url()}cancel/")
    assert "Cancel this task?" in asked.content.decode()
    task.refresh_from_db()
    assert task.status == TaskStatus.QUEUED


def test_cancelling_ends_the_task_once(as_, ada):
    task = TaskFactory()
    response = as_(ada).post(f"{task.get_absolute_url()}cancel/")
    assert (response.status_code, response["Location"]) == (302, task.get_absolute_url())
    task.refresh_from_db()
    assert task.status == TaskStatus.CANCELLED
    late = as_(ada).post(f"{task.get_absolute_url()}cancel/")
    assert late.status_code == 409
    assert "cancelled already" in late.content.decode()


def test_reading_a_long_task_takes_a_bounded_number_of_queries(as_, vera, django_assert_max_num_queries):
    turn = TurnFactory()
    for _ in range(30):
        ToolCallFactory(turn=TurnFactory(task=turn.task), status="done")
    browser = as_(vera)
    Permission.objects.count()  # the connection is warm
    with django_assert_max_num_queries(30):
        browser.get(turn.task.get_absolute_url())
