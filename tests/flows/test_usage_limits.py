"""What agents use is counted and priced, what reaches a limit waits visibly, and a person lets it go on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from agents.testing import assistant_message
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openai.types.responses import ResponseUsage
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from agentdesk.core.errors import DeskError, Forbidden, Invalid, Late
from agentdesk.events.models import Kind
from agentdesk.roster.models import AgentVersion, ModelPrice
from agentdesk.roster.prices import Price, cost_micros, unpriced
from agentdesk.runtime.journal import Answer, load, record_turn
from tasks import usage
from tasks.models import Task, TaskStatus, Turn, Usage, WaitingFor
from tasks.park import extend, resume_due, try_again
from tests.factories import AgentVersionFactory, TaskFactory
from tests.scripted import MakeStory, Story, call, say


def version(story: Story, **fields: Any) -> None:
    AgentVersion.objects.filter(pk=story.task.agent_version_id).update(**fields)


def spent(story: Story, **amounts: int) -> None:
    """By other tasks of the same agent, today."""
    usage.spend(story.task.agent_version.agent_id, usage.today(), **amounts)


def looks(story: Story, number: int) -> list[list[Any]]:
    return [[call("get_order_details", f"look{n}", order=story.order.number)] for n in range(number)]


def reached(task: Task) -> str:
    task.refresh_from_db()
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.LIMIT), task.status
    assert task.waiting_note
    standing = usage.reached(task)
    assert standing is not None
    assert standing.daily or standing.sentence == task.waiting_note
    return standing.key


@pytest.mark.parametrize(
    ("limits", "used", "key", "note"),
    [
        ({"max_turns": 3}, {"turns_used": 3}, "task.turns", "used up its limit of 3 turns."),
        (
            {"max_tokens": 1000},
            {"tokens_used": 1200},
            "task.tokens",
            "used 1,200 tokens; its limit is 1,000 tokens.",
        ),
        (
            {"max_seconds": 60},
            {"work_ms": 60_000},
            "task.seconds",
            "used up its limit of 60 seconds of work.",
        ),
        (
            {"max_cost_micros": 2_500_000},
            {"cost_micros": 2_500_001},
            "task.cost_micros",
            "used $2.51; its limit is $2.50.",
        ),
        (
            {"max_tool_calls": 2},
            {"tool_calls_used": 3},
            "task.tool_calls",
            "used 3 tool calls; its limit is 2 tool calls.",
        ),
    ],
)
def test_a_task_that_reached_a_limit_of_its_own_waits_until_a_person_extends_it(
    story: MakeStory, lena: User, limits: dict[str, int], used: dict[str, int], key: str, note: str
) -> None:
    s = story()
    version(s, **limits)
    Task.objects.filter(pk=s.task.pk).update(**used)
    s.script([say("Done at last.")])

    s.drive()

    assert reached(s.task) == key
    assert note in s.task.waiting_note
    assert not s.task.turns.exists(), "no model was asked"
    extend(s.task, by=lena, key=key, amount="2", reason="One more try is worth it.")
    assert s.drive().result == "Done at last."
    event = s.task.events.get(kind=Kind.TASK_EXTENDED)
    assert event.by == lena
    assert event.data["reason"] == "One more try is worth it."
    assert event.data["limit"] == key


def test_the_clock_that_runs_out_in_the_middle_makes_the_task_wait_for_seconds(story: MakeStory) -> None:
    s = story()
    version(s, max_seconds=1)

    async def dawdle(_: Any) -> Any:
        import asyncio

        await asyncio.sleep(30)

    from agents.testing import ModelStep

    s.script(ModelStep.respond(dawdle))
    s.drive()
    assert reached(s.task) == "task.seconds"


def test_nobody_extends_without_the_right_and_never_for_themselves(
    story: MakeStory, ada: User, lena: User, audrey: User, finn: User, adam: User
) -> None:
    s = story(by=lena)
    version(s, max_turns=1)
    s.script(*looks(s, 1), [say("Done.")])
    s.drive()
    for person in (ada, audrey, lena):
        with pytest.raises(Forbidden):
            extend(s.task, by=person, key="task.turns", amount="1", reason="Please.")
    assert finn.has_perm("tasks.extend_limit")
    assert adam.has_perm("tasks.extend_limit")
    extend(s.task, by=finn, key="task.turns", amount="1", reason="Fine.")
    assert s.drive().status == TaskStatus.DONE


@pytest.mark.parametrize("amount", ["0", "-1", "2", "1.5", "", "x", "9" * 400, "１"])
def test_an_extension_is_at_most_the_limit_again(story: MakeStory, lena: User, amount: str) -> None:
    s = story()
    version(s, max_turns=1)
    s.script(*looks(s, 1))
    s.drive()
    with pytest.raises(Invalid):
        extend(s.task, by=lena, key="task.turns", amount=amount, reason="More.")
    assert reached(s.task) == "task.turns"
    assert not s.task.events.filter(kind=Kind.TASK_EXTENDED).exists()


def test_an_extension_needs_a_reason_and_the_limit_that_was_shown(story: MakeStory, lena: User) -> None:
    s = story()
    version(s, max_turns=1)
    s.script(*looks(s, 1))
    s.drive()
    with pytest.raises(Invalid):
        extend(s.task, by=lena, key="task.turns", amount="1", reason=" ")
    with pytest.raises(Late):
        extend(s.task, by=lena, key="task.tokens", amount="1", reason="More.")
    extend(s.task, by=lena, key="task.turns", amount="1", reason="More.")
    with pytest.raises(Late):
        extend(s.task, by=lena, key="task.turns", amount="1", reason="More.")


def test_it_may_be_extended_again_and_again_each_time_by_the_limit_at_most(
    story: MakeStory, lena: User
) -> None:
    s = story()
    version(s, max_turns=2)
    s.script(*looks(s, 6), [say("Done.")])
    for turns in (2, 4, 6):
        assert s.drive().turns_used == turns
        extend(s.task, by=lena, key="task.turns", amount="2", reason="Go on.")
    assert s.drive().status == TaskStatus.DONE


def test_a_child_or_a_retry_may_have_less_than_its_agent_allows(story: MakeStory) -> None:
    s = story()
    Task.objects.filter(pk=s.task.pk).update(limits={"turns": 1})
    s.script(*looks(s, 2))
    s.drive()
    assert reached(s.task) == "task.turns"
    assert s.task.turns_used == 1


@pytest.mark.parametrize(
    ("per_day", "used", "key"),
    [
        ({"turns": 5}, {"turns": 5}, "agent.turns"),
        ({"tool_calls": 5}, {"tool_calls": 5}, "agent.tool_calls"),
        ({"tokens": 5000}, {"tokens": 7000}, "agent.tokens"),
        ({"seconds": 60}, {"work_ms": 60_000}, "agent.seconds"),
        ({"cost_micros": 1_000_000}, {"cost_micros": 1_000_000}, "agent.cost_micros"),
    ],
)
def test_a_limit_of_an_agents_day_is_waited_out_and_a_person_may_exempt_one_task(
    story: MakeStory, lena: User, per_day: dict[str, int], used: dict[str, int], key: str
) -> None:
    s, other = story(), story()
    version(s, per_day=per_day)
    spent(s, **used)
    s.script([say("Done.")])
    s.drive()
    assert reached(s.task) == key
    assert "tomorrow" in s.task.waiting_note
    assert reached(other.task) == key

    extend(s.task, by=lena, key=key, amount="1", reason="This one cannot wait.")
    s.drive()

    assert Task.objects.get(pk=s.task.pk).status == TaskStatus.DONE
    assert reached(other.task) == key, "the others wait on"


def test_an_exemption_ends_with_its_amount_and_with_its_day(story: MakeStory, lena: User) -> None:
    s = story()
    version(s, per_day={"turns": 5})
    spent(s, turns=5)
    s.script(*looks(s, 5))
    s.drive()
    extend(s.task, by=lena, key="agent.turns", amount="2", reason="Two more.")

    assert s.drive().turns_used == 2
    assert reached(s.task) == "agent.turns"
    yesterday = (usage.today() - timedelta(days=1)).isoformat()
    s.task.limits = {"days": {yesterday: {"agent.turns": 1000}}}
    assert usage.reached(s.task) is not None


def test_the_next_day_sends_a_task_on_by_itself(story: MakeStory) -> None:
    s = story()
    version(s, per_day={"turns": 5})
    spent(s, turns=5)
    s.script([say("Done.")])
    s.drive()
    s.task.refresh_from_db()
    assert s.task.not_before is not None
    assert (s.task.not_before - timezone.now()) <= timedelta(days=1)
    assert resume_due() == 0

    Usage.objects.update(day=F("day") - timedelta(days=1))
    Task.objects.filter(pk=s.task.pk).update(not_before=timezone.now() - timedelta(seconds=1))

    assert resume_due() == 1
    assert s.drive().status == TaskStatus.DONE


def test_a_limit_of_a_task_is_not_lifted_by_the_next_day(story: MakeStory) -> None:
    s = story()
    version(s, max_turns=1)
    s.script(*looks(s, 1))
    s.drive()
    assert s.task.not_before is None
    assert resume_due() == 0


@pytest.mark.parametrize(
    ("name", "value", "used", "key"),
    [
        ("MAX_TOKENS_PER_DAY", 5000, {"tokens": 5000}, "desk.tokens"),
        ("MAX_COST_CENTS_PER_DAY", 100, {"cost_micros": 1_000_000}, "desk.cost_micros"),
    ],
)
def test_the_desk_has_a_limit_of_its_own_over_all_agents(
    story: MakeStory, settings: Any, ada: User, name: str, value: int, used: dict[str, int], key: str
) -> None:
    s = story()
    other = AgentVersionFactory(agent__name="billing").agent
    usage.spend(other.pk, usage.today(), **used)
    setattr(settings, name, value)
    s.script([say("Done.")])
    s.drive()
    assert reached(s.task) == key

    setattr(settings, name, 0)  # an administrator raised it and started the workers again
    try_again(s.task, by=ada)
    assert s.drive().status == TaskStatus.DONE


def test_trying_again_does_not_lift_a_limit(story: MakeStory, ada: User) -> None:
    s = story()
    version(s, max_turns=1)
    s.script(*looks(s, 2))
    s.drive()
    try_again(s.task, by=ada)
    s.drive()
    assert reached(s.task) == "task.turns"
    assert s.task.turns_used == 1


def with_usage(text: str, *, inputs: int, cached: int, outputs: int) -> Any:
    from agents.testing import ModelStep

    return ModelStep.respond(
        [assistant_message(text)],
        usage=ResponseUsage(
            input_tokens=inputs,
            output_tokens=outputs,
            total_tokens=inputs + outputs,
            input_tokens_details=InputTokensDetails(cached_tokens=cached, cache_write_tokens=0),
            output_tokens_details=OutputTokensDetails(reasoning_tokens=0),
        ),
    )


def answer(**changes: Any) -> Answer:
    return Answer(
        **{
            "agent_name": "support",
            "model_name": "priced",
            "response_id": "r",
            "items": [],
            "text": "",
            "reasoning": "",
            "input_tokens": 1000,
            "cached_tokens": 400,
            "output_tokens": 100,
            "duration_ms": 5,
            "requested": [],
            **changes,
        }
    )


def priced() -> None:
    ModelPrice.objects.create(
        model="priced", input_micros=2_000_000, cached_input_micros=500_000, output_micros=8_000_000
    )


def test_a_turn_costs_what_the_table_says_and_the_task_and_the_day_add_it_up(transactional_db: None) -> None:
    priced()
    task = TaskFactory(status=TaskStatus.RUNNING)
    journal = load(task)
    for _ in range(2):
        record_turn(journal, answer(), allowed_tools=[], worked_ms=70)

    # 600 × $2 + 400 × $0.50 + 100 × $8 a million
    assert [turn.cost_micros for turn in Turn.objects.all()] == [2200, 2200]
    assert [turn.cached_tokens for turn in Turn.objects.all()] == [400, 400]
    kept = Task.objects.get(pk=task.pk)
    assert (kept.cost_micros, kept.tokens_used) == (4400, 2200)
    day = Usage.objects.get()
    assert (day.agent, day.day) == (task.agent_version.agent, usage.today())
    assert (day.turns, day.tokens, day.cost_micros, day.work_ms) == (2, 2200, 4400, 140)


def test_usage_costs_one_statement_a_turn_and_it_is_the_last(transactional_db: None) -> None:
    task = TaskFactory(status=TaskStatus.RUNNING)
    journal = load(task)
    with CaptureQueriesContext(
        connection,
    ) as said:
        record_turn(journal, answer(), allowed_tools=[], worked_ms=1)
    statements = [query["sql"] for query in said.captured_queries]
    ours = [index for index, sql in enumerate(statements) if "tasks_usage" in sql]
    rest = [sql for sql in statements[ours[0] + 1 :] if sql.lstrip().split()[0] not in {"COMMIT", "RELEASE"}]
    assert len(ours) == 1
    assert rest == []


def test_a_turn_that_is_rolled_back_is_not_counted(transactional_db: None) -> None:
    task = TaskFactory(status=TaskStatus.RUNNING)
    journal = load(task)
    Task.objects.filter(pk=task.pk).update(fence=F("fence") + 1)
    with pytest.raises(DeskError):
        record_turn(journal, answer(), allowed_tools=[], worked_ms=1)
    assert not Usage.objects.exists()


@pytest.mark.parametrize(
    ("inputs", "cached", "outputs", "cost"),
    [(1_000_000, 0, 0, 1_250_000), (1, 0, 0, 2), (0, 0, 0, 0), (10, 99, 0, 2), (0, 0, 3, 30)],
)
def test_cost_is_rounded_up_to_a_millionth(inputs: int, cached: int, outputs: int, cost: int) -> None:
    price = {"m": Price(input_micros=1_250_000, cached_input_micros=125_000, output_micros=10_000_000)}
    spent_tokens = {"input_tokens": inputs, "cached_tokens": cached, "output_tokens": outputs}
    assert cost_micros(price, "m", **spent_tokens) == cost
    assert cost_micros(price, "unknown", **spent_tokens) == 0


def test_a_model_without_a_price_is_free_and_a_check_says_so(
    transactional_db: None, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    priced()
    AgentVersionFactory(model="priced", fallback_model="mystery")
    settings.MODEL = "offline"
    assert unpriced() == ["mystery"]
    call_command("check", databases=["default"])
    assert "mystery" in capsys.readouterr().err
    ModelPrice.objects.create(model="mystery", input_micros=1, cached_input_micros=1, output_micros=1)
    assert unpriced() == []


def test_a_try_that_failed_gives_its_turn_of_the_day_back_but_counts_its_time(story: MakeStory) -> None:
    s = story()
    version(s, per_day={"turns": 5})
    s.script(RuntimeError("away"))
    s.drive()
    day = Usage.objects.get()
    assert day.turns == 0
    assert s.task.status == TaskStatus.QUEUED
