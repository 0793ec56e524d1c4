"""An agent hands its task to a specialised one, which goes on with everything said so far and with its own tools."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User

from agentdesk.roster.models import AgentVersion
from approvals.decide import decide
from approvals.models import Approval
from tasks.intake import start_task
from tasks.models import Task, TaskStatus
from tests.factories import AgentFactory, AgentVersionFactory
from tests.scripted import Cast, MakeStory, call, drive_all, say
from tools.models import CallStatus
from tools.store.models import Refund


@pytest.fixture
def team(transactional_db: None) -> tuple[AgentVersion, AgentVersion]:
    """Support may hand over to billing, and billing back; only billing may refund."""
    billing = AgentVersionFactory(
        agent=AgentFactory(name="billing", title="Billing agent"),
        tools=["issue_refund", "get_order_details"],
        hand_offs=["support"],
    )
    support = AgentVersionFactory(tools=["add_todos", "get_order_details"], hand_offs=["billing", "ghost"])
    return support, billing


def hand_over(call_id: str = "over", to: str = "billing", reason: str = "It is about a charge.") -> Any:
    return call(f"transfer_to_{to}", call_id, reason=reason)


def sign(lena: User) -> None:
    approval = Approval.objects.open().get()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)


def heard(cast: Cast, name: str, index: int = -1) -> list[Any]:
    return list(cast.models[name].calls[index].input)


def test_the_next_agent_goes_on_with_everything_said_and_its_own_tools(
    story: MakeStory, team: Any, lena: User
) -> None:
    s = story()
    cast = Cast(
        support=[[call("add_todos", "plan", todos=["Refund it"])], [hand_over(), s.refund("not_mine")]],
        billing=[[s.refund()], [say("Refunded by billing.")]],
    )

    drive_all(cast)
    sign(lena)
    drive_all(cast)

    s.task.refresh_from_db()
    assert (s.task.status, s.task.result) == (TaskStatus.DONE, "Refunded by billing.")
    assert list(s.task.turns.values_list("agent_name", flat=True)) == [
        "support",
        "support",
        "billing",
        "billing",
    ]
    assert Refund.objects.get().tool_call.call_id == "refund"
    assert cast.asked() == {"support": 2, "billing": 2}, "the sign-off in between asked no model again"
    told = cast.outputs("billing")
    assert told["over"] == {"assistant": "billing"}
    assert "no tool called 'issue_refund'" in told["not_mine"]["error"], "support may not do what billing may"
    over = s.task.tool_calls.get(call_id="over")
    assert (over.status, over.arguments) == (CallStatus.DONE, {"reason": "It is about a charge."})
    assert [tool.name for tool in cast.models["billing"].calls[0].tools] == team[1].tools
    assert [each.tool_name for each in cast.models["support"].calls[0].handoffs] == ["transfer_to_billing"]


def test_a_resumed_task_tells_the_model_exactly_what_an_uninterrupted_one_is_told(
    story: MakeStory, team: Any
) -> None:
    """The order of the answers of a turn with hand-offs is the SDK's."""

    s = story()

    def look(call_id: str) -> list[Any]:
        return [call("get_order_details", call_id, order=s.order.number)]

    first_turn = [
        hand_over("first"),
        *look("look"),
        hand_over("second"),
        call("no_such_tool", "invented", x=1),
    ]
    uninterrupted = Cast(support=[first_turn], billing=[look("again"), look("more"), [say("Done.")]])
    drive_all(uninterrupted)

    again = start_task(goal=s.task.goal, customer=s.customer, agent=team[0].agent)
    drive_all(Cast(support=[first_turn], billing=[look("again"), RuntimeError("The model is away.")]))
    Task.objects.filter(pk=again.pk).update(not_before=None)
    resumed = Cast(support=[], billing=[look("more"), [say("Done.")]])
    drive_all(resumed)

    again.refresh_from_db()
    assert again.status == TaskStatus.DONE
    assert resumed.asked() == {"support": 0, "billing": 2}
    assert heard(resumed, "billing", 0) == heard(uninterrupted, "billing", 1)
    assert heard(resumed, "billing", 1) == heard(uninterrupted, "billing", 2)
    ignored = again.tool_calls.get(call_id="second")
    assert (ignored.status, ignored.error_code) == (CallStatus.FAILED, "second_hand_off")


def test_a_hand_off_and_a_sign_off_in_one_turn_wait_together(story: MakeStory, team: Any, lena: User) -> None:
    s = story()
    AgentVersion.objects.filter(pk=team[0].pk).update(tools=["issue_refund"])
    cast = Cast(support=[[s.refund(), hand_over()]], billing=[[say("Refunded, and looked after.")]])

    drive_all(cast)
    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.WAITING
    assert s.task.tool_calls.get(call_id="over").status == CallStatus.PROPOSED

    sign(lena)
    drive_all(cast)
    s.task.refresh_from_db()
    assert (s.task.status, s.task.result) == (TaskStatus.DONE, "Refunded, and looked after.")
    assert cast.asked() == {"support": 1, "billing": 1}


def test_a_task_may_come_back_and_a_resume_starts_with_who_spoke_last(
    story: MakeStory, team: Any, lena: User
) -> None:
    s = story()
    cast = Cast(
        support=[[hand_over()], [hand_over("again")]],
        billing=[[hand_over("back", to="support")], [s.refund()], [say("Done.")]],
    )

    drive_all(cast)
    sign(lena)
    drive_all(cast)

    s.task.refresh_from_db()
    names = list(s.task.turns.order_by("number").values_list("agent_name", flat=True))
    assert names == ["support", "billing", "support", "billing", "billing"]
    assert s.task.status == TaskStatus.DONE
    assert Refund.objects.count() == 1


def test_a_hand_off_that_does_not_fit_leads_nowhere(story: MakeStory, team: Any) -> None:
    s = story()
    cast = Cast(support=[[call("transfer_to_billing", "over")], [say("I finish it myself.")]], billing=[])

    drive_all(cast)

    s.task.refresh_from_db()
    assert (s.task.status, s.task.result) == (TaskStatus.DONE, "I finish it myself.")
    assert "reason: Field required" in cast.outputs("support")["over"]["error"]


def test_an_agent_that_nobody_named_is_no_way_out(story: MakeStory, team: Any) -> None:
    s = story()
    cast = Cast(
        support=[[hand_over(to="ghost"), hand_over("own", to="support")], [say("Myself.")]], billing=[]
    )

    drive_all(cast)

    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.DONE
    assert set(s.task.tool_calls.values_list("error_code", flat=True)) == {"unknown_tool"}


def test_a_task_keeps_the_versions_it_started_with(story: MakeStory, team: Any) -> None:
    story()
    _, billing = team
    AgentVersionFactory(agent=billing.agent, tools=[], instructions="Refuse everything.")
    cast = Cast(support=[[hand_over()]], billing=[[say("Done.")]])

    drive_all(cast)

    request = cast.models["billing"].calls[0]
    assert request.system_instructions.startswith("Resolve the ticket.")
    assert [tool.name for tool in request.tools] == billing.tools
