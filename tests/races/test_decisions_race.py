"""Whoever is second loses, learns what happened, and changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from django.contrib.auth.models import User
from django.utils import timezone

from agentdesk.core.errors import Late
from agentdesk.events.models import Event, Kind
from agentdesk.runtime.drive import Driver
from approvals.cancel import cancel_task
from approvals.decide import decide
from approvals.expire import expire_due
from approvals.models import Approval, ApprovalStatus, Decision
from tasks import transitions
from tasks.models import Task, TaskStatus
from tests.factories import TaskFactory
from tests.races.conftest import at_once
from tests.scripted import MakeStory, Scripted, say
from tools.models import CallStatus
from tools.store.models import Refund

Asked = Callable[..., Approval]
ROUNDS = 12


def gapless(task: Task) -> bool:
    task.refresh_from_db()
    numbers = list(Event.objects.filter(task=task).order_by("number").values_list("number", flat=True))
    return numbers == list(range(1, task.last_event + 1))


def test_of_two_deciders_one_wins_and_the_other_learns_who(asked: Asked, lena: User, finn: User) -> None:
    for _ in range(ROUNDS):
        approval = asked()
        outcomes = at_once(
            lambda: decide(approval, by=lena, verdict="approve", seen=approval.seen_hash),
            lambda: decide(approval, by=finn, verdict="reject", reason="No.", seen=approval.seen_hash),
        )
        losers = [outcome for outcome in outcomes if isinstance(outcome, Late)]
        assert len(losers) == 1, outcomes
        assert losers[0].sentence.startswith(("lena approved", "finn rejected"))
        assert Decision.objects.filter(approval=approval).count() == 1
        assert (
            Event.objects.filter(
                task=approval.task, kind__in=[Kind.APPROVAL_APPROVED, Kind.APPROVAL_REJECTED]
            ).count()
            == 1
        )
        assert gapless(approval.task)


def test_the_same_person_clicking_twice_signs_once(asked: Asked, finn: User, lena: User) -> None:
    for _ in range(ROUNDS):
        approval = asked(amount_minor=150_000)
        outcomes = at_once(
            *[lambda: decide(approval, by=finn, verdict="approve", seen=approval.seen_hash)] * 2
        )
        assert sum(isinstance(outcome, Late) for outcome in outcomes) == 1, outcomes
        approval.refresh_from_db()
        assert approval.is_open, "two clicks of one person are not two signatures"


def test_a_decision_at_the_moment_of_expiry_has_one_outcome(asked: Asked, lena: User) -> None:
    for _ in range(ROUNDS):
        approval = asked()
        Approval.objects.filter(pk=approval.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
        decided, _expired = at_once(
            lambda: decide(approval, by=lena, verdict="approve", seen=approval.seen_hash), expire_due
        )
        approval.refresh_from_db()
        assert approval.status == ApprovalStatus.EXPIRED
        assert isinstance(decided, Late)
        assert "Nobody answered in time" in decided.sentence
        call = approval.tool_call
        call.refresh_from_db()
        assert (call.status, call.error_code) == (CallStatus.REFUSED, "expired")
        assert Event.objects.filter(task=approval.task, kind=Kind.APPROVAL_EXPIRED).count() == 1


def test_a_decision_against_a_cancellation_leaves_a_cancelled_task(
    asked: Asked, lena: User, ada: User
) -> None:
    for _ in range(ROUNDS):
        approval = asked()
        decided, cancelled = at_once(
            lambda: decide(approval, by=lena, verdict="approve", seen=approval.seen_hash),
            lambda: cancel_task(approval.task, by=ada),
        )
        assert not isinstance(cancelled, Exception), cancelled
        approval.task.refresh_from_db()
        approval.refresh_from_db()
        assert approval.task.status == TaskStatus.CANCELLED
        if isinstance(decided, Late):
            assert approval.status == ApprovalStatus.CANCELLED
        else:
            assert approval.status == ApprovalStatus.APPROVED
        assert approval.tool_call.task.tool_calls.filter(status=CallStatus.REFUSED).count() == 1
        assert gapless(approval.task)


def test_a_task_is_claimed_by_one_of_two_workers(asked: Asked) -> None:
    for _ in range(ROUNDS):
        task = TaskFactory()
        claims = at_once(
            lambda: transitions.claim(holder="one", limit=5), lambda: transitions.claim(holder="two", limit=5)
        )
        assert sorted(len(claim) for claim in claims) == [0, 1], claims
        task.refresh_from_db()
        assert task.fence == 1


def test_two_workers_on_one_signed_refund_refund_once(story: MakeStory, lena: User) -> None:
    for _ in range(3):
        Refund.objects.all().delete()
        s = story()
        s.script([s.refund()], [say("Done.")])
        s.drive()
        approval = s.approval()
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

        def work(thinkers: Scripted = s.thinkers) -> None:
            asyncio.run(Driver(thinkers=thinkers, linger_seconds=0.2, drive_seconds=20).drive())

        at_once(work, work)
        s.task.refresh_from_db()
        assert s.task.status == TaskStatus.DONE
        assert Refund.objects.count() == 1


def test_a_worker_that_lost_its_claim_writes_nothing(story: MakeStory) -> None:
    s = story()
    claimed = transitions.claim(holder="first", limit=1)[0]
    Task.objects.filter(pk=claimed.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    again = transitions.claim(holder="second", limit=1)[0]

    outcomes = at_once(
        lambda: transitions.finish(claimed, result="stale"), lambda: transitions.finish(again, result="true")
    )

    s.task.refresh_from_db()
    assert s.task.result == "true"
    assert [type(outcome).__name__ for outcome in outcomes] == ["ClaimLost", "NoneType"]
