"""A task that starts other tasks: it gets the id at once, may look and wait, and everything stays on behalf of one person."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction

from agentdesk.core.errors import Forbidden
from agentdesk.events.models import Event, Kind
from approvals.cancel import cancel_task, fail_task
from approvals.decide import decide
from approvals.models import Approval
from tasks import transitions
from tasks.models import MAX_TREE, Task, TaskStatus, WaitingFor
from tests.factories import AgentFactory, AgentVersionFactory, TaskFactory
from tests.scripted import Cast, MakeStory, Story, call, drive_all, say, with_task
from tools.models import CallStatus
from tools.store.models import Refund


@pytest.fixture
def billing(transactional_db: None) -> Any:
    return AgentVersionFactory(agent=AgentFactory(name="billing", title="Billing agent"))


def give(call_id: str = "give", agent: str = "billing", goal: str = "Refund the duplicate charge.") -> Any:
    return call("start_task", call_id, agent=agent, goal=goal, title="Refund it")


def child_of(s: Story) -> Task:
    return Task.objects.get(parent=s.task)


def sign(lena: User) -> None:
    approval = Approval.objects.open().get()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)


def test_a_task_starts_another_one_and_goes_on_at_once(story: MakeStory, billing: Any, ada: User) -> None:
    s = story(by=ada)
    cast = Cast(
        support=[[give()], [say("Billing looks into it.")]], billing=[[say("There was nothing to do.")]]
    )

    drive_all(cast)

    s.task.refresh_from_db()
    child = child_of(s)
    assert cast.outputs("support")["give"] == {"task": child.public_id}
    assert (s.task.status, child.status) == (TaskStatus.DONE, TaskStatus.DONE)
    assert (child.title, child.agent_version, child.depth, child.root) == ("Refund it", billing, 1, s.task)
    assert (child.customer, child.ticket, child.requested_by) == (s.customer, s.task.ticket, ada)
    queued = Event.objects.get(task=child, number=1)
    assert (queued.kind, queued.by) == (Kind.TASK_QUEUED, None), "the agent did it, nobody in person"


def test_waiting_for_a_task_lets_the_worker_go_and_brings_its_result(
    story: MakeStory, billing: Any, lena: User
) -> None:
    s = story()
    cast = Cast(
        support=[[give()], with_task("wait_for_task", wait="give"), [say("Billing refunded it.")]],
        billing=[[s.refund()], [say("The later charge is refunded.")]],
    )

    drive_all(cast)

    s.task.refresh_from_db()
    child = child_of(s)
    assert (s.task.status, s.task.waiting_for, s.task.holder) == (TaskStatus.WAITING, WaitingFor.TASK, "")
    assert s.task.waiting_note == f"Waiting for “Refund it” ({child.public_id}) to end."
    assert (child.status, child.waiting_for) == (TaskStatus.WAITING, WaitingFor.APPROVAL)

    sign(lena)
    drive_all(cast)

    s.task.refresh_from_db()
    assert (s.task.status, s.task.result, s.task.waiting_note) == (
        TaskStatus.DONE,
        "Billing refunded it.",
        "",
    )
    assert cast.outputs("support")["wait"] == {
        "task": child.public_id,
        "status": "done",
        "result": "The later charge is refunded.",
        "failure": "",
    }
    assert Refund.objects.count() == 1
    assert cast.asked() == {"support": 3, "billing": 2}, "resuming asked no model anything again"


def test_who_asked_for_the_parent_cannot_sign_for_the_child(
    story: MakeStory, billing: Any, lena: User, finn: User
) -> None:
    s = story(by=lena)
    drive_all(Cast(support=[[give()], [say("Given away.")]], billing=[[s.refund()]]))
    approval = Approval.objects.open().get(task=child_of(s))

    with pytest.raises(Forbidden, match="asked for this task"):
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

    assert not decide(approval, by=finn, verdict="approve", seen=approval.seen_hash).is_open


@pytest.mark.parametrize(
    ("ending", "status"), [("failed", TaskStatus.FAILED), ("cancelled", TaskStatus.CANCELLED)]
)
def test_a_task_that_fails_or_is_cancelled_ends_the_waiting_too(
    story: MakeStory, billing: Any, ada: User, ending: str, status: TaskStatus
) -> None:
    s = story()
    cast = Cast(
        support=[[give()], with_task("wait_for_task", wait="give"), [say("It did not work out.")]],
        billing=[[s.refund()]],
    )
    drive_all(cast)
    if ending == "failed":
        with transaction.atomic():
            transitions.resume(child_of(s))
        (claimed,) = transitions.claim(holder="me", limit=1, only=child_of(s).pk)
        fail_task(claimed, why="It broke.")
    else:
        cancel_task(child_of(s), by=ada)
    drive_all(cast)

    s.task.refresh_from_db()
    told = cast.outputs("support")["wait"]
    assert (child_of(s).status, told["status"], s.task.status) == (status, status, TaskStatus.DONE)
    assert bool(told["failure"]) == (ending == "failed")


def test_get_task_tells_status_and_plan_without_waiting(story: MakeStory, billing: Any, lena: User) -> None:
    s = story()
    cast = Cast(
        support=[
            [give()],
            with_task("wait_for_task", wait="give"),
            with_task("get_task", look="give"),
            [say("Done.")],
        ],
        billing=[
            [call("add_todos", "plan", todos=["Refund the charge"]), s.refund()],
            [call("set_todo_state", "tick", position=1, state="done")],
            [say("Refunded.")],
        ],
    )
    drive_all(cast)
    sign(lena)
    drive_all(cast)

    assert cast.outputs("support")["look"] == {
        "task": child_of(s).public_id,
        "status": "done",
        "result": "Refunded.",
        "failure": "",
        "title": "Refund it",
        "waiting_for": "",
        "plan": [{"position": 1, "text": "Refund the charge", "state": "done"}],
    }


@pytest.mark.parametrize("tool", ["get_task", "wait_for_task"])
def test_a_task_learns_nothing_about_tasks_that_are_not_below_its_own(
    story: MakeStory, billing: Any, tool: str
) -> None:
    s = story()
    stranger = TaskFactory(status=TaskStatus.DONE, result="Their secret.")
    above = s.task
    cast = Cast(
        support=[
            [
                call(tool, "stranger", task=stranger.public_id),
                call(tool, "itself", task=above.public_id),
                call(tool, "nobody", task="tsk_0"),
            ],
            [give(goal=f"Look at {above.public_id} please.")],
            [say("Done.")],
        ],
        billing=[[call(tool, "above", task=above.public_id)], [say("I see nothing.")]],
    )

    drive_all(cast)

    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.DONE
    told = {**cast.outputs("support"), **cast.outputs("billing")}
    sentences = {told[key]["error"] for key in ("stranger", "itself", "nobody", "above")}
    assert sentences == {"No task with this id was started below yours. Use an id that start_task gave you."}


def test_a_wait_and_a_sign_off_of_one_turn_both_hold_it(story: MakeStory, billing: Any, lena: User) -> None:
    s = story()
    ask = call("ask_person", "ask", question="May I go on?")
    cast = Cast(
        support=[[give()], with_task("wait_for_task", ask, wait="give"), [say("Done.")]],
        billing=[[s.refund()], [say("Refunded.")]],
    )
    drive_all(cast)
    s.task.refresh_from_db()
    assert (s.task.status, s.task.waiting_for) == (TaskStatus.WAITING, WaitingFor.QUESTION)

    question = Approval.objects.open().get(task=s.task)
    decide(question, by=lena, verdict="answer", reason="Yes.", seen=question.seen_hash)
    drive_all(cast)
    s.task.refresh_from_db()
    assert (s.task.status, s.task.waiting_for) == (TaskStatus.WAITING, WaitingFor.TASK)

    sign(lena)
    drive_all(cast)
    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.DONE
    assert cast.asked() == {"support": 3, "billing": 2}


def test_tasks_are_at_most_three_deep(story: MakeStory) -> None:
    s = story()

    def give_once(request: Any) -> Any:
        told = any(item.get("type") == "function_call_output" for item in request.input)
        return [say("Done.")] if told else [give(agent="support")]

    drive_all(Cast(support=[{"responder": give_once} for _ in range(8)]))

    assert sorted(Task.objects.filter(ticket=s.task.ticket).values_list("depth", flat=True)) == [0, 1, 2, 3]
    deepest = Task.objects.get(depth=3)
    assert deepest.root == s.task
    refused = deepest.tool_calls.get()
    assert (refused.status, refused.error_code) == (CallStatus.FAILED, "too_deep")
    assert "3 tasks above the new one" in refused.output


def test_a_tree_has_at_most_so_many_tasks(story: MakeStory, billing: Any) -> None:
    s = story()
    for _ in range(MAX_TREE - 1):
        TaskFactory(parent=s.task, status=TaskStatus.DONE)
    cast = Cast(support=[[give("last"), give("beyond")], [say("Done.")]], billing=[[say("Done.")]])

    drive_all(cast)

    assert s.task.tree.count() == MAX_TREE
    assert "task" in cast.outputs("support")["last"]
    assert "the most there may be" in cast.outputs("support")["beyond"]["error"]


def test_a_child_has_no_more_to_spend_than_its_parent_has_left(story: MakeStory, billing: Any) -> None:
    s = story()
    Task.objects.filter(pk=s.task.pk).update(
        limits={"tokens": 50_000}, tokens_used=20_000, work_ms=880_000, tool_calls_used=10
    )
    TaskFactory(parent=s.task, status=TaskStatus.DONE, tokens_used=5_000, tool_calls_used=20)
    drive_all(Cast(support=[[give()], [say("Done.")]], billing=[[say("Done.")]]))

    child = Task.objects.get(parent=s.task, title="Refund it")
    assert child.limits["tokens"] == 25_000
    assert 0 < child.limits["seconds"] <= 20
    assert child.limits["tool_calls"] == 60 - 31
    assert child.limits["turns"] == 30 - 1


def test_a_task_without_budget_gives_nothing_away_and_is_told_so(story: MakeStory, billing: Any) -> None:
    s = story()
    Task.objects.filter(pk=s.task.pk).update(work_ms=898_000)
    cast = Cast(support=[[give()], [say("I finish it myself.")]], billing=[])

    drive_all(cast)

    assert not s.task.children.exists()
    assert cast.outputs("support")["give"] == {
        "error": "This task has no seconds left to give to another one. Finish with what you have."
    }


def test_an_unknown_agent_and_a_disabled_one_are_answered_with_those_there_are(
    story: MakeStory, billing: Any
) -> None:
    s = story()
    type(billing.agent).objects.filter(pk=billing.agent_id).update(enabled=False)
    cast = Cast(support=[[give(), give("ghost", agent="ghost")], [say("Myself then.")]])

    drive_all(cast)

    assert not s.task.children.exists()
    told = cast.outputs("support")
    assert told["give"]["error"] == "There is no agent 'billing'. Agents that take tasks: support."
    assert "'ghost'" in told["ghost"]["error"]


def test_children_of_an_ended_parent_go_on(story: MakeStory, billing: Any, lena: User) -> None:
    s = story()
    cast = Cast(
        support=[[give()], [say("Billing does the rest.")]], billing=[[s.refund()], [say("Refunded.")]]
    )
    drive_all(cast)
    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.DONE

    sign(lena)
    drive_all(cast)

    assert (child_of(s).status, Refund.objects.count()) == (TaskStatus.DONE, 1)
    s.task.refresh_from_db()
    assert (s.task.status, s.task.result) == (TaskStatus.DONE, "Billing does the rest.")
