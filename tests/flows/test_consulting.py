"""An agent asks another one like a tool: what happens inside is journaled, gated and resumed like everything else."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from agentdesk.roster.models import AgentVersion
from approvals.decide import decide
from approvals.models import Approval
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import AgentFactory, AgentVersionFactory
from tests.scripted import Cast, MakeStory, call, drive_all, say
from tools.models import CallStatus
from tools.store.models import Refund


@pytest.fixture
def team(transactional_db: None) -> dict[str, AgentVersion]:
    """Support consults billing, billing consults audit, audit would consult support."""
    return {
        "audit": AgentVersionFactory(
            agent=AgentFactory(name="audit", title="Audit"), tools=[], consults=["support"]
        ),
        "billing": AgentVersionFactory(
            agent=AgentFactory(name="billing", title="Billing agent"),
            tools=["issue_refund", "get_order_details"],
            consults=["audit"],
            hand_offs=["support"],
        ),
        "support": AgentVersionFactory(tools=["add_todos", "issue_refund"], consults=["billing"]),
    }


def ask(call_id: str = "ask", agent: str = "billing", question: str = "Is it a duplicate?") -> Any:
    return call(f"consult_{agent}", call_id, question=question)


def sign(lena: User, verdict: str = "approve", **more: str) -> None:
    approval = Approval.objects.open().order_by("id").first()
    assert approval is not None
    decide(approval, by=lena, verdict=verdict, seen=approval.seen_hash, **more)


def test_the_answer_of_the_other_agent_is_the_result_of_the_call(story: MakeStory, team: Any) -> None:
    s = story()
    cast = Cast(
        support=[[ask()], [say("It is a duplicate.")]],
        billing=[[call("get_order_details", "look", order=s.order.number)], [say("Yes, the later one.")]],
    )

    drive_all(cast)

    s.task.refresh_from_db()
    assert (s.task.status, s.task.result) == (TaskStatus.DONE, "It is a duplicate.")
    assert cast.outputs("support")["ask"] == {"answer": "Yes, the later one."}
    inside = s.task.turns.filter(path="ask")
    assert list(inside.values_list("number", "agent_name")) == [(1, "billing"), (2, "billing")]
    assert s.task.tool_calls.get(call_id="look").path == "ask"
    assert s.task.turns_used == 4, "the limits are those of the task"
    first = cast.models["billing"].calls[0]
    assert list(first.input) == [{"role": "user", "content": "Is it a duplicate?"}]
    assert not first.handoffs, "who is asked does not take over"


def test_a_sign_off_inside_makes_the_whole_task_wait_and_runs_once(
    story: MakeStory, team: Any, lena: User
) -> None:
    s = story()
    cast = Cast(
        support=[[ask(), call("add_todos", "plan", todos=["Refund it"])], [say("Billing refunded it.")]],
        billing=[[s.refund()], [say("Refunded.")]],
    )

    drive_all(cast)
    s.task.refresh_from_db()
    assert (s.task.status, s.task.waiting_for) == (TaskStatus.WAITING, WaitingFor.APPROVAL)
    assert s.task.tool_calls.get(call_id="ask").status == CallStatus.PROPOSED, (
        "nothing is remembered of it yet"
    )
    assert s.task.tool_calls.get(call_id="plan").status == CallStatus.DONE, "what needs nobody has run"
    assert s.approval().tool_call.path == "ask"

    sign(lena)
    drive_all(cast)

    s.task.refresh_from_db()
    assert (s.task.status, s.task.result) == (TaskStatus.DONE, "Billing refunded it.")
    assert Refund.objects.get().tool_call.call_id == "refund"
    assert cast.outputs("support")["ask"] == {"answer": "Refunded."}
    assert cast.asked() == {"support": 2, "billing": 2}


def test_a_rejection_inside_is_read_by_the_agent_that_asked_for_it(
    story: MakeStory, team: Any, lena: User
) -> None:
    s = story()
    cast = Cast(support=[[ask()], [say("Not refunded.")]], billing=[[s.refund()], [say("They said no.")]])
    drive_all(cast)

    sign(lena, "reject", reason="It is a renewal.")
    drive_all(cast)

    assert "It is a renewal." in cast.outputs("billing")["refund"]["refused"]
    assert cast.outputs("support")["ask"] == {"answer": "They said no."}
    assert not Refund.objects.exists()


def test_two_consultations_of_one_turn_wait_side_by_side(story: MakeStory, team: Any, lena: User) -> None:
    s = story(charges=(2900, 2900, 500, 500))
    other = story(charges=(700, 700))
    Task.objects.filter(pk=other.task.pk).update(status=TaskStatus.CANCELLED, finished_at=s.task.created_at)
    Task.objects.filter(pk=s.task.pk).update(customer=None)
    cast = Cast(
        support=[[ask("one"), ask("two", question="And the other order?")], [say("Both refunded.")]],
        billing=[[s.refund()], [other.refund("refund", 700)], [say("First.")], [say("Second.")]],
    )

    drive_all(cast)
    assert sorted(Approval.objects.open().values_list("tool_call__path", flat=True)) == ["one", "two"]

    sign(lena)
    drive_all(cast)
    assert Approval.objects.open().count() == 1
    sign(lena)
    drive_all(cast)

    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.DONE
    assert cast.outputs("support") == {"one": {"answer": "First."}, "two": {"answer": "Second."}}
    assert Refund.objects.count() == 2
    assert cast.asked() == {"support": 2, "billing": 4}


def test_consulting_goes_two_deep_and_what_waits_there_holds_everything(
    story: MakeStory, team: Any, lena: User
) -> None:
    s = story()
    AgentVersion.objects.filter(pk=team["audit"].pk).update(tools=["issue_refund"])
    cast = Cast(
        support=[[ask()], [say("Done.")]],
        billing=[[ask("deeper", agent="audit")], [say("Audit did it.")]],
        audit=[[s.refund()], [say("Refunded.")]],
    )

    drive_all(cast)
    assert s.approval().tool_call.path == "ask/deeper"
    assert [tool.name for tool in cast.models["audit"].calls[0].tools] == ["issue_refund"], (
        "it consults nobody"
    )

    sign(lena)
    drive_all(cast)

    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.DONE
    assert cast.outputs("billing")["deeper"] == {"answer": "Refunded."}
    assert cast.outputs("support")["ask"] == {"answer": "Audit did it."}
    assert cast.asked() == {"support": 2, "billing": 2, "audit": 2}
    assert Refund.objects.count() == 1


def test_an_order_that_changed_after_the_sign_off_is_asked_again_inside_too(
    story: MakeStory, team: Any, lena: User
) -> None:
    s = story()
    cast = Cast(support=[[ask()], [say("Done.")]], billing=[[s.refund()], [say("Refunded.")]])
    drive_all(cast)
    sign(lena)
    type(s.order).objects.filter(pk=s.order.pk).update(refunded_minor=100)

    drive_all(cast)
    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.WAITING
    assert not Refund.objects.exists()

    sign(lena)
    drive_all(cast)
    s.task.refresh_from_db()
    assert (s.task.status, Refund.objects.count()) == (TaskStatus.DONE, 1)


def test_a_model_that_fails_inside_is_tried_again_and_the_outer_one_is_not_asked_twice(
    story: MakeStory, team: Any
) -> None:
    s = story()
    cast = Cast(
        support=[[ask()], [say("Done.")]],
        billing=[
            [call("get_order_details", "look", order=s.order.number)],
            RuntimeError("boom"),
            [say("Yes.")],
        ],
    )

    drive_all(cast)
    s.task.refresh_from_db()
    assert (s.task.status, s.task.attempts) == (TaskStatus.QUEUED, 1)
    Task.objects.filter(pk=s.task.pk).update(not_before=None)
    drive_all(cast)

    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.DONE
    assert cast.asked() == {"support": 2, "billing": 3}
    assert s.task.tool_calls.filter(call_id="look").count() == 1


def test_limits_of_the_task_hold_inside_too(story: MakeStory, team: Any) -> None:
    s = story()
    AgentVersion.objects.filter(pk=team["support"].pk).update(max_turns=3)
    looks = [[call("get_order_details", f"look{n}", order=s.order.number)] for n in range(5)]
    drive_all(Cast(support=[[ask()]], billing=looks))

    s.task.refresh_from_db()
    assert (s.task.status, s.task.waiting_for) == (TaskStatus.WAITING, WaitingFor.LIMIT)
    assert "3 turns" in s.task.waiting_note
    assert s.task.turns.count() == 3
    assert s.task.tool_calls.get(call_id="ask").status == CallStatus.PROPOSED, (
        "it goes on when the limit is extended"
    )
