"""Caps hold when many refunds come at the same moment, and nothing happens after a brake was pulled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User

from agentdesk.brakes.models import Brake, Depth
from agentdesk.brakes.pulled import Braked
from agentdesk.core.errors import Late
from approvals import exempt
from approvals.caps import BreakerTripped, CapReached
from approvals.decide import decide
from approvals.gate import authorise
from approvals.models import Approval, Exemption
from approvals.rest import come_to_rest
from tasks import transitions
from tasks.braking import release
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import only_cap, used_refund
from tests.races.conftest import at_once
from tools.braking import pull
from tools.invoke import invoke
from tools.models import ToolCall
from tools.store.models import Refund

Asked = Callable[..., Approval]
AT_ONCE = 6
ROUNDS = 4


def claimed_with_a_signed_refund(asked: Asked, by: User) -> Task:
    approval = asked()
    decide(approval, by=by, verdict="approve", seen=approval.seen_hash)
    (task,) = transitions.claim(holder="one", limit=1, only=approval.task_id)
    return task


def act(task: Task) -> None:
    """What a worker does with the signed call of a claimed task."""
    call = ToolCall.objects.get(task=task)
    try:
        invoke(task, [call], authorise=authorise)
    except (CapReached, Braked) as stop:
        come_to_rest(task, call, stop)
        raise


@pytest.mark.parametrize(
    "says",
    [{"max_count": 3}, {"max_count": None, "max_sum_minor": 3 * 2900 + 2899, "currency": "USD"}],
    ids=["number", "sum"],
)
@pytest.mark.parametrize("per", ["desk", "agent", "approver"])
def test_of_many_refunds_at_once_only_as_many_happen_as_the_cap_has_room_for(
    asked: Asked, lena: User, says: dict[str, Any], per: str
) -> None:
    only_cap(per=per, **says)
    tasks = [claimed_with_a_signed_refund(asked, lena) for _ in range(AT_ONCE)]

    outcomes = at_once(*[lambda task=task: act(task) for task in tasks])

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["CapReached"] * 3 + ["NoneType"] * 3
    assert Refund.objects.count() == 3
    waiting = Task.objects.filter(status=TaskStatus.WAITING, waiting_for=WaitingFor.LIMIT)
    assert waiting.count() == 3, "what found no room waits visibly"


def test_the_breaker_trips_once_and_all_the_others_wait_for_it(asked: Asked, lena: User) -> None:
    only_cap(per="desk", max_count=2, on_reach="brake", tools=["issue_refund", "refund_duplicate_charge"])
    tasks = [claimed_with_a_signed_refund(asked, lena) for _ in range(AT_ONCE)]

    outcomes = at_once(*[lambda task=task: act(task) for task in tasks])

    stopped = [outcome for outcome in outcomes if outcome is not None]
    assert len(stopped) == AT_ONCE - 2
    assert all(isinstance(outcome, BreakerTripped | Braked) for outcome in stopped), stopped
    assert Refund.objects.count() == 2
    assert Brake.objects.count() == 2, "one for each of the two tools"
    assert Task.objects.filter(waiting_for=WaitingFor.BRAKE).count() == AT_ONCE - 2


def test_when_the_pull_has_returned_nothing_happens_any_more(asked: Asked, lena: User, finn: User) -> None:
    only_cap(in_force=False)
    for _ in range(ROUNDS):
        before = Refund.objects.count()
        tasks = [claimed_with_a_signed_refund(asked, lena) for _ in range(AT_ONCE - 1)]

        def stop() -> int:
            pull("effects", by=lena, reason="Look first.")
            return Refund.objects.count()

        *outcomes, at_the_return = at_once(*[lambda task=task: act(task) for task in tasks], stop)

        assert isinstance(at_the_return, int), at_the_return
        assert Refund.objects.count() == at_the_return
        assert sum(outcome is None for outcome in outcomes) == at_the_return - before
        assert sum(isinstance(outcome, Braked) for outcome in outcomes) == len(tasks) - (
            at_the_return - before
        )
        release(Brake.objects.pulled().get(), by=finn, reason="Looked.")


def test_a_task_that_meets_a_brake_while_it_is_released_is_never_forgotten(
    asked: Asked, lena: User, finn: User
) -> None:
    only_cap(in_force=False)
    for _ in range(ROUNDS):
        tasks = [claimed_with_a_signed_refund(asked, lena) for _ in range(AT_ONCE - 1)]
        brake = pull("effects", by=lena, reason="Look first.")

        at_once(
            *[lambda task=task: act(task) for task in tasks],
            lambda brake=brake: release(brake, by=finn, reason="Looked."),
        )

        for task in tasks:
            task.refresh_from_db()
            happened = Refund.objects.filter(tool_call__task=task).exists()
            assert task.status == (TaskStatus.RUNNING if happened else TaskStatus.QUEUED), task.waiting_note


def test_of_two_people_who_pull_the_same_brake_one_learns_who_was_first(
    transactional_db: None, lena: User, finn: User
) -> None:
    for _ in range(ROUNDS):
        outcomes = at_once(
            lambda: pull("take", by=lena, reason="Upgrade."), lambda: pull("take", by=finn, reason="Upgrade.")
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Brake", "Late"], outcomes
        release(Brake.objects.pulled().at(Depth.TAKE).get(), by=finn, reason="Upgraded.")


def test_of_two_people_who_let_a_call_over_one_does(asked: Asked, lena: User, finn: User, adam: User) -> None:
    only_cap()
    task = claimed_with_a_signed_refund(asked, lena)
    used_refund(task.customer.orders.get())
    with pytest.raises(CapReached):
        act(task)
    task.refresh_from_db()
    held = exempt.held_call(task)
    assert held is not None

    outcomes = at_once(
        lambda: exempt.let_over(task, by=finn, reason="Lost.", seen=held.seen),
        lambda: exempt.let_over(task, by=adam, reason="Lost.", seen=held.seen),
    )

    assert sum(isinstance(outcome, Late) for outcome in outcomes) == 1, outcomes
    assert Exemption.objects.count() == 1
