"""From a ticket to a refund that a person signed, and every way in which it must not happen."""

from __future__ import annotations

import pytest
from agents.testing import function_call
from django.contrib.auth.models import User

from agentdesk.core.errors import Forbidden, Late
from agentdesk.events.models import Event
from approvals.cancel import cancel_task
from approvals.decide import decide
from approvals.models import Approval, ApprovalStatus
from tasks.models import TaskStatus, ToDoState, WaitingFor
from tests.factories import order_with
from tests.scripted import MakeStory, Story, call, say
from tools.library.models import Document
from tools.messages.models import OutgoingMessage
from tools.models import CallStatus
from tools.store.models import Order, Refund


def full_script(story: Story) -> None:
    story.script(
        [call("add_todos", "plan", todos=["Look at the charges", "Refund the duplicate"])],
        [
            call("get_user_data", "user", customer=story.customer.number),
            call("get_recent_orders", "orders", customer=story.customer.number, limit=5),
        ],
        [
            call("get_order_details", "order", order=story.order.number),
            call("get_runbook_by_category", "runbook", category="duplicate_charge"),
        ],
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
    )


def test_a_refund_waits_for_a_lead_and_happens_once_signed(story: MakeStory, ada: User, lena: User) -> None:
    s = story(by=ada)
    full_script(s)

    task = s.drive()

    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.APPROVAL)
    assert (task.holder, task.lease_until) == ("", None)
    assert not Refund.objects.exists()
    assert task.todos.get(position=1).state == ToDoState.DONE, (
        "a call of the same turn that needs nobody has run"
    )

    approval = s.approval()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert task.result == "The duplicate charge is refunded."
    refund = Refund.objects.get()
    assert (refund.amount_minor, refund.order, refund.tool_call.call_id) == (2900, s.order, "refund")
    assert Order.objects.get(pk=s.order.pk).refunded_minor == 2900
    assert Document.objects.count() == OutgoingMessage.objects.count() == 1
    assert task.turns.count() == 7, "resuming asked the model nothing again"
    assert len(s.thinkers.model.calls) == 7
    numbers = list(Event.objects.filter(task=task).order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, task.last_event + 1))


def test_a_rejection_makes_no_refund_and_the_model_reads_the_reason(story: MakeStory, lena: User) -> None:
    s = story()
    thinkers = s.script([s.refund()], [say("No refund: the second charge is a renewal.")])
    s.drive()
    approval = s.approval()

    decide(
        approval, by=lena, verdict="reject", reason="The second charge is a renewal.", seen=approval.seen_hash
    )
    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert not Refund.objects.exists()
    assert "The second charge is a renewal." in thinkers.outputs()["refund"]
    assert task.tool_calls.get(call_id="refund").status == CallStatus.REFUSED


def test_the_same_call_after_a_rejection_never_reaches_a_person_again(story: MakeStory, lena: User) -> None:
    s = story()
    s.script([s.refund()], [s.refund("again")], [say("I could not refund it.")])
    s.drive()
    approval = s.approval()
    decide(approval, by=lena, verdict="reject", reason="No.", seen=approval.seen_hash)

    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert Approval.objects.count() == 1
    assert task.tool_calls.get(call_id="again").error_code == "rejected_before"


def test_who_asked_for_the_task_cannot_sign_it(story: MakeStory, lena: User) -> None:
    s = story(by=lena)
    s.script([s.refund()])
    s.drive()
    approval = s.approval()

    with pytest.raises(Forbidden, match="asked for this task"):
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

    approval.refresh_from_db()
    assert approval.is_open
    assert not approval.decisions.exists()


@pytest.mark.parametrize(
    ("amount", "lead_alone", "finance_alone"),
    [(25_000, True, True), (25_001, False, True), (100_000, False, True), (100_001, False, False)],
)
def test_bands_decide_who_signs_alone(
    story: MakeStory, lena: User, finn: User, amount: int, lead_alone: bool, finance_alone: bool
) -> None:
    for signer, alone in [(lena, lead_alone), (finn, finance_alone)]:
        s = story(charges=(amount, amount))
        s.script([s.refund(amount_minor=amount)], [say("Done.")])
        s.drive()
        approval = s.approval()
        if alone:
            decide(approval, by=signer, verdict="approve", seen=approval.seen_hash)
            assert s.drive().status == TaskStatus.DONE
        elif signer == lena and amount <= 100_000:
            with pytest.raises(Forbidden):
                decide(approval, by=signer, verdict="approve", seen=approval.seen_hash)
        else:
            assert decide(approval, by=signer, verdict="approve", seen=approval.seen_hash).is_open
            assert s.drive().status == TaskStatus.WAITING


def test_a_large_refund_needs_two_people_one_of_them_finance(
    story: MakeStory, lena: User, finn: User
) -> None:
    s = story(charges=(150_000, 150_000))
    s.script([s.refund(amount_minor=150_000)], [say("Done.")])
    s.drive()
    approval = s.approval()

    assert decide(approval, by=lena, verdict="approve", seen=approval.seen_hash).is_open
    with pytest.raises(Late, match="signed this already"):
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    assert not Refund.objects.exists()

    closed = decide(approval, by=finn, verdict="approve", seen=approval.seen_hash)
    assert closed.status == ApprovalStatus.APPROVED
    s.drive()
    assert Refund.objects.get().amount_minor == 150_000


def test_the_second_decider_learns_who_was_first(story: MakeStory, lena: User, finn: User) -> None:
    s = story()
    s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    decide(approval, by=finn, verdict="approve", seen=approval.seen_hash)

    with pytest.raises(Late, match="finn approved this"):
        decide(approval, by=lena, verdict="reject", reason="No.", seen=approval.seen_hash)

    s.drive()
    assert Refund.objects.count() == 1


def test_a_card_whose_order_changed_is_asked_again(story: MakeStory, lena: User) -> None:
    s = story()
    s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    Order.objects.filter(pk=s.order.pk).update(refunded_minor=100)

    with pytest.raises(Late, match="asked again"):
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

    again = s.approval()
    assert again.pk != approval.pk
    assert again.seen_hash != approval.seen_hash
    decide(again, by=lena, verdict="approve", seen=again.seen_hash)
    s.drive()
    assert Refund.objects.count() == 1


def test_an_order_that_changed_after_the_sign_off_is_asked_again_instead_of_refunded(
    story: MakeStory, lena: User
) -> None:
    s = story()
    s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    Order.objects.filter(pk=s.order.pk).update(refunded_minor=100)

    task = s.drive()

    assert task.status == TaskStatus.WAITING
    assert not Refund.objects.filter(tool_call__isnull=False).exists()
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.SUPERSEDED
    again = s.approval()
    assert approval.superseded_by == again
    decide(again, by=lena, verdict="approve", seen=again.seen_hash)
    assert s.drive().status == TaskStatus.DONE
    assert Refund.objects.count() == 1


def test_a_signer_who_lost_the_role_before_the_effect_does_not_count(story: MakeStory, lena: User) -> None:
    s = story()
    s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    lena.groups.clear()

    task = s.drive()

    assert task.status == TaskStatus.WAITING
    assert not Refund.objects.exists()


def test_a_cancelled_task_takes_its_approval_along_and_a_late_yes_is_refused_kindly(
    story: MakeStory, ada: User, lena: User
) -> None:
    s = story()
    s.script([s.refund()])
    s.drive()
    approval = s.approval()
    cancel_task(s.task, by=ada)

    with pytest.raises(Late, match="not needed any more"):
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

    assert s.drive().status == TaskStatus.CANCELLED
    assert not Refund.objects.exists()


def test_an_impossible_refund_never_reaches_a_person(story: MakeStory) -> None:
    s = story()
    thinkers = s.script([s.refund(amount_minor=999_999)], [say("That is more than was captured.")])

    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert not Approval.objects.exists()
    assert "error" in thinkers.outputs()["refund"]


def test_malformed_and_unknown_calls_go_back_to_the_model_as_sentences(story: MakeStory) -> None:

    s = story()
    twice = '{"order":"A-1","charge":"","amount_minor":1,"amount_minor":2,"currency":"USD","reason":"x"}'
    thinkers = s.script(
        [
            function_call("issue_refund", twice, call_id="duplicate_key"),
            function_call("issue_refund", "{not json", call_id="malformed"),
            function_call("issue_refund", '{"order":"A-1","amount_minor":"1000"}', call_id="coerced"),
            function_call("delete_everything", "{}", call_id="unknown"),
        ],
        [say("Sorry.")],
    )

    task = s.drive()

    assert task.status == TaskStatus.DONE
    outputs = thinkers.outputs()
    assert "appears twice" in outputs["duplicate_key"]
    assert "not valid JSON" in outputs["malformed"]
    assert "does not fit" in outputs["coerced"] or "do not fit" in outputs["coerced"]
    assert "no tool called 'delete_everything'" in outputs["unknown"]
    assert set(task.tool_calls.values_list("status", flat=True)) == {CallStatus.FAILED}
    assert task.tool_calls.get(call_id="duplicate_key").raw_arguments == twice
    assert not Approval.objects.exists()


def test_a_question_waits_for_an_answer_and_goes_on_with_it(story: MakeStory, ada: User) -> None:
    s = story(by=ada)
    thinkers = s.script(
        [call("ask_person", "ask", question="Which order does the customer mean?")], [say("Understood.")]
    )
    assert s.drive().waiting_for == WaitingFor.QUESTION
    approval = s.approval()

    decide(approval, by=ada, verdict="answer", reason="The first one.", seen=approval.seen_hash)
    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert "The first one." in thinkers.outputs()["ask"]


def test_two_refunds_in_one_turn_are_decided_one_by_one(story: MakeStory, lena: User) -> None:
    s = story()
    other = Story(customer=s.customer, order=s.order, task=s.task)

    other.order = order_with(customer=s.customer, charges=(500,))
    s.script([s.refund(), other.refund("second", amount_minor=500)], [say("Done.")])
    s.drive()
    first, second = Approval.objects.open().order_by("id")

    decide(first, by=lena, verdict="approve", seen=first.seen_hash)
    assert s.drive().status == TaskStatus.WAITING
    assert Refund.objects.count() == 1

    decide(second, by=lena, verdict="reject", reason="Not this one.", seen=second.seen_hash)
    assert s.drive().status == TaskStatus.DONE
    assert Refund.objects.count() == 1


def test_a_task_that_took_all_its_turns_waits_and_says_so(story: MakeStory) -> None:
    s = story()
    type(s.task.agent_version).objects.filter(pk=s.task.agent_version_id).update(max_turns=2)
    s.script(*[[call("get_order_details", f"look{n}", order=s.order.number)] for n in range(5)])

    task = s.drive()

    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, "limit")
    assert "2 turns" in task.waiting_note
    assert task.turns.count() == 2


def test_a_model_that_fails_is_tried_again_later(story: MakeStory) -> None:
    s = story()
    s.script(RuntimeError("boom"))

    task = s.drive()

    assert task.status == TaskStatus.QUEUED
    assert task.not_before is not None
    assert task.attempts == 1
