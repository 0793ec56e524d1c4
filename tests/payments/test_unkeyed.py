"""Without a key nothing is ever repeated: whether it happened is for a person to find out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from approvals.cancel import cancel_task
from approvals.decide import decide
from approvals.gate import authorise
from approvals.models import Approval, ApprovalKind
from approvals.reconcile import ask_people
from tasks import transitions
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import ToolCallFactory
from tests.payments.courier import toolset
from tests.scripted import Story, call, say, tell
from tools import registry
from tools.abandoned import settle_abandoned
from tools.invoke import invoke
from tools.models import CallStatus, ToolCall
from tools.outcomes import Outcome, Refused, Unclear


@pytest.fixture
def story(transactional_db: None, settings: object) -> Iterator[Callable[[], Story]]:
    names = [*settings.AGENTDESK_TOOLSETS, "tests.payments.courier"]  # type: ignore[attr-defined]
    for kept in (toolset.answers, toolset.rung, toolset.released):
        kept.clear()
    with override_settings(AGENTDESK_TOOLSETS=names):
        registry.all_tools.cache_clear()

        def make() -> Story:
            made = tell()
            made.script([call("send_courier", "ride", to="Oslo")], [say("Done.")])
            return made

        yield make
    registry.all_tools.cache_clear()


def ride(story: Story) -> ToolCall:
    return story.task.tool_calls.get(call_id="ride")


def test_he_goes_and_the_model_hears_of_it(story: Callable[[], Story]) -> None:
    s = story()
    assert s.drive().status == TaskStatus.DONE
    assert ride(s).result == {"ride": "ride-1", "to": "Oslo"}
    assert ride(s).effect == "unkeyed"
    assert toolset.rung == [ride(s).key]


@pytest.mark.parametrize("answer", [Unclear("The line went dead."), ConnectionResetError("cut")])
def test_an_unclear_answer_is_asked_of_people_at_once(
    story: Callable[[], Story], answer: Outcome | Exception
) -> None:
    s = story()
    toolset.answers.append(answer)
    task = s.drive()
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.RECONCILIATION)
    assert ride(s).status == CallStatus.UNKNOWN
    assert len(toolset.rung) == 1
    assert s.approval().kind == ApprovalKind.RECONCILIATION


def test_a_worker_lost_on_the_way_is_asked_of_people_and_nobody_is_sent_again(
    story: Callable[[], Story],
) -> None:
    s = story()
    toolset.answers.append(Unclear("The line went dead."))
    s.drive()
    # the same call as a worker that died a moment earlier would have left it
    Approval.objects.all().delete()
    ToolCall.objects.filter(call_id="ride").update(status=CallStatus.EXECUTING)
    Task.objects.update(status=TaskStatus.QUEUED, waiting_for="")
    task = s.drive()
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.RECONCILIATION)
    assert list(ride(s).attempts.values_list("came", flat=True)) == ["unclear", "lost"]
    assert len(toolset.rung) == 1


def test_a_refusal_releases_what_was_reserved(story: Callable[[], Story]) -> None:
    s = story()
    toolset.answers.append(Refused("No courier goes to Oslo."))
    assert s.drive().status == TaskStatus.DONE
    assert s.thinkers.outputs() == {"ride": '{"error":"No courier goes to Oslo."}'}
    assert toolset.released == [ride(s).key]


def test_being_turned_away_is_tried_again(
    story: Callable[[], Story], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.carry.PAUSES_SECONDS", (0.0,))
    s = story()
    toolset.answers += [Unclear("Engaged.", began=False)] * 2
    assert s.drive().status == TaskStatus.DONE
    assert ride(s).status == CallStatus.DONE
    assert len(toolset.rung) == 3


def test_it_begins_when_its_turn_comes_not_with_the_calls_before_it(story: Callable[[], Story]) -> None:
    s = story()
    s.script(
        [
            call("add_todos", "plan", todos=["Send somebody"]),
            call("send_courier", "ride", to="Oslo"),
            call("set_todo_state", "tick", position=1, state="done"),
        ],
        [say("Done.")],
    )
    toolset.answers.append(Unclear("The line went dead."))
    s.drive()
    status = dict(s.task.tool_calls.values_list("call_id", "status"))
    assert status == {"plan": "done", "ride": "unknown", "tick": "proposed"}


def test_an_ended_task_leaves_its_courier_to_people(
    story: Callable[[], Story], ada: User, finn: User
) -> None:
    s = story()
    s.script([call("send_courier", "ride", to="Oslo")], [say("Done.")])
    (task,) = transitions.claim(holder="worker-1", limit=1)
    made = ToolCallFactory(given_task=task, tool="send_courier", call_id="ride", arguments={"to": "Oslo"})
    invoke(task, [made], authorise=authorise)
    cancel_task(s.task, by=ada)
    assert asyncio.run(settle_abandoned(ask_people=ask_people)) == 0
    ToolCall.objects.update(started_at=timezone.now() - timedelta(minutes=2))
    assert asyncio.run(settle_abandoned(ask_people=ask_people)) == 1
    assert not toolset.rung
    approval = s.approval()
    decide(
        approval,
        by=finn,
        verdict="did_not_happen",
        seen=approval.seen_hash,
        reason="He says he was not rung.",
    )
    assert ride(s).status == CallStatus.FAILED
    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.CANCELLED
