"""What a model may get wrong: it is told so in one sentence, no person is asked, and nothing half happens."""

from __future__ import annotations

from typing import Any

import pytest
from agents.testing import function_call
from django.contrib.auth.models import User

from approvals.decide import decide
from approvals.models import Approval
from tasks.models import TaskStatus
from tests.factories import CustomerFactory, order_with
from tests.scripted import MakeStory, Story, call, say
from tools.library.models import Document
from tools.messages.models import OutgoingMessage
from tools.models import CallStatus
from tools.store.models import Order, Refund

LONG = "x" * 99_000


def told(story: Story, asked: Any) -> str:
    """Drive the story through one bad call to its end and return what the model was told about it."""
    thinkers = story.script([asked], [say("I could not do that.")])
    task = story.drive()
    assert task.status == TaskStatus.DONE, task.failure
    made = task.tool_calls.get()
    assert made.status == CallStatus.FAILED
    assert not Approval.objects.exists()
    assert not Refund.objects.exists()
    assert not Document.objects.exists()
    assert not OutgoingMessage.objects.exists()
    answer: str = thinkers.outputs()[made.call_id]
    assert answer.startswith('{"error":"')
    assert len(answer) < 600
    return answer


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount_minor": -1}, "amount_minor"),
        ({"amount_minor": 0}, "amount_minor"),
        ({"amount_minor": 2.5}, "amount_minor"),
        ({"amount_minor": 2900.0}, "amount_minor"),
        ({"amount_minor": "2900"}, "amount_minor"),
        ({"amount_minor": True}, "amount_minor"),
        ({"amount_minor": None}, "amount_minor"),
        ({"amount_minor": 10**18}, ""),
        ({"amount_minor": 2**53 + 1}, ""),
        ({"amount_minor": 10**400}, ""),
        ({"amount_minor": 5801}, "$58.00"),
        ({"currency": "EUR"}, "USD"),
        ({"currency": "usd"}, "currency"),
        ({"currency": "XXX"}, "currency"),
        ({"order": ""}, "order"),
        ({"order": "A-0"}, "no order"),
        ({"order": LONG}, "at most 20 characters"),
        ({"order": "A-1' OR '1'='1"}, "no order"),
        ({"charge": "CH-0"}, "CH-0"),
        ({"reason": ""}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\x00b"}, "NUL"),
        ({"extra": 1}, "extra"),
    ],
)
def test_an_absurd_refund_goes_back_to_the_model(
    story: MakeStory, changes: dict[str, Any], words: str
) -> None:
    s = story()
    assert words in told(s, s.refund(**changes))
    assert Order.objects.get(pk=s.order.pk).refunded_minor == 0


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("", "not valid JSON"),
        ("null", "one JSON object"),
        ("[]", "one JSON object"),
        ('{"order": "A-1"', "not valid JSON"),
        ('{"order": "A-1", "order": "A-2"}', "appears twice"),
        ('{"order": NaN}', "not JSON"),
        ('{"order": "\\ud800"}', "broken character"),
        ('{"order": "' + "x" * 200_000 + '"}', "longer than 100,000 bytes"),
        ('{"order":' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
        ('{"order": "A\x00"}', "not valid JSON"),
    ],
)
def test_json_that_cannot_be_meant_is_refused(story: MakeStory, raw: str, words: str) -> None:
    s = story()
    assert words in told(s, function_call("issue_refund", raw, call_id="bad"))
    kept = s.task.tool_calls.get().raw_arguments
    assert len(kept) <= 100_000
    assert "\x00" not in kept


@pytest.mark.parametrize("name", ["delete_everything", "Issue_Refund", "issue_refund ", "a" * 60, "<script>"])
def test_a_tool_that_does_not_exist_is_refused_with_those_that_do(story: MakeStory, name: str) -> None:
    s = story()
    answer = told(s, function_call(name, "{}", call_id="unknown"))
    assert "There is no tool called" in answer
    assert "issue_refund" in answer


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("get_user_data", {"customer": LONG}),
        ("get_user_data", {"customer": "C-0"}),
        ("get_recent_orders", {"customer": LONG, "limit": 5}),
        ("get_recent_orders", {"customer": "C-0", "limit": 0}),
        ("get_recent_orders", {"customer": "C-0", "limit": 21}),
        ("get_order_details", {"order": LONG}),
        ("get_runbook_by_category", {"category": "black_magic"}),
        ("cancel_order", {"order": LONG, "reason": "x"}),
        ("refund_duplicate_charge", {"order": LONG, "reason": "x"}),
        ("add_todos", {"todos": []}),
        ("add_todos", {"todos": [""]}),
        ("add_todos", {"todos": ["  "]}),
        ("add_todos", {"todos": ["x"] * 51}),
        ("add_todos", {"todos": ["x" * 5000]}),
        ("set_todo_state", {"position": 1, "state": "done"}),
        ("set_todo_state", {"position": 10**12, "state": "done"}),
        ("set_todo_state", {"position": 1, "state": "half"}),
        ("write_document", {"title": "", "body": "x"}),
        ("write_document", {"title": "x", "body": ""}),
        ("write_document", {"title": LONG, "body": "x"}),
        ("notify_user", {"customer": LONG, "subject": "x", "body": "x"}),
        ("notify_user", {"customer": "C-0", "subject": "x", "body": "x"}),
        ("notify_user", {"customer": "C-0", "subject": "", "body": ""}),
        ("ask_person", {"question": ""}),
        ("ask_person", {"question": LONG}),
    ],
)
def test_every_tool_refuses_what_it_cannot_use(
    story: MakeStory, tool: str, arguments: dict[str, Any]
) -> None:
    told(story(), call(tool, "bad", **arguments))


@pytest.mark.parametrize(
    "tool", ["issue_refund", "get_order_details", "cancel_order", "refund_duplicate_charge"]
)
def test_the_order_of_another_customer_is_no_order_here(story: MakeStory, tool: str) -> None:
    first = story()
    other = order_with(customer=CustomerFactory(), charges=(2900, 2900))
    theirs = told_in_words(first, tool, other.number).replace(other.number, "?")
    second = story()
    nobodys = told_in_words(second, tool, "A-0").replace("A-0", "?")
    assert theirs == nobodys.replace(second.customer.number, first.customer.number)
    other.refresh_from_db()
    assert (other.refunded_minor, other.status) == (0, "delivered")


def told_in_words(story: Story, tool: str, order: str) -> str:
    if tool == "issue_refund":
        return told(story, story.refund(order=order))
    reason = {} if tool == "get_order_details" else {"reason": "x"}
    return told(story, call(tool, "bad", order=order, **reason))


def test_a_refund_that_became_too_large_while_it_waited_is_not_made(story: MakeStory, lena: User) -> None:
    s = story()
    s.script([s.refund(amount_minor=5800)], [say("No money is left on that order.")])
    s.drive()
    approval = s.approval()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    Order.objects.filter(pk=s.order.pk).update(refunded_minor=5800)

    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert not Refund.objects.exists()
    assert task.tool_calls.get().status == CallStatus.FAILED


@pytest.mark.parametrize(
    ("text", "kept"), [("a\x00b", "a\ufffdb"), ("a\ud800b", "a\ufffdb"), ("x" * 10**6, "x" * 10**6)]
)
def test_a_final_answer_that_no_database_stores_ends_the_task_all_the_same(
    story: MakeStory, text: str, kept: str
) -> None:
    s = story()
    s.script([say(text)])
    task = s.drive()
    assert (task.status, task.result == kept) == (TaskStatus.DONE, True)
