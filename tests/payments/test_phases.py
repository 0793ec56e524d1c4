"""A refund through Stripe from its intent to its outcome, whatever happens in between."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.utils import timezone

from agentdesk.core.errors import ClaimLost
from agentdesk.events.models import Event, Kind
from approvals.cancel import cancel_task
from approvals.models import Approval, ApprovalKind
from approvals.reconcile import ask_people
from tasks import transitions
from tasks.models import Task, TaskStatus, WaitingFor
from tests.payments.conftest import MakePaidStory, PaidStory, Stripelike
from tests.races.conftest import at_once
from tests.scripted import say
from tools.abandoned import settle_abandoned
from tools.carry import carry_out
from tools.models import CallStatus, Came, Effect, ToolCall
from tools.store.models import Charge, Refund, RefundState
from tools.store.payments.stripe import PROVIDER


def kinds(task: Task) -> list[str]:
    return list(Event.objects.filter(task=task).order_by("number").values_list("kind", flat=True))


def came(call: ToolCall) -> list[str]:
    return list(call.attempts.values_list("came", flat=True))


def check_done_once(story: PaidStory, stripelike: Stripelike) -> None:
    call, row = story.call, story.row
    assert (call.status, call.effect) == (CallStatus.DONE, Effect.KEYED), call.output
    (effect,) = stripelike.effects
    assert (effect["key"], effect["amount"]) == (call.key, 2900)
    assert (row.state, row.provider, row.reference) == (RefundState.DONE, "stripe", effect["refund"])
    assert call.result["reference"] == effect["refund"]
    assert story.refundable_minor() == 2900
    assert not Approval.objects.filter(kind=ApprovalKind.RECONCILIATION).exists()
    numbers = list(Event.objects.filter(task=story.task).order_by("number").values_list("number", flat=True))
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_signed_refund_goes_through_stripe_once(story: MakePaidStory, through_stripe: Stripelike) -> None:
    s = story().signed()
    task = s.drive()
    assert task.status == TaskStatus.DONE
    check_done_once(s, through_stripe)
    assert came(s.call) == [Came.HAPPENED]
    started, done = kinds(task).index(Kind.CALL_STARTED), kinds(task).index(Kind.CALL_DONE)
    assert started < done
    assert s.call.subject == f"order:{s.order.number}"


@pytest.mark.parametrize(
    "faults",
    [
        ["timeout_before"],
        ["timeout_after"],
        ["cut_before"],
        ["cut_after"],
        ["409"],
        ["429"],
        ["429", "429", "429"],
        ["500_before"],
        ["500_after"],
        ["slow"],
        ["cut_before", "409", "timeout_after"],
    ],
    ids="+".join,
)
def test_no_passing_fault_doubles_or_loses_it(
    story: MakePaidStory, through_stripe: Stripelike, faults: list[str]
) -> None:
    s = story().signed()
    through_stripe.tell(next=faults)
    assert s.drive().status == TaskStatus.DONE
    check_done_once(s, through_stripe)


def test_a_question_that_is_not_answered_is_asked_again(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story().signed()
    through_stripe.tell(next=["cut_after"], reads=["500_before", "429", "cut_before"])
    s.drive()
    check_done_once(s, through_stripe)
    assert came(s.call) == [Came.UNCLEAR] * 4 + [Came.HAPPENED]


def test_a_refusal_is_told_to_the_model_and_gives_the_reserved_money_free(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story().signed()
    charge = s.order.charges.order_by("captured_at").first()
    assert charge is not None
    # somebody gave it back in Stripe's dashboard
    through_stripe.client().v1.refunds.create({"charge": str(charge.reference)})
    assert s.drive().status == TaskStatus.DONE
    assert (s.call.status, s.call.error_code) == (CallStatus.FAILED, "provider_refused")
    assert "already been refunded" in s.thinkers.outputs()["refund"]
    assert s.row.state == RefundState.FAILED
    assert s.refundable_minor() == 5800
    assert len(through_stripe.effects) == 1


def test_being_turned_away_for_good_did_nothing_and_needs_no_person(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story().signed()
    through_stripe.tell(next=["429"] * 4)
    assert s.drive().status == TaskStatus.DONE
    assert (s.call.status, s.call.error_code) == (CallStatus.FAILED, "not_taken")
    assert s.row.state == RefundState.FAILED
    assert not through_stripe.effects


def test_while_it_is_under_way_nothing_is_left_to_refund_twice(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    _, call = s.begun()
    assert call.status == CallStatus.EXECUTING
    assert s.row.state == RefundState.PENDING
    assert s.refundable_minor() == 2900
    assert call.request["reference"] == Charge.objects.get(number=call.request["charge"]).reference
    assert not through_stripe.effects


# Killed between the phases -----------------------------------------------------------------------------------


def test_killed_before_anything_was_sent_the_next_worker_asks_and_then_sends(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    s.begun()
    s.lose_the_worker()
    assert s.drive().status == TaskStatus.DONE
    check_done_once(s, through_stripe)
    assert came(s.call) == [Came.LOST, Came.ABSENT, Came.HAPPENED]


def test_killed_after_the_money_moved_the_next_worker_finds_it_by_its_key(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    _, call = s.begun()
    PROVIDER.give_back(call.key, call.request)
    s.lose_the_worker()
    assert s.drive().status == TaskStatus.DONE
    check_done_once(s, through_stripe)
    assert came(s.call) == [Came.LOST, Came.HAPPENED]


def test_killed_again_and_again_it_is_still_done_once(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    _, call = s.begun()
    for _ in range(3):
        PROVIDER.give_back(call.key, call.request)
        s.lose_the_worker()
        transitions.claim(holder="worker-2", limit=1)
    s.lose_the_worker()
    s.drive()
    check_done_once(s, through_stripe)


def test_nothing_is_repeated_once_stripe_may_have_forgotten_the_key(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    _, call = s.begun()
    ToolCall.objects.filter(pk=call.pk).update(started_at=timezone.now() - timedelta(hours=23, minutes=1))
    s.lose_the_worker()
    task = s.drive()
    assert not through_stripe.effects
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.RECONCILIATION)
    assert s.call.status == CallStatus.UNKNOWN
    assert came(s.call) == [Came.LOST, Came.ABSENT]


def test_what_happened_before_stripe_forgot_the_key_is_still_found(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    _, call = s.begun()
    PROVIDER.give_back(call.key, call.request)
    through_stripe.forget()
    ToolCall.objects.filter(pk=call.pk).update(started_at=timezone.now() - timedelta(days=3))
    s.lose_the_worker()
    assert s.drive().status == TaskStatus.DONE
    check_done_once(s, through_stripe)


def test_a_run_that_is_stopped_in_between_keeps_the_answer_that_still_comes(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    task, call = s.begun()
    through_stripe.tell(next=["slow"], seconds=0.2)

    async def stopped_half_way() -> None:
        run = asyncio.create_task(carry_out(task, call, found=False, ask_people=ask_people))
        await asyncio.to_thread(through_stripe.server.provider.begun.wait, 5)
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run

    asyncio.run(stopped_half_way())
    check_done_once(s, through_stripe)


def test_who_lost_the_claim_meanwhile_writes_no_outcome(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    task, call = s.begun()
    through_stripe.tell(next=["slow"], seconds=0.2)

    async def overtaken() -> None:
        run = asyncio.create_task(carry_out(task, call, found=False, ask_people=ask_people))
        await asyncio.to_thread(through_stripe.server.provider.begun.wait, 5)
        await sync_to_async(s.lose_the_worker)()
        await sync_to_async(partial(transitions.claim, holder="worker-2", limit=1))()
        with pytest.raises(ClaimLost):
            await run

    asyncio.run(overtaken())
    assert (s.call.status, came(s.call)) == (CallStatus.EXECUTING, [])
    assert len(through_stripe.effects) == 1
    s.lose_the_worker()
    s.drive()
    check_done_once(s, through_stripe)


def test_of_two_workers_on_one_call_the_one_with_the_claim_ends_it(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    stale, call = s.begun()
    s.lose_the_worker()
    (fresh,) = transitions.claim(holder="worker-2", limit=1)
    through_stripe.tell(next=["slow", "409"], seconds=0.2)

    def work(task: Task, its_call: ToolCall) -> None:
        asyncio.run(carry_out(task, its_call, found=True, ask_people=ask_people))

    outcomes = at_once(partial(work, stale, call), partial(work, fresh, s.call))
    assert isinstance(outcomes[0], ClaimLost)
    assert outcomes[1] is None, outcomes[1]
    check_done_once(s, through_stripe)


# When the task has ended ---------------------------------------------------------------------------------------


def cancelled_meanwhile(story: PaidStory, ada: User) -> ToolCall:
    _, call = story.begun()
    cancel_task(story.task, by=ada)
    assert story.call.status == CallStatus.EXECUTING, (
        "cancelling a task unmakes nothing that may have happened"
    )
    return call


def settle() -> int:
    return asyncio.run(settle_abandoned(ask_people=ask_people))


def test_the_refund_of_a_cancelled_task_is_found_and_booked(
    story: MakePaidStory, through_stripe: Stripelike, ada: User
) -> None:
    s = story()
    call = cancelled_meanwhile(s, ada)
    PROVIDER.give_back(call.key, call.request)
    assert settle() == 1
    check_done_once(s, through_stripe)
    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.CANCELLED


def test_what_a_cancelled_task_may_have_done_is_asked_of_people_once_its_time_is_over(
    story: MakePaidStory, through_stripe: Stripelike, ada: User
) -> None:
    s = story()
    call = cancelled_meanwhile(s, ada)
    assert settle() == 0, "the request may still be on its way"
    assert s.call.status == CallStatus.EXECUTING
    ToolCall.objects.filter(pk=call.pk).update(started_at=timezone.now() - timedelta(minutes=5))
    assert settle() == 1
    assert settle() == 0
    assert s.call.status == CallStatus.UNKNOWN
    assert Approval.objects.open().get().kind == ApprovalKind.RECONCILIATION
    assert not through_stripe.effects, "nothing is done for a task that has ended"


def test_two_sweeps_at_once_settle_it_once(
    story: MakePaidStory, through_stripe: Stripelike, ada: User
) -> None:
    s = story()
    call = cancelled_meanwhile(s, ada)
    PROVIDER.give_back(call.key, call.request)
    assert sorted(at_once(settle, settle)) == [0, 1]
    check_done_once(s, through_stripe)


def test_a_call_whose_tool_is_gone_is_asked_of_people(
    story: MakePaidStory, through_stripe: Stripelike, ada: User
) -> None:
    s = story()
    call = cancelled_meanwhile(s, ada)
    ToolCall.objects.filter(pk=call.pk).update(tool="gone", started_at=timezone.now() - timedelta(minutes=5))
    assert settle() == 1
    assert s.call.status == CallStatus.UNKNOWN


# What cannot go through Stripe ---------------------------------------------------------------------------------


def test_a_charge_without_a_reference_is_refused_before_anybody_is_asked(story: MakePaidStory) -> None:
    s = story()
    Charge.objects.update(reference=None)
    s.run_to_the_signature()
    assert "was not taken through Stripe" in s.call.output
    assert not Approval.objects.exists()


def test_a_refund_over_several_charges_is_asked_for_one_by_one(
    story: MakePaidStory, through_stripe: Stripelike
) -> None:
    s = story()
    s.script([s.refund(amount_minor=4000)], [say("I will name the charges.")])
    s.drive()
    assert "one charge at a time" in s.call.output
    assert not Refund.objects.exists()
