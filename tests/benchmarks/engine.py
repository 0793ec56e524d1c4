"""Tasks per second, durable and signed, against the bare SDK on the same story.

    python -m tests.benchmarks.engine [TASKS]

Both sides run in one process with a model that answers at once, in turns, and the medians are compared. The bare side
keeps nothing, asks nobody and approves its own refund; ours journals every turn and call, announces every event, opens
and decides the approval, and refunds in a database.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import time
from datetime import timedelta
from typing import Any

import django

django.setup()

from agents import Agent, FunctionTool, RunConfig, Runner  # noqa: E402 -- Django first
from agents.run_config import ToolExecutionConfig  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db.models import F  # noqa: E402

from agentdesk.runtime.drive import Driver  # noqa: E402
from approvals.decide import decide  # noqa: E402
from approvals.models import Approval  # noqa: E402
from tasks.models import Task, TaskStatus  # noqa: E402
from tests.benchmarks.say import say  # noqa: E402
from tests.benchmarks.story import ENDS_WITH, Answers, script, tell_many  # noqa: E402
from tests.factories import person  # noqa: E402
from tools.models import ToolCall  # noqa: E402
from tools.registry import all_tools  # noqa: E402
from tools.store.models import Refund  # noqa: E402

ROUNDS = 5
STORY_TOOLS = (
    *(
        "add_todos",
        "set_todo_state",
        "get_user_data",
        "get_recent_orders",
        "get_order_details",
        "issue_refund",
    ),
    *("get_runbook_by_category", "refund_duplicate_charge", "cancel_order", "write_document", "notify_user"),
    "ask_person",
)


def bare(tasks: int) -> float:
    """Seconds for `tasks` stories with the SDK alone."""

    async def invoke(_: Any, __: str) -> str:
        return '{"ok":true}'

    def tool(name: str) -> FunctionTool:
        spec = all_tools()[name]
        return FunctionTool(
            name=name,
            description=spec.description,
            params_json_schema=spec.schema,
            on_invoke_tool=invoke,
            needs_approval=name == "issue_refund",
        )

    async def one() -> None:
        agent = Agent(
            name="support",
            instructions="Resolve the ticket.",
            model=Answers(script("C-1", "A-1")),
            tools=[tool(name) for name in STORY_TOOLS],
        )
        config = RunConfig(
            tracing_disabled=True, tool_execution=ToolExecutionConfig(max_function_tool_concurrency=1)
        )
        result = Runner.run_streamed(agent, "Charged twice", run_config=config, max_turns=None)
        async for _ in result.stream_events():
            pass
        state = result.to_state()
        for waiting in result.interruptions:
            state.approve(waiting)
        result = Runner.run_streamed(agent, state, run_config=config, max_turns=None)
        async for _ in result.stream_events():
            pass
        assert result.final_output == ENDS_WITH

    async def every() -> None:
        await asyncio.gather(*(one() for _ in range(tasks)))

    started = time.perf_counter()
    asyncio.run(every())
    return time.perf_counter() - started


def ours(tasks: int) -> float:
    """Seconds for `tasks` stories through journal, gate and database."""
    stories, thinkers = tell_many(tasks)
    lead = User.objects.get(username="lena")
    before = Refund.objects.count()
    gc.collect()
    gc.freeze()  # as the worker command does before it forks
    started = time.perf_counter()
    asyncio.run(Driver(thinkers=thinkers, linger_seconds=0, drive_seconds=200).drive())
    for approval in Approval.objects.open():
        decide(approval, by=lead, verdict="approve", seen=approval.seen_hash)
    asyncio.run(Driver(thinkers=thinkers, linger_seconds=0, drive_seconds=200).drive())
    spent = time.perf_counter() - started
    gc.unfreeze()
    told = Task.objects.filter(pk__in=[story.task.pk for story in stories], status=TaskStatus.DONE)
    assert told.count() == Refund.objects.count() - before == tasks
    # the next round is another day: caps that count by the hour or the day begin anew, the history stays
    ToolCall.objects.filter(amount_minor__isnull=False).update(
        finished_at=F("finished_at") - timedelta(days=2)
    )
    return spent


def main(tasks: int) -> None:
    call_command("migrate", verbosity=0)
    person("lena", "lead")
    bare(5)
    ours(5)
    raw, spent = zip(*((bare(tasks), ours(tasks)) for _ in range(ROUNDS)), strict=True)
    bare_ms, our_ms = (statistics.median(times) / tasks * 1000 for times in (raw, spent))
    say(
        "engine_ratio",
        bare_ms / our_ms,
        "x",
        f"{our_ms:.1f} ms a task against {bare_ms:.1f} ms of the bare SDK",
    )
    say("engine_tasks_per_s", 1000 / our_ms, "1/s", f"the bare SDK: {1000 / bare_ms:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
