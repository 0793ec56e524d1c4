"""Retry, start again and fork: what was done stays done once, and what was not asks again."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agentdesk.core.errors import Forbidden, Invalid
from approvals.cancel import cancel_task
from approvals.card import build
from approvals.decide import decide
from approvals.models import Approval
from tasks.models import OriginKind, Task, TaskStatus, WaitingFor
from tests.factories import TaskFactory, ToolCallFactory, TurnFactory
from tests.scripted import MakeStory, Scripted, Step, Story, call, drive, say
from tools.library.models import Document
from tools.messages.models import OutgoingMessage
from tools.models import CallStatus, ToolCall
from tools.retell import fork, retry, start_again
from tools.store.models import Order, Refund


class Gone(Invalid):
    """A failure that trying again by itself cannot mend."""


def steps_of(story: Story) -> list[Step]:
    return [
        [call("add_todos", "plan", todos=["Look at the charges", "Refund the duplicate"])],
        [call("get_user_data", "user", customer=story.customer.number)],
        [call("get_order_details", "order", order=story.order.number)],
        [story.refund(), call("set_todo_state", "tick", position=1, state="done")],
        [
            call("write_document", "document", title="Duplicate charge", body="Refunded."),
            call(
                "notify_user",
                "notify",
                customer=story.customer.number,
                subject="Your refund",
                body="It is on its way.",
            ),
        ],
        [call("set_todo_state", "tick2", position=2, state="done")],
        [say("The duplicate charge is refunded.")],
    ]


def go_on(task: Task, thinkers: Scripted, signer: User) -> Task:
    """Work on `task` to its end; `signer` signs what is asked on the way."""
    drive(thinkers)
    while approval := Approval.objects.open().filter(task=task).first():
        decide(approval, by=signer, verdict="approve", seen=approval.seen_hash)
        drive(thinkers)
    task.refresh_from_db()
    return task


def effects() -> dict[str, int]:
    return {
        "refunds": Refund.objects.count(),
        "refunded": Order.objects.get().refunded_minor,
        "documents": Document.objects.count(),
        "messages": OutgoingMessage.objects.count(),
    }


ONCE = {"refunds": 1, "refunded": 2900, "documents": 1, "messages": 1}


@pytest.mark.parametrize("answers", range(7))
def test_a_retry_of_what_failed_after_any_answer_repeats_no_model_call_and_no_effect(
    story: MakeStory, ada: User, lena: User, answers: int
) -> None:
    s = story(by=ada)
    steps = steps_of(s)
    first = s.script(*steps[:answers], Gone("The model is gone."))
    failed = go_on(s.task, first, lena)
    assert failed.status == TaskStatus.FAILED
    done_before = effects()

    again = retry(failed, by=ada)
    second = Scripted(steps[answers:])
    ended = go_on(again, second, lena)

    assert (ended.status, ended.result) == (TaskStatus.DONE, "The duplicate charge is refunded.")
    assert effects() == ONCE
    assert done_before["refunds"] == int(answers > 3)
    assert len(second.model.calls) == 7 - answers, "the model was asked only for what was not answered yet"
    assert ended.turns.count() == 7
    assert [todo.state for todo in ended.todos.order_by("position")] == ["done", "done"]
    assert (ended.turns_used, ended.turns.filter(fence=0).count()) == (7 - answers, answers)
    failed.refresh_from_db()
    assert failed.status == TaskStatus.FAILED, "terminal stays terminal"


def test_a_retry_asks_the_model_with_the_transcript_it_would_have_had(
    story: MakeStory, ada: User, lena: User
) -> None:
    s = story(by=ada)
    steps = steps_of(s)
    whole = s.script(*steps)
    go_on(s.task, whole, lena)
    Order.objects.update(refunded_minor=0)  # room for the same refund once more

    again = start_again(s.task, by=ada)
    broken = go_on(again, Scripted([*steps[:5], Gone("Gone.")]), lena)
    second = Scripted(steps[5:])
    go_on(retry(broken, by=ada), second, lena)

    def told(thinkers: Scripted) -> list[object]:
        return [
            (item.get("type", item.get("role")), item.get("call_id"), item.get("name"), item.get("arguments"))
            for item in thinkers.heard
        ]

    assert told(second) == told(whole)
    assert set(second.outputs()) == set(whole.outputs())


def test_a_cancelled_sign_off_is_asked_again_and_no_signature_is_inherited(
    story: MakeStory, ada: User, lena: User
) -> None:
    s = story(by=ada)
    thinkers = s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)  # signed, but it never ran
    cancel_task(s.task, by=ada)
    s.task.refresh_from_db()

    again = retry(s.task, by=ada)
    drive(thinkers)

    again.refresh_from_db()
    assert again.status == TaskStatus.WAITING
    assert not Refund.objects.exists()
    refund = again.tool_calls.get()
    assert (refund.status, refund.copy_of) == (CallStatus.ASKING, None)
    assert refund.key != s.task.tool_calls.get().key
    assert s.task.tool_calls.get().status == CallStatus.REFUSED
    assert go_on(again, thinkers, lena).status == TaskStatus.DONE
    assert Refund.objects.get().tool_call == refund
    assert len(thinkers.model.calls) == 2


def test_a_fork_asks_for_its_own_refund_under_its_own_key(story: MakeStory, ada: User, lena: User) -> None:
    s = story(by=ada)
    steps = steps_of(s)
    done = go_on(s.task, s.script(*steps), lena)
    theirs = done.tool_calls.get(call_id="refund")

    forked = fork(done, turn=4, by=ada, note="Give back the other one too")
    thinkers = Scripted([[s.refund("refund")], [say("The other charge is refunded too.")]])
    drive(thinkers)

    ours = forked.tool_calls.get(call_id="refund")
    assert ours.status == CallStatus.ASKING, "it passes the gate again"
    assert (ours.copy_of, ours.key == theirs.key) == (None, False)
    assert effects() == ONCE
    copies = ToolCall.objects.filter(task=forked, copy_of__isnull=False)
    assert list(copies.values_list("call_id", flat=True)) == ["plan", "user", "order"]
    assert [todo.state for todo in forked.todos.order_by("position")] == ["pending", "pending"], (
        "the plan as it stood before turn 4"
    )
    go_on(forked, thinkers, lena)
    assert Refund.objects.count() == 2
    assert [turn.number for turn in forked.turns.order_by("id")] == [1, 2, 3, 4, 5]


def test_a_rejection_that_was_taken_over_is_not_asked_again(story: MakeStory, ada: User, lena: User) -> None:
    s = story(by=ada)
    thinkers = s.script([s.refund()], Gone("The model is gone."))
    s.drive()
    approval = s.approval()
    decide(approval, by=lena, verdict="reject", reason="It is a renewal.", seen=approval.seen_hash)
    failed = s.drive()
    assert failed.status == TaskStatus.FAILED

    again = retry(failed, by=ada)
    thinkers = Scripted([[s.refund("once_more")], [say("No refund.")]])
    drive(thinkers)

    again.refresh_from_db()
    assert again.status == TaskStatus.DONE
    assert "It is a renewal." in thinkers.outputs()["refund"]
    assert again.tool_calls.get(call_id="once_more").error_code == "rejected_before"
    assert Approval.objects.count() == 1


def test_starting_again_takes_nothing_over(story: MakeStory, ada: User, lena: User) -> None:
    s = story(by=ada)
    done = go_on(s.task, s.script(*steps_of(s)), lena)

    again = start_again(done, by=ada)

    assert (again.origin, again.origin_kind, again.origin_turn) == (done, OriginKind.AGAIN, None)
    assert (again.turns.count(), again.tool_calls.count(), again.todos.count()) == (0, 0, 0)
    assert (again.goal, again.ticket, again.customer) == (done.goal, done.ticket, done.customer)


def test_an_empty_answer_at_the_end_is_not_replayed_but_asked_anew(story: MakeStory, ada: User) -> None:
    failed = TaskFactory(status=TaskStatus.FAILED, failure="It said nothing.")
    asked = call("get_user_data", "user", customer="C-1").model_dump(mode="json", exclude_unset=True)
    turn = TurnFactory(task=failed, items=[asked])
    ToolCallFactory(turn=turn, call_id="user", tool="get_user_data", status=CallStatus.FAILED, output="{}")
    TurnFactory(task=failed)

    again = retry(failed, by=ada)
    thinkers = Scripted([[say("Looked it up.")]])
    drive(thinkers)

    again.refresh_from_db()
    assert (again.status, again.result) == (TaskStatus.DONE, "Looked it up.")
    assert [(turn.number, turn.taken_over) for turn in again.turns.all()] == [(1, True), (2, False)]


def test_nobody_who_asked_for_the_origin_signs_what_somebody_else_retried(
    story: MakeStory, ada: User, lena: User, finn: User
) -> None:
    s = story(by=lena)
    s.script([s.refund()], [say("Done.")])
    s.drive()
    cancel_task(s.task, by=ada)
    again = retry(s.task, by=ada)
    drive(s.thinkers)
    approval = Approval.objects.open().get(task=again)

    with pytest.raises(Forbidden, match="asked for this task"):
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    assert decide(approval, by=finn, verdict="approve", seen=approval.seen_hash).status == "approved"
    drive(s.thinkers)
    assert Refund.objects.count() == 1


def test_the_card_of_a_fork_shows_what_its_origin_and_its_other_forks_have_done(
    story: MakeStory, ada: User, lena: User
) -> None:
    s = story(by=ada)
    done = go_on(s.task, s.script(*steps_of(s)), lena)
    other = fork(done, turn=4, by=ada)
    drive(Scripted([[s.refund()], [say("Rejected.")]]))
    refused = Approval.objects.open().get(task=other)
    decide(refused, by=lena, verdict="reject", reason="Once is enough.", seen=refused.seen_hash)
    drive(Scripted([[say("No second refund.")]]))

    forked = fork(done, turn=4, by=ada)
    drive(Scripted([[s.refund("mine")]]))

    card = build(Approval.objects.open().get(task=forked), viewer=lena)
    told = {row.label: row for row in card.rows}
    origin, beside = told["Fork of"], told["Also made from it"]
    assert f"Refund $29.00 on {s.order.number}" in origin.value
    assert (origin.warn, origin.url) == (True, done.get_absolute_url())
    assert f"Refund $29.00 on {s.order.number} was rejected" in beside.value
    assert card.steps
    assert all("(taken over)" in step for step in card.steps)


def test_limits_count_what_the_new_task_does(story: MakeStory, ada: User) -> None:
    s = story(by=ada)
    type(s.task.agent_version).objects.filter(pk=s.task.agent_version_id).update(max_turns=2)
    s.script(*[[call("get_order_details", f"look{n}", order=s.order.number)] for n in range(5)])
    assert s.drive().waiting_for == WaitingFor.LIMIT
    stopped = cancel_task(s.task, by=ada)

    again = retry(stopped, by=ada)
    drive(Scripted([[call("get_order_details", "look9", order=s.order.number)], [say("Done.")]]))

    again.refresh_from_db()
    assert again.status == TaskStatus.DONE
    assert (again.turns.count(), again.turns_used, again.tool_calls_used) == (4, 2, 1)
