"""The stories that are told under fire, and a model that knows them by heart: stateless, so that any process can go on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from agents import Model
from agents.testing import ScriptedModel, assistant_message, function_call

from agentdesk.roster.models import AgentVersion
from agentdesk.runtime.thinking import Thinkers
from approvals.cap_models import CapVersion
from tests.crash.history import Expected
from tests.factories import RunbookFactory, person, policy_in_force, support_version

ONE = {"refund": 1, "document": 1, "message": 1}
NONE = {"refund": 0, "document": 1, "message": 1}


@dataclass(frozen=True, slots=True)
class Kind:
    """One plot: what is asked of people, and what has to have come of it."""

    amount: int = 2900
    signers: tuple[str, ...] = ("lena",)
    verdict: str = "approve"
    effects: tuple[tuple[str, int], ...] = tuple(ONE.items())


KINDS = {
    "refund": Kind(),
    "two signatures": Kind(amount=150_000, signers=("finn", "lena")),
    "rejected": Kind(verdict="reject", effects=tuple(NONE.items())),
    "question": Kind(amount=0, signers=("ada",), verdict="answer", effects=tuple(NONE.items())),
}
PLOTS = ["refund", "two signatures", "refund", "rejected", "refund", "question"]
"""One round tells these side by side."""
PEOPLE = {"vera": "viewer", "ada": "agent", "lena": "lead", "finn": "finance"}
TOLD = re.compile(r"story ([a-z ]+), order (\S+), customer (\S+)\.")


def prepare() -> None:
    """People, policy, agent, runbook; once per database. What one person signs a day here is beyond the shipped caps."""
    for cap in CapVersion.objects.filter(per__in=["approver", "desk"]):
        CapVersion.objects.filter(pk=cap.pk).update(
            max_count=10**6, max_sum_minor=None if cap.max_sum_minor is None else 10**12
        )
    policy_in_force()
    support_version()
    RunbookFactory()
    for name, role in PEOPLE.items():
        person(name, role)


def expected(plot: str, *, paid_outside: bool) -> Expected:
    """What has to have come of it, the provider's book included where money moves there."""
    effects = dict(KINDS[plot].effects)
    return Expected(effects={**effects, "provider": effects["refund"]} if paid_outside else effects)


def script(plot: str, order: str, customer: str) -> list[list[Any]]:
    kind = KINDS[plot]
    if plot == "question":
        asks = _call("ask_person", "ask", question="Is one charge to be given back?")
    else:
        asks = _call(
            "issue_refund",
            "refund",
            order=order,
            charge="",
            amount_minor=kind.amount,
            currency="USD",
            reason="Charged twice.",
        )
    return [
        [
            _call("add_todos", "plan", todos=["Refund", "Tell"]),
            _call("get_order_details", "look", order=order),
        ],
        [asks],
        [
            _call("write_document", "write", title="Charged twice", body="What was done."),
            _call("notify_user", "tell", customer=customer, subject="Your order", body="We looked at it."),
            _call("set_todo_state", "tick", position=1, state="done"),
        ],
        [assistant_message("It is settled.")],
    ]


class KnowsByHeart(Model):
    """Looks which calls of the story have been answered, and says what comes next."""

    async def get_response(self, *_: Any, **__: Any) -> Any:
        raise AssertionError("tasks are streamed")

    def stream_response(self, system_instructions: Any, input: Any, *arguments: Any, **keywords: Any) -> Any:  # noqa: A002
        told = TOLD.search(json.dumps(input))
        assert told is not None, "the goal tells its story"
        seen = {item["call_id"] for item in input if item.get("type") == "function_call_output"}
        steps = script(*told.groups())
        step = next(step for step in steps if not {getattr(item, "call_id", "") for item in step} <= seen)
        return ScriptedModel([step]).stream_response(system_instructions, input, *arguments, **keywords)


class Storytellers(Thinkers):
    def choose(self, version: AgentVersion) -> tuple[Model, str]:
        return KnowsByHeart(), "by heart"


def _call(tool: str, call_id: str, /, **arguments: Any) -> Any:
    return function_call(tool, json.dumps(arguments), call_id=call_id)
