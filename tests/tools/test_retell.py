"""Who may tell a task again, when, and what the new task takes over."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from agentdesk.core.errors import Forbidden, Invalid, Late
from agentdesk.core.ids import task_id
from agentdesk.events.models import Kind
from agentdesk.roster.edit import publish
from agentdesk.roster.models import Agent, AgentVersion, Source
from tasks.models import OriginKind, Task, TaskStatus
from tests.factories import (
    RefundFactory,
    TaskFactory,
    ToolCallFactory,
    TurnFactory,
    person,
)
from tools.models import CallStatus, ToolCall
from tools.retell import fork, retry, start_again

VERBS = {"retry": retry, "again": start_again, "fork": lambda task, *, by: fork(task, turn=1, by=by)}


@pytest.fixture
def failed(db: None) -> Task:
    """One done call with a refund, one that a person rejected, and one that the failure took with it."""
    task = TaskFactory(status=TaskStatus.FAILED, turns_used=2, tool_calls_used=3, tokens_used=900, work_ms=70)
    first = TurnFactory(task=task, input_tokens=500, output_tokens=20, cost_micros=7, duration_ms=30)
    refunded = ToolCallFactory(
        turn=first,
        call_id="refund",
        status=CallStatus.DONE,
        result={"refund": "RF-1"},
        output='{"refund":"RF-1"}',
        amount_minor=2900,
        currency="USD",
        subject="order:A-7001",
    )
    RefundFactory(tool_call=refunded)
    ToolCallFactory(turn=first, call_id="no", status=CallStatus.REFUSED, error_code="rejected", output="{}")
    second = TurnFactory(task=task, text="Again.")
    raw = '{"order":"A-7001","charge":"","amount_minor":100,"currency":"USD","reason":"More."}'
    ToolCallFactory(
        turn=second,
        call_id="more",
        status=CallStatus.REFUSED,
        error_code="cancelled",
        output='{"refused":"The task failed."}',
        raw_arguments=raw,
    )
    return task


@pytest.mark.parametrize("verb", VERBS)
def test_whoever_only_looks_on_tells_nothing_again(failed: Task, vera: User, verb: str) -> None:
    with pytest.raises(Forbidden):
        VERBS[verb](failed, by=vera)
    assert Task.objects.count() == 1


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", [TaskStatus.QUEUED, TaskStatus.RUNNING, TaskStatus.WAITING])
def test_only_an_ended_task_is_told_again(ada: User, verb: str, status: str) -> None:
    task = TaskFactory(status=status)
    with pytest.raises(Late, match="Wait until it has ended"):
        VERBS[verb](task, by=ada)
    assert Task.objects.count() == 1


def test_a_done_task_has_nothing_to_go_on_with(ada: User) -> None:
    with pytest.raises(Late, match="This task is done"):
        retry(TaskFactory(status=TaskStatus.DONE), by=ada)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("status", [CallStatus.EXECUTING, CallStatus.UNKNOWN])
def test_what_may_have_happened_outside_is_found_out_first(
    failed: Task, ada: User, verb: str, status: str
) -> None:
    ToolCallFactory(turn=failed.turns.last(), status=status)
    with pytest.raises(Late, match="Find that out first"):
        VERBS[verb](failed, by=ada)
    assert Task.objects.count() == 1


@pytest.mark.parametrize("verb", VERBS)
def test_a_disabled_agent_gets_no_task_this_way_either(failed: Task, ada: User, verb: str) -> None:
    Agent.objects.update(enabled=False)
    with pytest.raises(Invalid, match="takes no new tasks"):
        VERBS[verb](failed, by=ada)
    assert Task.objects.count() == 1


def test_finished_calls_are_copied_without_their_effect_and_the_others_proposed_again(
    failed: Task, ada: User
) -> None:
    again = retry(failed, by=ada)

    refund, no, more = again.tool_calls.order_by("turn", "position")
    theirs = {call.call_id: call for call in failed.tool_calls.all()}
    assert (refund.status, refund.result, refund.output) == ("done", {"refund": "RF-1"}, '{"refund":"RF-1"}')
    assert (refund.copy_of, no.copy_of, more.copy_of) == (theirs["refund"], theirs["no"], None)
    assert (refund.amount_minor, refund.currency, refund.subject) == (None, "", "")
    assert not hasattr(refund, "refund")
    assert theirs["refund"].refund
    assert (more.status, more.output, more.error_code) == (CallStatus.PROPOSED, "", "")
    assert more.arguments["amount_minor"] == 100
    assert ToolCall.objects.values("key").distinct().count() == 6


def test_the_new_task_has_spent_nothing_yet_and_names_its_origin(failed: Task, ada: User) -> None:
    again = retry(failed, by=ada)

    assert (again.origin, again.origin_kind, again.requested_by) == (failed, OriginKind.RETRY, ada)
    assert (again.turns_used, again.tokens_used, again.cost_micros, again.work_ms) == (0, 0, 0, 0)
    assert again.tool_calls_used == 1, "the one it is going to make itself"
    assert set(again.turns.values_list("input_tokens", "output_tokens", "cost_micros", "fence")) == {
        (0, 0, 0, 0)
    }
    queued = again.events.get()
    assert (queued.kind, queued.by, queued.data["origin"]) == (Kind.TASK_QUEUED, ada, failed.public_id)


def test_a_second_retry_of_the_same_task_is_the_first(failed: Task, ada: User, lena: User) -> None:
    again = retry(failed, by=ada)
    assert retry(failed, by=lena) == again
    assert failed.offspring.count() == 1


@pytest.mark.parametrize("verb", ["again", "fork"])
def test_the_same_form_sent_twice_makes_one_task(failed: Task, ada: User, verb: str) -> None:
    new = task_id()
    make = {
        "again": lambda: start_again(failed, by=ada, public_id=new),
        "fork": lambda: fork(failed, turn=2, by=ada, instructions="Be brief.", public_id=new),
    }[verb]
    assert make() == make()
    assert failed.offspring.count() == 1
    assert AgentVersion.objects.filter(source=Source.FORK).count() == int(verb == "fork")


def test_a_retry_runs_on_the_version_its_agent_has_now(failed: Task, ada: User, adam: User) -> None:
    agent = failed.agent_version.agent
    publish(agent, by=adam, reason="More turns", max_turns=77)
    assert retry(failed, by=ada).agent_version == agent.current
    assert start_again(failed, by=ada).agent_version == agent.current


def test_a_retry_of_a_fork_keeps_the_version_that_was_written_for_it(failed: Task, ada: User) -> None:
    forked = fork(failed, turn=2, by=ada, instructions="Be brief.")
    Task.objects.filter(pk=forked.pk).update(status="failed", failure="Gone.", finished_at=failed.finished_at)
    again = retry(forked, by=ada)
    assert again.agent_version.instructions == "Be brief."
    refund = again.tool_calls.get(call_id="refund")
    assert refund.copy_of == failed.tool_calls.get(call_id="refund"), "the call that really happened"


def test_a_fork_takes_over_only_the_turns_before(failed: Task, ada: User) -> None:
    forked = fork(failed, turn=2, by=ada)
    assert (forked.origin_kind, forked.origin_turn) == (OriginKind.FORK, 2)
    assert list(forked.turns.values_list("number", flat=True)) == [1]
    assert set(forked.tool_calls.values_list("call_id", flat=True)) == {"refund", "no"}
    assert forked.agent_version == failed.agent_version
    assert not fork(failed, turn=1, by=ada).turns.exists()


@pytest.mark.parametrize("turn", [0, 3, -1])
def test_a_fork_needs_a_turn_that_there_is(failed: Task, ada: User, turn: int) -> None:
    with pytest.raises(Invalid, match="has no turn"):
        fork(failed, turn=turn, by=ada)


def test_nested_turns_go_with_the_call_that_encloses_them(ada: User) -> None:
    task = TaskFactory(status=TaskStatus.DONE)
    outer = TurnFactory(task=task)
    ToolCallFactory(turn=outer, call_id="consult", status=CallStatus.DONE, output="{}")
    inner = TurnFactory(task=task, path="consult")
    ToolCallFactory(turn=inner, path="consult", call_id="read", status=CallStatus.DONE, output="{}")
    later = TurnFactory(task=task)
    ToolCallFactory(turn=later, call_id="consult2", status=CallStatus.DONE, output="{}")
    TurnFactory(task=task, path="consult2")
    TurnFactory(task=task)

    forked = fork(task, turn=2, by=ada)

    assert list(forked.turns.order_by("id").values_list("path", "number")) == [("", 1), ("consult", 1)]
    assert set(forked.tool_calls.values_list("path", "call_id")) == {("", "consult"), ("consult", "read")}


def test_another_model_or_instruction_makes_a_version_that_is_not_in_force(failed: Task, ada: User) -> None:
    base = failed.agent_version
    forked = fork(failed, turn=2, by=ada, model="gpt-other", instructions="Be brief.", note="Too wordy")

    made = forked.agent_version
    assert (made.model, made.instructions, made.tools) == ("gpt-other", "Be brief.", base.tools)
    assert (made.source, made.author, made.number) == (Source.FORK, ada, base.number + 1)
    assert made.reason == f"Fork of {failed.public_id} at turn 2 by ada: Too wordy"
    base.agent.refresh_from_db()
    assert base.agent.current == base
    assert (
        fork(failed, turn=2, by=ada, model=base.model, instructions=base.instructions).agent_version == base
    )


@pytest.mark.parametrize(
    "changes",
    [{"instructions": "  "}, {"instructions": "x" * 50_001}, {"model": "m" * 101}, {"note": "n" * 201}],
)
def test_texts_that_cannot_be_used_make_neither_task_nor_version(
    failed: Task, ada: User, changes: dict[str, str]
) -> None:
    with pytest.raises(Invalid):
        fork(failed, turn=2, by=ada, **changes)
    assert (Task.objects.count(), AgentVersion.objects.count()) == (1, 1)


def test_a_call_whose_tool_the_new_version_lacks_is_told_to_the_model(
    failed: Task, ada: User, adam: User
) -> None:
    publish(failed.agent_version.agent, by=adam, reason="No refunds", tools=["get_user_data"])

    more = retry(failed, by=ada).tool_calls.get(call_id="more")

    assert (more.status, more.error_code) == (CallStatus.FAILED, "unknown_tool")
    assert "no tool called" in more.output


def test_a_call_of_another_agent_is_proposed_again_whatever_the_tasks_own_may_do(
    failed: Task, ada: User
) -> None:
    AgentVersion.objects.filter(pk=failed.agent_version_id).update(tools=["get_user_data"])
    failed.turns.filter(number=2).update(agent_name="billing")
    assert retry(failed, by=ada).tool_calls.get(call_id="more").status == CallStatus.PROPOSED


def test_everybody_who_starts_tasks_may_tell_them_again(db: None) -> None:
    for role in ("agent", "lead", "admin"):
        task = TaskFactory(status=TaskStatus.CANCELLED)
        assert retry(task, by=person(f"some_{role}", role)).origin == task
