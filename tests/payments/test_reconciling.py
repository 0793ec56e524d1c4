"""Nobody knows whether it happened: finance finds out, once, and everybody can see who said what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agentdesk.core.errors import Forbidden, Invalid, Late
from agentdesk.events.models import Event, Kind
from approvals import queue, reconcile
from approvals.cancel import cancel_task
from approvals.decide import decide
from approvals.expire import expire_due
from approvals.models import Approval, ApprovalKind, ApprovalStatus, Decision, Verdict
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import ApprovalFactory, TaskFactory
from tests.payments.conftest import MakePaidStory, PaidStory, Stripelike
from tests.races.conftest import at_once
from tests.scripted import say
from tools.models import CallStatus
from tools.store.models import Refund, RefundState
from tools.store.payments.stripe import PROVIDER

WHY = "Looked at the dashboard."


def in_doubt(story: PaidStory, stripelike: Stripelike, *, moved: bool) -> Approval:
    """Stripe said nothing to every attempt and every question; the money moved, or did not."""
    story.signed()
    stripelike.tell(next=["500_after" if moved else "500_kept"], reads=["500_before"] * 5)
    task = story.drive()
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.RECONCILIATION)
    assert story.call.status == CallStatus.UNKNOWN
    assert story.row.state == RefundState.PENDING
    return story.approval()


def answer(approval: Approval, by: User, verdict: str, reason: str = WHY, reference: str = "") -> Approval:
    return decide(
        approval, by=by, verdict=verdict, seen=approval.seen_hash, reason=reason, reference=reference
    )


def test_it_happened_says_a_person_and_the_refund_is_booked(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=True)
    answer(approval, finn, "happened", reference=" re_000001 ")
    assert s.drive().status == TaskStatus.DONE
    assert (s.call.status, s.row.state, s.row.reference) == (CallStatus.DONE, RefundState.DONE, "re_000001")
    told = s.thinkers.outputs()["refund"]
    assert '"found_out_by":"finn"' in told
    assert WHY in told
    assert s.refundable_minor() == 2900
    decision = Decision.objects.get(approval=approval)
    assert (decision.verdict, decision.reference, decision.groups) == (
        Verdict.HAPPENED,
        "re_000001",
        ["finance"],
    )


def test_it_did_not_happen_says_a_person_and_the_money_is_free_again(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=False)
    answer(approval, finn, "did_not_happen")
    assert s.drive().status == TaskStatus.DONE
    assert (s.call.status, s.call.error_code) == (CallStatus.FAILED, "did_not_happen")
    assert s.row.state == RefundState.FAILED
    assert s.refundable_minor() == 5800
    assert f"finn found out that it did not: {WHY}" in s.thinkers.outputs()["refund"]
    assert not through_stripe.effects


def test_after_a_no_the_agent_may_do_it_again_under_a_key_of_its_own(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    answer(in_doubt(s, through_stripe, moved=False), finn, "did_not_happen")
    s.script([s.refund(call_id="second")], [say("Done.")])
    s.drive()
    s.sign()
    s.drive()
    second = s.task.tool_calls.get(call_id="second")
    assert second.status == CallStatus.DONE
    assert [effect["key"] for effect in through_stripe.effects] == [second.key]


def test_a_no_is_not_taken_while_stripe_says_yes(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=True)
    with pytest.raises(Late, match="It did happen"):
        answer(approval, finn, "did_not_happen")
    assert (s.call.status, s.row.state) == (CallStatus.DONE, RefundState.DONE)
    assert s.row.reference == through_stripe.effects[0]["refund"]
    assert Decision.objects.get(approval=approval).verdict == Verdict.HAPPENED
    assert s.drive().status == TaskStatus.DONE


def test_asking_again_settles_what_the_provider_knows(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=True)
    reconcile.ask_again(approval, by=finn)
    assert s.row.reference == through_stripe.effects[0]["refund"]
    assert s.call.attempts.last().by == finn
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.ANSWERED
    with pytest.raises(Late, match="finn found out"):
        reconcile.ask_again(approval, by=finn)


def test_asking_again_keeps_a_nothing_there_and_decides_nothing(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=False)
    reconcile.ask_again(approval, by=finn)
    assert (s.call.status, s.call.attempts.last().came) == (CallStatus.UNKNOWN, "absent")
    approval.refresh_from_db()
    assert approval.is_open


def test_only_finance_may_say_so_and_never_who_asked_for_the_task(
    story: MakePaidStory, through_stripe: Stripelike, finn: User, ada: User, audrey: User
) -> None:
    s = story(by=finn)
    approval = in_doubt(s, through_stripe, moved=False)
    lena = User.objects.get(username="lena")
    boss = User.objects.create(username="boss", is_superuser=True)
    for by in (lena, ada, audrey, boss, finn):
        with pytest.raises(Forbidden):
            answer(approval, by, "happened")
        with pytest.raises(Forbidden):
            reconcile.ask_again(approval, by=by)
    assert s.call.status == CallStatus.UNKNOWN
    assert "somebody else has to find out" in str(queue.hindrance_of(approval, finn))


def test_a_word_needs_its_reason_and_the_present_page(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    approval = in_doubt(story(), through_stripe, moved=False)
    with pytest.raises(Invalid):
        answer(approval, finn, "happened", reason=" ")
    with pytest.raises(Invalid):
        answer(approval, finn, "approve")
    with pytest.raises(Invalid):
        answer(approval, finn, "happened", reference="x" * 121)
    with pytest.raises(Late):
        decide(approval, by=finn, verdict="happened", seen="0" * 64, reason=WHY)
    approval.refresh_from_db()
    assert approval.is_open


def test_of_two_answers_one_counts_and_the_other_reads_who_was_first(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=False)
    fay = User.objects.create(username="fay")
    fay.groups.set(finn.groups.all())
    outcomes = at_once(
        lambda: answer(approval, finn, "happened"), lambda: answer(approval, fay, "did_not_happen")
    )
    losers = [outcome for outcome in outcomes if isinstance(outcome, Late)]
    assert len(losers) == 1, outcomes
    assert losers[0].sentence.startswith(("finn found out", "fay found out"))
    assert Decision.objects.filter(approval=approval).count() == 1
    assert s.call.status in {CallStatus.DONE, CallStatus.FAILED}
    kinds = Event.objects.filter(task=s.task, kind=Kind.RECONCILIATION_ANSWERED)
    assert kinds.count() == 1


def test_time_and_a_cancelled_task_leave_the_question_open(
    story: MakePaidStory, through_stripe: Stripelike, finn: User, ada: User
) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=True)
    assert approval.expires_at is None
    assert expire_due() == 0
    cancel_task(s.task, by=ada)
    approval.refresh_from_db()
    assert (approval.is_open, s.call.status) == (True, CallStatus.UNKNOWN)
    answer(approval, finn, "happened", reference="re_1")
    assert s.row.state == RefundState.DONE
    assert Task.objects.get(pk=s.task.pk).status == TaskStatus.CANCELLED


def test_meanwhile_nobody_refunds_the_same_order(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    in_doubt(s, through_stripe, moved=False)
    other = PaidStory(s.customer, s.order, TaskFactory(customer=s.customer))
    other.script([other.refund()], [say("Later then.")])
    other.drive()
    assert other.call.error_code == "subject_busy"
    assert Approval.objects.open().count() == 1


def test_every_step_of_it_is_an_event(story: MakePaidStory, through_stripe: Stripelike, finn: User) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=False)
    answer(approval, finn, "happened")
    events = list(Event.objects.filter(task=s.task).order_by("number"))
    wanted = [
        Kind.CALL_STARTED,
        Kind.CALL_UNKNOWN,
        Kind.RECONCILIATION_OPENED,
        Kind.TASK_WAITING,
        Kind.RECONCILIATION_ANSWERED,
        Kind.CALL_DONE,
        Kind.TASK_QUEUED,
    ]
    assert [event.kind for event in events][-len(wanted) :] == wanted
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    answered = next(event for event in events if event.kind == Kind.RECONCILIATION_ANSWERED)
    assert (answered.by, answered.data["verdict"]) == (finn, "happened")


@pytest.mark.django_db
def test_the_database_lets_no_reconciliation_expire() -> None:
    for wrong in (
        {"expires_at": timezone.now() + timedelta(days=1)},
        {"status": ApprovalStatus.EXPIRED},
        {"status": ApprovalStatus.CANCELLED},
    ):
        with (
            transaction.atomic(),
            pytest.raises(IntegrityError, match="approval_reconciliation_is_open_until_answered"),
        ):
            ApprovalFactory(kind=ApprovalKind.RECONCILIATION, **wrong)
    with (
        transaction.atomic(),
        pytest.raises(IntegrityError, match="approval_reconciliation_is_open_until_answered"),
    ):
        ApprovalFactory(expires_at=None)


# The page ------------------------------------------------------------------------------------------------------


def test_the_page_shows_everything_known_and_takes_the_answer(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=True)
    browser = Client()
    browser.force_login(finn)
    page = browser.get(approval.get_absolute_url()).content.decode()
    for known in (
        s.call.key,
        "$29.00",
        s.order.number,
        s.call.request["reference"],
        s.row.number,
        "Asked for it",
        "Asked whether it happened",
        "No clear answer",
        "HTTP 500",
        "Ask again by its key",
        "It did not happen",
    ):
        assert known in page, known
    assert "in doubt" not in page
    queue_page = browser.get(reverse("desk:approvals")).content.decode()
    assert approval.title in queue_page
    assert "open until answered" in queue_page

    refused = browser.post(
        reverse("desk:decide", args=[approval.public_id]), {"verdict": "happened", "seen": approval.seen_hash}
    )
    assert refused.status_code == 422
    asked = browser.post(reverse("desk:ask_outside", args=[approval.public_id]))
    assert asked.status_code == 302
    page = browser.get(approval.get_absolute_url()).content.decode()
    assert "It happened" in page
    assert through_stripe.effects[0]["refund"] in page
    again = browser.post(
        reverse("desk:decide", args=[approval.public_id]),
        {"verdict": "happened", "seen": approval.seen_hash, "reason": WHY},
    )
    assert again.status_code == 409
    assert "finn found out" in again.content.decode()


def test_who_has_no_say_sees_the_page_and_no_form(
    story: MakePaidStory, through_stripe: Stripelike, ada: User
) -> None:
    approval = in_doubt(story(), through_stripe, moved=True)
    browser = Client()
    browser.force_login(ada)
    page = browser.get(approval.get_absolute_url()).content.decode()
    assert "Your role may not say whether something happened outside." in page
    assert "<textarea" not in page
    assert browser.post(reverse("desk:ask_outside", args=[approval.public_id])).status_code == 403


def test_the_other_side_cannot_be_asked_about_a_sign_off(client: Client, db: None, finn: User) -> None:
    client.force_login(finn)
    approval = ApprovalFactory()
    assert client.post(reverse("desk:ask_outside", args=[approval.public_id])).status_code == 404


def test_the_task_says_what_it_waits_for(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    in_doubt(s, through_stripe, moved=True)
    browser = Client()
    browser.force_login(finn)
    page = browser.get(s.task.get_absolute_url()).content.decode()
    assert "Nobody knows whether something happened, and finance has to find out" in page
    assert "going back, not confirmed yet" in page


def test_the_admin_takes_the_answer_too(story: MakePaidStory, through_stripe: Stripelike, finn: User) -> None:
    s = story()
    approval = in_doubt(s, through_stripe, moved=True)
    browser = Client()
    browser.force_login(finn)
    assert (
        "How you found out"
        in browser.get(reverse("admin:approvals_approval_change", args=[approval.pk])).content.decode()
    )
    posted = browser.post(
        reverse("admin:approvals_approval_decide", args=[approval.pk]),
        {"verdict": "happened", "seen": approval.seen_hash, "reason": WHY, "reference": "re_9"},
    )
    assert posted.status_code == 302
    assert s.row.reference == "re_9"
    call_page = browser.get(reverse("admin:tools_toolcall_change", args=[s.call.pk])).content.decode()
    assert s.call.request["reference"] in call_page


def test_what_happened_while_it_could_not_be_booked_stays_a_question(
    story: MakePaidStory, through_stripe: Stripelike, finn: User
) -> None:
    s = story()
    s.begun()
    Refund.objects.update(state=RefundState.FAILED)  # somebody meddled with the database
    PROVIDER.give_back(s.call.key, s.call.request)
    s.lose_the_worker()
    task = s.drive()
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.RECONCILIATION)
    assert "could not be booked" in s.approval().why
