"""The story that is measured, seven turns, eleven calls, one approval, and the models that tell it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from agents import Model
from agents.testing import ScriptedModel, assistant_message, function_call

from agentdesk.roster.models import AgentVersion
from agentdesk.runtime.thinking import Thinkers
from tasks.models import Task
from tests.factories import generous_caps
from tests.scripted import Story, tell

TURNS = 7
ENDS_WITH = "The duplicate charge is refunded."


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
        [assistant_message(ENDS_WITH)],
    ]


class Answers(Model):
    """Answers after `think_seconds`, by how many of its own turns it sees in the input, so that a resumed run goes on."""

    def __init__(self, steps: list[Sequence[Any]], *, think_seconds: float = 0) -> None:
        self.steps = steps
        self.think_seconds = think_seconds

    async def get_response(self, *arguments: Any, **keywords: Any) -> Any:
        raise AssertionError("everything is streamed")

    def stream_response(self, system_instructions: Any, input: Any, *arguments: Any, **keywords: Any) -> Any:  # noqa: A002
        seen = {item.get("call_id") for item in input if isinstance(item, dict)} - {None}
        done = sum(1 for step in self.steps if all(getattr(item, "call_id", "?") in seen for item in step))
        answer = ScriptedModel([self.steps[done]]).stream_response(
            system_instructions, input, *arguments, **keywords
        )
        return self._thought_over(answer) if self.think_seconds else answer

    async def _thought_over(self, answer: AsyncIterator[Any]) -> AsyncIterator[Any]:
        await asyncio.sleep(self.think_seconds)
        async for event in answer:
            yield event


class Many(Thinkers):
    """A model for each task, found by the version that each task has of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.models: dict[int, Model] = {}

    def choose(self, version: AgentVersion) -> tuple[Model, str]:
        return self.models[version.pk], "zero"


def tell_many(count: int, *, think_seconds: float = 0) -> tuple[list[Story], Many]:
    generous_caps()
    stories, thinkers = [], Many()
    for _ in range(count):
        story = tell()
        version = AgentVersion.objects.get(pk=story.task.agent_version_id)
        version.pk, version.number = None, version.agent.versions.count() + 1
        version.save()
        Task.objects.filter(pk=story.task.pk).update(agent_version=version)
        thinkers.models[version.pk] = Answers(
            script(story.customer.number, story.order.number), think_seconds=think_seconds
        )
        stories.append(story)
    return stories, thinkers
