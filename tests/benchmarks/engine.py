"""Tasks per second, durable and signed, against the bare SDK on the same story: seven turns, eleven calls, one approval.

    python -m tests.benchmarks.engine [TASKS]

Both sides run in one process with a model that answers at once. The bare side keeps nothing, asks nobody and approves
its own refund; ours journals every turn and call, opens and decides the approval, and refunds in a database.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

import django

os.environ["AGENTDESK_DATA"] = os.environ.get("AGENTDESK_BENCH_DATA") or tempfile.mkdtemp(
    prefix="agentdesk-bench-"
)
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
os.environ["AGENTDESK_LOG_LEVEL"] = "ERROR"
django.setup()

from agents import Agent, FunctionTool, Model, RunConfig, Runner  # noqa: E402 -- Django first
from agents.run_config import ToolExecutionConfig  # noqa: E402
from agents.testing import ScriptedModel, assistant_message, function_call  # noqa: E402
from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from agentdesk.roster.models import AgentVersion  # noqa: E402
from agentdesk.runtime.drive import Driver  # noqa: E402
from agentdesk.runtime.thinking import Thinkers  # noqa: E402
from approvals.decide import decide  # noqa: E402
from approvals.models import Approval  # noqa: E402
from tasks.models import Task, TaskStatus  # noqa: E402
from tests.factories import RunbookFactory, generous_caps, person  # noqa: E402
from tests.scripted import Story, tell  # noqa: E402
from tools.registry import all_tools  # noqa: E402
from tools.store.models import Refund  # noqa: E402


def script(customer: str, order: str) -> list[Sequence[Any]]:
    def call(tool: str, call_id: str, **arguments: Any) -> Any:
        return function_call(tool, json.dumps(arguments), call_id=call_id)

    refund = {
        "order": order,
        "charge": "",
        "amount_minor": 2900,
        "currency": "USD",
        "reason": "Charged twice.",
    }
    return [
        [call("add_todos", "c1", todos=["Look", "Refund", "Tell"])],
        [
            call("get_user_data", "c2", customer=customer),
            call("get_recent_orders", "c3", customer=customer, limit=5),
            call("set_todo_state", "c4", position=1, state="done"),
        ],
        [
            call("get_order_details", "c5", order=order),
            call("get_runbook_by_category", "c6", category="duplicate_charge"),
        ],
        [call("issue_refund", "c7", **refund)],
        [
            call("write_document", "c8", title="Duplicate charge", body="Refunded."),
            call("notify_user", "c9", customer=customer, subject="Your refund", body="It is on its way."),
        ],
        [
            call("set_todo_state", "c10", position=2, state="done"),
            call("set_todo_state", "c11", position=3, state="done"),
        ],
        [assistant_message("The duplicate charge is refunded.")],
    ]


class Answers(Model):
    """Stateless: answers by how many of its own turns it sees in the input, so that a resumed run goes on."""

    def __init__(self, steps: list[Sequence[Any]]) -> None:
        self.steps = steps

    async def get_response(self, *arguments: Any, **keywords: Any) -> Any:
        raise AssertionError("everything is streamed")

    def stream_response(self, system_instructions: Any, input: Any, *arguments: Any, **keywords: Any) -> Any:  # noqa: A002
        seen = {item.get("call_id") for item in input if isinstance(item, dict)} - {None}
        done = sum(1 for step in self.steps if all(getattr(item, "call_id", "?") in seen for item in step))
        return ScriptedModel([self.steps[done]]).stream_response(
            system_instructions, input, *arguments, **keywords
        )


class Many(Thinkers):
    def __init__(self, models: dict[int, Model]) -> None:
        super().__init__()
        self.models = models

    def choose(self, version: AgentVersion) -> tuple[Model, str]:
        return self.models[version.pk], "zero"


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
            tools=[tool(name) for name in sorted(all_tools())],
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
        assert result.final_output == "The duplicate charge is refunded."

    async def every() -> None:
        await asyncio.gather(*(one() for _ in range(tasks)))

    started = time.perf_counter()
    asyncio.run(every())
    return time.perf_counter() - started


def ours(tasks: int) -> float:
    """Seconds for `tasks` stories through journal, gate and database."""
    stories: list[Story] = []
    models: dict[int, Model] = {}
    RunbookFactory()
    generous_caps()
    for _ in range(tasks):
        story = tell()
        # a version of its own for each task: it is what the driver chooses the model by
        version = AgentVersion.objects.get(pk=story.task.agent_version_id)
        version.pk, version.number = None, version.number + len(stories) + 1
        version.save()
        Task.objects.filter(pk=story.task.pk).update(agent_version=version)
        models[version.pk] = Answers(script(story.customer.number, story.order.number))
        stories.append(story)
    lead = User.objects.get(username="lena")
    started = time.perf_counter()
    asyncio.run(Driver(thinkers=Many(models), linger_seconds=0, drive_seconds=200).drive())
    for approval in Approval.objects.open():
        decide(approval, by=lead, verdict="approve", seen=approval.seen_hash)
    asyncio.run(Driver(thinkers=Many(models), linger_seconds=0, drive_seconds=200).drive())
    spent = time.perf_counter() - started
    assert Task.objects.filter(status=TaskStatus.DONE).count() == Refund.objects.count() == tasks
    return spent


def main(tasks: int) -> None:
    call_command("migrate", verbosity=0)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    person("lena", "lead")
    bare(5)
    raw = bare(tasks)
    spent = ours(tasks)
    print(
        f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}, {connection.vendor}"
    )
    print(f"bare SDK        {tasks / raw:7.1f} tasks/s  {raw / tasks * 1000:6.1f} ms a task")
    print(f"AgentDesk       {tasks / spent:7.1f} tasks/s  {spent / tasks * 1000:6.1f} ms a task")
    print(f"ratio           {raw / spent:7.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
