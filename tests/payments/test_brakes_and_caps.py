"""What acts outside passes no brake, neither at first nor when it would be repeated, and counts for caps from its start."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agentdesk.core.errors import Late
from approvals import exempt
from approvals.decide import decide
from tasks.braking import release
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import only_cap
from tests.payments.conftest import MakePaidStory, Stripelike
from tests.payments.test_phases import check_done_once
from tools.braking import pull
from tools.models import CallStatus, Came
from tools.store.payments.stripe import PROVIDER


def waits_for_a_brake(task: Task) -> bool:
    return (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.BRAKE)


def test_a_brake_stops_it_before_anything_leaves_and_the_release_lets_it_leave_once(
    story: MakePaidStory, through_stripe: Stripelike, lena: User, finn: User
) -> None:
    s = story().signed()
    brake = pull("effects", by=lena, tool="issue_refund", reason="Look first.")
    assert waits_for_a_brake(s.drive())
    assert s.call.status == CallStatus.ALLOWED
    assert not through_stripe.effects
    release(brake, by=finn, reason="Looked.")
    assert s.drive().status == TaskStatus.DONE
    check_done_once(s, through_stripe)


def test_what_was_begun_and_has_not_happened_is_not_sent_again_under_a_brake(
    story: MakePaidStory, through_stripe: Stripelike, lena: User, finn: User
) -> None:
    s = story()
    s.begun()
    s.lose_the_worker()
    brake = pull("effects", by=lena, reason="Look first.")

    assert waits_for_a_brake(s.drive())

    assert s.call.status == CallStatus.EXECUTING
    assert not through_stripe.effects
    assert list(s.call.attempts.values_list("came", flat=True)) == [Came.LOST, Came.ABSENT]
    release(brake, by=finn, reason="Looked.")
    assert s.drive().status == TaskStatus.DONE
    check_done_once(s, through_stripe)


def test_what_happened_already_is_booked_under_a_brake(
    story: MakePaidStory, through_stripe: Stripelike, lena: User
) -> None:
    s = story()
    _, call = s.begun()
    PROVIDER.give_back(call.key, call.request)
    s.lose_the_worker()
    pull("effects", by=lena, reason="Look first.")
    assert s.drive().status == TaskStatus.DONE
    check_done_once(s, through_stripe)


def test_a_refund_under_way_counts_for_its_cap(
    story: MakePaidStory, through_stripe: Stripelike, lena: User
) -> None:
    only_cap(per="desk")
    s = story()
    s.begun()
    other = story().signed()
    task = other.drive()
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.LIMIT)
    held = exempt.held_call(task)
    assert held is not None
    assert "the desk has had 1" in held.reached[0].sentence
    assert s.call.customer == s.customer


def test_finding_out_what_happened_waits_while_deciding_is_stopped(
    story: MakePaidStory, through_stripe: Stripelike, lena: User, finn: User
) -> None:
    s = story().signed()
    through_stripe.tell(next=["cut_after"], reads=["cut_before"] * 20)
    assert s.drive().waiting_for == WaitingFor.RECONCILIATION
    asked = s.approval()
    pull("decide", by=lena, reason="A stolen account decides.")
    with pytest.raises(Late, match="A stolen account decides"):
        decide(
            asked,
            by=finn,
            verdict="happened",
            reason="Seen in the dashboard.",
            reference="re_1",
            seen=asked.seen_hash,
        )
    assert s.call.status == CallStatus.UNKNOWN
