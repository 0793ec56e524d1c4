"""Many tasks of one agent at the same moment: a day's turns are counted exactly, and nothing that was used gets lost."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agentdesk.core.errors import Late
from agentdesk.events.models import Kind
from agentdesk.runtime.journal import load, record_turn
from tasks import usage
from tasks.limits import LimitReached
from tasks.models import Task, TaskStatus, Usage, WaitingFor
from tasks.park import extend, resume_due
from tests.factories import AgentVersionFactory, TaskFactory
from tests.flows.test_usage_limits import answer
from tests.races.conftest import at_once

pytestmark = pytest.mark.usefixtures("transactional_db")

TASKS = 12


@pytest.mark.parametrize("already", [0, 3])
def test_exactly_as_many_turns_are_taken_as_the_day_allows(already: int) -> None:
    version = AgentVersionFactory(per_day={"turns": 7})
    if already:
        usage.spend(version.agent_id, usage.today(), turns=already)
    tasks = [TaskFactory(status=TaskStatus.RUNNING, agent_version=version) for _ in range(TASKS)]

    outcomes = at_once(*(lambda task=task: usage.take_turn(task) for task in tasks))

    taken = [outcome for outcome in outcomes if isinstance(outcome, usage.Taken)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, LimitReached)]
    assert (len(taken), len(refused)) == (7 - already, TASKS - 7 + already)
    assert Usage.objects.get().turns == 7


def test_turns_recorded_at_the_same_moment_all_count() -> None:
    version = AgentVersionFactory()
    journals = [load(TaskFactory(status=TaskStatus.RUNNING, agent_version=version)) for _ in range(TASKS)]

    outcomes = at_once(
        *(
            lambda journal=journal: record_turn(journal, answer(), allowed_tools=[], worked_ms=10)
            for journal in journals
        )
    )

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    day = Usage.objects.get()
    assert (day.turns, day.tokens, day.work_ms) == (TASKS, TASKS * 1100, TASKS * 10)


def test_two_people_who_extend_at_the_same_moment_extend_once(lena: User, finn: User) -> None:
    version = AgentVersionFactory(max_turns=5)
    task = TaskFactory(
        status=TaskStatus.WAITING, waiting_for=WaitingFor.LIMIT, turns_used=5, agent_version=version
    )

    outcomes = at_once(
        *(
            lambda who=who: extend(task, by=who, key="task.turns", amount="5", reason="Go on.")
            for who in (lena, finn)
        )
    )

    assert sorted(type(outcome) for outcome in outcomes if isinstance(outcome, Late)) == [Late]
    assert Task.objects.get(pk=task.pk).limits == {"turns": 10}
    assert task.events.filter(kind=Kind.TASK_EXTENDED).count() == 1


def test_two_sweeps_at_the_same_moment_send_a_task_on_once() -> None:
    task = TaskFactory(
        status=TaskStatus.WAITING, waiting_for=WaitingFor.LIMIT, not_before="2020-01-01T00:00:00Z"
    )
    assert sorted(at_once(resume_due, resume_due)) == [0, 1]
    assert task.events.filter(kind=Kind.TASK_QUEUED).count() == 1
