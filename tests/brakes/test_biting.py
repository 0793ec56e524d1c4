"""What each depth stops, for everything, one tool or one agent, and that releasing lets it go on exactly once."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agentdesk.brakes.models import Brake
from agentdesk.core.errors import Late
from agentdesk.events.models import Event, Kind
from approvals.decide import decide
from approvals.models import ApprovalStatus
from approvals.queue import hindrance_of, waiting_for
from tasks import transitions
from tasks.braking import release, wait_for_release
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import AgentFactory, AgentVersionFactory, TaskFactory
from tests.scripted import MakeStory, Story, call, say, tell
from tools.braking import pull
from tools.messages.deliver import deliver_pending
from tools.messages.models import MessageStatus, OutgoingMessage
from tools.models import CallStatus
from tools.store.models import Order, Refund


@pytest.fixture
def story(transactional_db: None) -> MakeStory:
    return tell


def signed(story: Story, by: User) -> None:
    """A refund that somebody signed and nobody has run yet."""
    story.script([story.refund()], [say("Done.")])
    story.drive()
    approval = story.approval()
    decide(approval, by=by, verdict="approve", seen=approval.seen_hash)


# Take ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "stopped"), [({}, True), ({"agent": "support"}, True), ({"agent": "billing"}, False)]
)
def test_a_task_is_left_in_the_queue_while_taking_is_stopped(
    story: MakeStory, lena: User, finn: User, scope: dict[str, str], stopped: bool
) -> None:
    s = story()
    AgentVersionFactory(agent=AgentFactory(name="billing", title="Billing agent"))
    s.script([say("Done.")])
    brake = pull("take", by=lena, reason="Upgrade.", **scope)

    assert s.drive().status == (TaskStatus.QUEUED if stopped else TaskStatus.DONE)
    assert Event.objects.filter(task=s.task, kind=Kind.TASK_CLAIMED).exists() != stopped

    release(brake, by=finn, reason="Upgraded.")
    assert s.drive().status == TaskStatus.DONE


def test_a_lost_claim_is_not_taken_over_while_taking_is_stopped(story: MakeStory, lena: User) -> None:
    story()
    (task,) = transitions.claim(holder="one", limit=1)
    Task.objects.filter(pk=task.pk).update(lease_until=task.created_at)
    pull("take", by=lena, reason="Upgrade.")
    assert transitions.claim(holder="two", limit=1) == []


def test_a_running_task_comes_to_rest_before_its_next_turn_and_loses_nothing(
    story: MakeStory, lena: User, finn: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentdesk.runtime.braking.SECONDS", 0)
    s = story()
    thinkers = s.script(
        [call("get_order_details", "order", order=s.order.number)],
        [call("write_document", "note", title="Note", body="Seen.")],
        [say("Done.")],
    )
    at_the_second_turn(thinkers, lambda: pull("take", by=lena, reason="Upgrade."))

    task = s.drive()

    assert (task.status, task.turns_used, len(thinkers.model.calls)) == (TaskStatus.QUEUED, 2, 2)
    assert task.tool_calls.get(call_id="note").status == CallStatus.DONE, (
        "the turn that had begun was finished"
    )
    why = Event.objects.filter(task=task, kind=Kind.TASK_RELEASED).latest("number").data["why"]
    assert why.startswith("Agents take up no tasks")
    assert why.endswith("Upgrade.")

    release(Brake.objects.get(), by=finn, reason="Upgraded.")
    assert s.drive().status == TaskStatus.DONE
    assert len(thinkers.model.calls) == 3, "no answer was asked for twice"


def at_the_second_turn(thinkers, act) -> None:
    """Let `act` happen while the second answer of the model is on its way."""
    inner = thinkers.model.stream_response

    def streaming(*arguments, **keywords):
        async def events():
            from asgiref.sync import sync_to_async

            if len(thinkers.model.calls) == 1:
                await sync_to_async(act)()
            async for event in inner(*arguments, **keywords):
                yield event

        return events()

    thinkers.model.stream_response = streaming


# Decide -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [({}, True), ({"tool": "issue_refund"}, True), ({"tool": "refund_duplicate_charge"}, False)],
)
def test_nothing_is_decided_while_deciding_is_stopped(
    story: MakeStory, lena: User, finn: User, scope: dict[str, str], stopped: bool
) -> None:
    s = story()
    s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    brake = pull("decide", by=lena, reason="A stolen account signs.", **scope)

    if not stopped:
        assert hindrance_of(approval, finn) is None
        assert (
            decide(approval, by=finn, verdict="approve", seen=approval.seen_hash).status
            == ApprovalStatus.APPROVED
        )
        return
    for verdict in ("approve", "reject"):
        with pytest.raises(Late, match=r"pulled by lena at .* A stolen account signs"):
            decide(approval, by=finn, verdict=verdict, reason="Because.", seen=approval.seen_hash)
    assert not approval.decisions.exists()
    assert "A stolen account signs." in (hindrance_of(approval, finn) or "")
    assert waiting_for(finn).mine == []

    release(brake, by=finn, reason="The account is closed.")
    decide(approval, by=finn, verdict="approve", seen=approval.seen_hash)
    assert s.drive().status == TaskStatus.DONE


def test_an_answer_to_an_agent_is_a_decision_too(story: MakeStory, ada: User, lena: User) -> None:
    s = story()
    s.script([call("ask_person", "ask", question="Which of the two?")], [say("Done.")])
    s.drive()
    approval = s.approval()
    pull("decide", by=lena, tool="ask_person", reason="Wait for the briefing.")
    with pytest.raises(Late, match="Nothing about ask_person is decided"):
        decide(approval, by=ada, verdict="answer", reason="The first.", seen=approval.seen_hash)


# Effects ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scope", "stopped"),
    [
        ({}, True),
        ({"tool": "issue_refund"}, True),
        ({"agent": "support"}, True),
        ({"tool": "notify_user"}, False),
        ({"agent": "billing"}, False),
    ],
)
def test_a_signed_refund_does_not_pass_a_brake_and_happens_once_after_the_release(
    story: MakeStory, lena: User, finn: User, scope: dict[str, str], stopped: bool
) -> None:
    s = story()
    AgentVersionFactory(agent=AgentFactory(name="billing", title="Billing agent"))
    signed(s, lena)
    brake = pull("effects", by=lena, reason="Refunds look wrong.", **scope)

    task = s.drive()

    if not stopped:
        assert task.status == TaskStatus.DONE
        return
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.BRAKE)
    assert task.waiting_note == brake.in_words
    assert (task.holder, task.lease_until) == ("", None)
    assert not Refund.objects.exists()
    assert Order.objects.get(pk=s.order.pk).refunded_minor == 0
    assert task.tool_calls.get().status == CallStatus.ALLOWED, "the sign-off is kept"

    assert release(brake, by=finn, reason="They are right.") == 1
    task.refresh_from_db()
    assert (task.status, task.waiting_for, task.waiting_note) == (TaskStatus.QUEUED, "", "")
    assert s.drive().status == TaskStatus.DONE
    assert Refund.objects.count() == 1
    assert s.task.approvals.count() == 1, "nobody had to sign again"
    assert len(s.thinkers.model.calls) == 2


@pytest.mark.parametrize("tool", ["cancel_order", "notify_user", "write_document"])
def test_effects_that_nobody_signs_are_stopped_too(story: MakeStory, lena: User, tool: str) -> None:
    s = story()
    Order.objects.filter(pk=s.order.pk).update(status="placed")
    arguments = {
        "cancel_order": {"order": s.order.number, "reason": "Asked for."},
        "notify_user": {"customer": s.customer.number, "subject": "Hello", "body": "It is on its way."},
        "write_document": {"title": "Note", "body": "Seen."},
    }[tool]
    s.script([call(tool, "act", **arguments)], [say("Done.")])
    pull("effects", by=lena, reason="Look first.")

    task = s.drive()

    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.BRAKE)
    assert Order.objects.get(pk=s.order.pk).status == "placed"
    assert not OutgoingMessage.objects.exists()
    assert not task.documents.exists()


def test_reading_and_planning_go_on_under_a_brake(story: MakeStory, lena: User) -> None:
    s = story()
    pull("effects", by=lena, reason="Look first.")
    s.script(
        [call("add_todos", "plan", todos=["Look"]), call("get_order_details", "order", order=s.order.number)],
        [call("set_todo_state", "tick", position=1, state="done")],
        [say("I looked.")],
    )
    assert s.drive().status == TaskStatus.DONE
    assert s.task.todos.get().state == "done"


def test_a_message_that_was_written_before_stays_unsent_while_the_brake_is_pulled(
    story: MakeStory, lena: User, finn: User
) -> None:
    s = story()
    s.script(
        [
            call(
                "notify_user", "notify", customer=s.customer.number, subject="Hello", body="It is on its way."
            )
        ],
        [say("Done.")],
    )
    assert s.drive().status == TaskStatus.DONE
    brake = pull("effects", by=lena, tool="notify_user", reason="A wrong text.")
    assert deliver_pending() == 0
    assert OutgoingMessage.objects.get().status == MessageStatus.PENDING
    release(brake, by=finn, reason="It is right.")
    assert deliver_pending() == 1


def test_a_task_that_meets_a_brake_just_released_goes_straight_back_to_the_queue(
    story: MakeStory, lena: User, finn: User
) -> None:
    s = story()
    brake = pull("effects", by=lena, reason="Look first.")
    (task,) = transitions.claim(holder="one", limit=1)
    release(brake, by=finn, reason="Looked.")

    wait_for_release(task, brake)

    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.QUEUED


def test_while_everything_is_stopped_the_release_of_one_tool_wakes_nobody(
    transactional_db: None, lena: User, finn: User
) -> None:
    task = TaskFactory(status=TaskStatus.WAITING, waiting_for=WaitingFor.BRAKE)
    one = pull("effects", by=lena, tool="issue_refund", reason="Refunds look wrong.")
    everything = pull("effects", by=lena, reason="Everything does.")
    assert release(one, by=finn, reason="Refunds are right.") == 0
    assert release(everything, by=finn, reason="All is right.") == 1
    task.refresh_from_db()
    assert task.status == TaskStatus.QUEUED
