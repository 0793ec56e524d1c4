"""The main story with a scripted model: everything is real but the thinking."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents import Model
from agents.testing import ScriptedModel, assistant_message, function_call
from django.contrib.auth.models import User

from agentdesk.roster.models import AgentVersion
from agentdesk.runtime.drive import Driver
from agentdesk.runtime.thinking import Thinkers
from approvals.models import Approval
from tasks.intake import open_ticket
from tasks.models import Customer, Task, TicketSource
from tests.factories import CustomerFactory, RunbookFactory, order_with, policy_in_force, support_version
from tools.store.models import Order

Step = Sequence[Any] | Exception


def call(tool: str, call_id: str, /, **arguments: Any) -> Any:
    return function_call(tool, json.dumps(arguments), call_id=call_id)


class Scripted(Thinkers):
    """Every task is answered from one script; what the model was asked is in `.calls`."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__()
        self.model = ScriptedModel(steps)

    def choose(self, version: AgentVersion) -> tuple[Model, str]:
        return self.model, "scripted"

    @property
    def heard(self) -> list[Any]:
        """The items of the last request."""
        last = self.model.last_call
        assert last is not None
        return list(last.input)

    def outputs(self) -> dict[str, str]:
        """What the model was told about each call, by call id, in the last request."""
        return {
            item["call_id"]: item["output"]
            for item in self.heard
            if item.get("type") == "function_call_output"
        }


class Cast(Thinkers):
    """Each agent is answered from a script of its own, whatever the task; `models` has them by the agent's name."""

    def __init__(self, **scripts: Sequence[Step]) -> None:
        super().__init__()
        self.models = {name: ScriptedModel(steps) for name, steps in scripts.items()}

    def choose(self, version: AgentVersion) -> tuple[Model, str]:
        return self.models[version.agent.name], "scripted"

    def asked(self) -> dict[str, int]:
        """How often each agent's model was asked."""
        return {name: len(model.calls) for name, model in self.models.items()}

    def outputs(self, name: str) -> dict[str, Any]:
        """What the model of an agent was told about each call, by call id, in its last request."""
        last = self.models[name].last_call
        assert last is not None
        return _outputs(last.input)


def _outputs(items: Any) -> dict[str, Any]:
    return {
        item["call_id"]: json.loads(item["output"])
        for item in items
        if item.get("type") == "function_call_output"
    }


def with_task(tool: str, *others: Any, **given: str) -> Any:
    """A turn that calls `tool` for tasks whose ids only the run knows: `with_task("wait_for_task", wait="give")` makes the
    call `wait` for the task that the call `give` started. `others` are calls of the same turn.
    """

    def turn(request: Any) -> Any:
        told = _outputs(request.input)
        return [*(call(tool, key, task=told[started]["task"]) for key, started in given.items()), *others]

    return {"responder": turn}


@dataclass
class Story:
    customer: Customer
    order: Order
    task: Task
    thinkers: Scripted = field(default_factory=lambda: Scripted([]))

    def script(self, *steps: Step) -> Scripted:
        self.thinkers = Scripted(steps)
        return self.thinkers

    def drive(self) -> Task:
        drive(self.thinkers)
        self.task.refresh_from_db()
        return self.task

    def approval(self) -> Approval:
        return Approval.objects.open().get(task=self.task)

    def refund(self, call_id: str = "refund", amount_minor: int = 2900, **changes: Any) -> Any:
        arguments = {
            "order": self.order.number,
            "charge": "",
            "amount_minor": amount_minor,
            "currency": "USD",
            "reason": "Charged twice.",
        }
        return call("issue_refund", call_id, **{**arguments, **changes})


MakeStory = Callable[..., Story]


def tell(*, charges: Sequence[int] = (2900, 2900), by: User | None = None) -> Story:
    """A ticket of a customer who was charged twice for one order; `by` is who typed it in."""
    policy_in_force()
    RunbookFactory()
    support_version()
    customer = CustomerFactory()
    order = order_with(customer=customer, charges=charges, subscription=True)
    ticket = open_ticket(
        subject="I was charged twice for my monthly subscription",
        body="There are two identical charges on my card. Please give one back.",
        customer=customer,
        source=TicketSource.FORM,
        by=by,
    )
    return Story(customer=customer, order=order, task=ticket.tasks.get())


def drive(thinkers: Thinkers) -> None:
    """Work until nothing is claimable, as a worker's job does."""
    asyncio.run(Driver(thinkers=thinkers, linger_seconds=0, drive_seconds=30).drive())


def drive_all(thinkers: Thinkers) -> None:
    """Work until nothing is claimable, tasks that start meanwhile included, as wake-ups bring it about."""
    while Task.objects.claimable().exists():
        drive(thinkers)


def say(text: str) -> Any:
    return assistant_message(text)
