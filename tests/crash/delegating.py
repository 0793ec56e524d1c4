"""The story with every way of delegating, killed at a chosen commit; prints what the database says at the end.

Support plans, consults billing (whose refund inside waits for a signature), starts a task of audit and waits for it, and
hands over to billing, whose second refund waits too. Runs as a script of its own like `tests.crash.harness`:

    python -m tests.crash.delegating commits            how many commits the story has, as JSON
    python -m tests.crash.delegating before|after 1 2 …  one JSON line for each of these crash points
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from datetime import timedelta
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
django.setup()

from agents.testing import ScriptedModel  # noqa: E402 -- Django first
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.models import Count  # noqa: E402
from django.utils import timezone  # noqa: E402

from agentdesk.events.models import Event  # noqa: E402
from agentdesk.roster.models import AgentVersion  # noqa: E402
from agentdesk.runtime.drive import Driver  # noqa: E402
from agentdesk.runtime.thinking import Thinkers  # noqa: E402
from tasks.intake import start_task  # noqa: E402
from tasks.models import Task, TaskStatus, Turn  # noqa: E402
from tests.crash.harness import DATABASE, KILLED, TEMPLATE, approval_open, in_child, sign, start_over  # noqa: E402
from tests.factories import (  # noqa: E402
    AgentFactory,
    AgentVersionFactory,
    CustomerFactory,
    order_with,
    person,
    policy_in_force,
)
from tests.scripted import call, say  # noqa: E402
from tools.models import FINISHED, CallStatus, ToolCall  # noqa: E402
from tools.store.models import Refund  # noqa: E402

QUESTION = "Is A-1 a duplicate? Then refund it."


class Rules(Thinkers):
    """Answers follow from what the model is told, so that every process goes on where another one died."""

    def choose(self, version: AgentVersion) -> Any:
        rule = {"support": support, "billing": billing, "audit": lambda _, __: [say("Nothing to object.")]}[
            version.agent.name
        ]

        def answer(request: Any) -> Any:
            told = {
                item["call_id"]: item["output"]
                for item in request.input
                if item.get("type") == "function_call_output"
            }
            return rule(told, request.input[0]["content"])

        return ScriptedModel([{"responder": answer}] * 50), "rules"


def support(told: dict[str, str], _: str) -> list[Any]:
    if "plan" not in told:
        return [call("add_todos", "plan", todos=["Ask billing", "Have it checked"])]
    if "ask" not in told:
        return [
            call("consult_billing", "ask", question=QUESTION),
            call("set_todo_state", "tick", position=1, state="done"),
        ]
    if "give" not in told:
        return [call("start_task", "give", agent="audit", goal="Look over it.", title="Look over it")]
    if "wait" not in told:
        return [call("wait_for_task", "wait", task=json.loads(told["give"])["task"])]
    return [call("transfer_to_billing", "over", reason="The rest is about charges.")]


def billing(told: dict[str, str], opening: str) -> list[Any]:
    order, call_id = ("A-1", "inner") if opening == QUESTION else ("A-2", "second")
    if call_id in told:
        return [say(f"{order} is refunded.")]
    return [
        call(
            "issue_refund",
            call_id,
            order=order,
            charge="",
            amount_minor=2900,
            currency="USD",
            reason="Twice.",
        )
    ]


def prepare() -> None:
    call_command("migrate", verbosity=0)
    person("lena", "lead")
    policy_in_force()
    AgentVersionFactory(agent=AgentFactory(name="billing"), tools=["issue_refund"])
    AgentVersionFactory(agent=AgentFactory(name="audit"), tools=[])
    version = AgentVersionFactory(
        tools=["add_todos", "set_todo_state", "start_task", "wait_for_task"],
        consults=["billing"],
        hand_offs=["billing"],
    )
    customer = CustomerFactory()
    for number in ("A-1", "A-2"):
        order_with(customer=customer, charges=(2900, 2900), number=number)
    start_task(goal="Put both orders right.", customer=customer, agent=version.agent)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def work() -> None:
    """What workers' jobs do, until nothing is claimable. A dead worker's claim is let run out at once."""
    Task.objects.filter(status=TaskStatus.RUNNING).update(lease_until=timezone.now() - timedelta(seconds=1))
    while Task.objects.claimable().exists():
        asyncio.run(Driver(thinkers=Rules(), linger_seconds=0, drive_seconds=30).drive())


STEPS = [work, sign, work, sign, work]


def tell_story(*, kill_at: int = 0, phase: str = "after") -> dict[str, Any]:
    """Run the steps; the process that reaches the story's commit `kill_at` is killed, and its step done again."""
    start_over()
    done = kills = 0
    for step in STEPS:
        within = kill_at - done if kill_at > done else 0
        code, commits = in_child(step, kill_at=within, phase=phase)
        done += commits
        if code == KILLED:
            kills += 1
            code = 0
            if step is not sign or approval_open():  # a signature that was committed before the kill stands
                code, commits = in_child(step)
                done += commits
        assert code == 0, f"{step.__name__} ended with {code}"
    return {**read(), "commits": done, "kills": kills, "kill_at": kill_at, "phase": phase}


def read() -> dict[str, Any]:
    """`facts`, from a child: the parent holds no connection."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.write(writer, json.dumps(facts()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        found: dict[str, Any] = json.loads(pipe.read())
    os.waitpid(pid, 0)
    return found


def facts() -> dict[str, Any]:
    root = Task.objects.get(parent=None)
    turns = Turn.objects.values("task_id", "path", "agent_name").annotate(said=Count("pk"))
    numbers = {
        task.pk: list(Event.objects.filter(task=task).order_by("number").values_list("number", flat=True))
        for task in Task.objects.all()
    }
    return {
        "status": root.status,
        "result": root.result,
        "children": [[child.status, child.result] for child in root.children.all()],
        "refunds": sorted(Refund.objects.values_list("tool_call__call_id", "order__number", "amount_minor")),
        "turns": sorted([turn["path"], turn["agent_name"], turn["said"]] for turn in turns),
        "effects": ToolCall.objects.filter(status=CallStatus.DONE).count(),
        "unfinished": ToolCall.objects.exclude(status__in=FINISHED).count(),
        "gapless": all(
            numbers[task.pk] == list(range(1, task.last_event + 1)) for task in Task.objects.all()
        ),
    }


def main(arguments: list[str]) -> None:
    if not TEMPLATE.exists():
        code, _ = in_child(prepare)
        assert code == 0
        shutil.copy(DATABASE, TEMPLATE)
    if arguments == ["commits"]:
        print(json.dumps(tell_story()))
        return
    phase, *points = arguments
    for point in points:
        print(json.dumps(tell_story(kill_at=int(point), phase=phase)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
