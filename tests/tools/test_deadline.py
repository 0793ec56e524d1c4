"""A tool that hangs is cut at its own deadline: nothing of it stays, the model is told, and the others of its turn are done."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import Any

import pytest
from django.db import connection

from agentdesk.core.errors import ToolError
from tasks.models import Customer
from tests.factories import TaskFactory, ToolCallFactory
from tools import deadline
from tools.arguments import parse
from tools.deadline import TooSlow, within
from tools.invoke import invoke
from tools.models import CallStatus, Effect, ToolCall
from tools.registry import all_tools
from tools.spec import Arguments, ToolSpec
from tools.stuck import close_by_force


def spin(_: Any = None) -> None:
    while True:
        pass


def endless_python(context: Any, _: Any) -> dict[str, Any]:
    Customer.objects.filter(pk=context.task.customer_id).update(notes="half done")
    spin()
    return {}


def endless_but_deaf_to_exceptions(context: Any, _: Any) -> dict[str, Any]:
    Customer.objects.filter(pk=context.task.customer_id).update(notes="half done")
    try:
        spin()
    except Exception:  # noqa: BLE001 -- what a careless handler does
        spin()
    return {}


def ended_after_swallowing_everything(context: Any, _: Any) -> dict[str, Any]:
    Customer.objects.filter(pk=context.task.customer_id).update(notes="half done")
    with contextlib.suppress(BaseException):
        spin()
    return {"done": True}


ENDLESS = {
    "sqlite": "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c)",
    "postgresql": "pg_sleep(600)::text",
}


def endless_read(_: Any, __: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {ENDLESS[connection.vendor]}")
    return {}


def endless_write(context: Any, _: Any) -> dict[str, Any]:
    Customer.objects.filter(pk=context.task.customer_id).update(notes="half done")
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE tasks_customer SET notes = {ENDLESS[connection.vendor]}")
    return {}


def prompt(context: Any, _: Any) -> dict[str, Any]:
    Customer.objects.filter(pk=context.task.customer_id).update(name="Renamed")
    return {"prompt": True}


class Nothing(Arguments):
    pass


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Tools with a deadline of 0.3 s, known to the registry."""

    def know(**handlers: Any) -> None:
        known = dict(all_tools())
        for name, handler in handlers.items():
            known[name] = ToolSpec(
                name=name,
                description="For tests",
                arguments=Nothing,
                effect=Effect.READ if "read" in name else Effect.LOCAL,
                handler=handler,
                label=lambda _: "For tests",
                deadline_seconds=0.3,
            )
        monkeypatch.setattr("tools.invoke.find", known.get)

    return know


def called(task: Any, *names: str) -> list[ToolCall]:
    parsed = parse(replace(all_tools()["add_todos"], arguments=Nothing), "{}")
    return [
        ToolCallFactory(
            given_task=task, tool=name, arguments=parsed.data, arguments_hash=parsed.hash, position=position,
            effect=Effect.READ if "read" in name else Effect.LOCAL,
        )
        for position, name in enumerate(names, start=1)
    ]  # fmt: skip


def allow(*_: Any) -> None:
    """The gate of these tests."""


@pytest.mark.parametrize(
    "handler",
    [
        endless_python,
        endless_but_deaf_to_exceptions,
        ended_after_swallowing_everything,
        endless_read,
        endless_write,
    ],
)
@pytest.mark.parametrize("others", ["before and after", "none"])
def test_a_tool_that_hangs_is_cut_and_nothing_of_it_stays(
    transactional_db: None, tools: Any, handler: Any, others: str
) -> None:
    name = handler.__name__
    tools(**{name: handler}, prompt=prompt)
    task = TaskFactory(status="running")
    before, notes = task.customer.name, task.customer.notes
    names = ["prompt", name, "prompt"] if others != "none" else [name]
    calls = called(task, *names)
    hung = calls[names.index(name)]
    started = time.monotonic()

    invoke(task, calls, authorise=allow)

    assert 0.3 <= time.monotonic() - started < 4
    hung.refresh_from_db()
    assert (hung.status, hung.error_code) == (CallStatus.FAILED, "too_slow")
    assert "took longer than 0.3 seconds" in hung.output
    assert "nothing was changed" in hung.output
    customer = Customer.objects.get(pk=task.customer.pk)
    assert customer.notes == notes
    assert customer.name == (before if others == "none" else "Renamed")
    assert {call.status for call in ToolCall.objects.exclude(pk=hung.pk)} <= {CallStatus.DONE}
    assert not connection.in_atomic_block


def test_what_ends_in_time_is_left_alone(transactional_db: None, tools: Any) -> None:
    tools(prompt=prompt)
    (call,) = called(TaskFactory(status="running"), "prompt")
    invoke(call.task, [call], authorise=allow)
    call.refresh_from_db()
    assert (call.status, call.output) == (CallStatus.DONE, '{"prompt":true}')


def test_what_a_handler_raises_in_time_comes_through(db: None) -> None:
    def refuse() -> None:
        raise ToolError("Not this one.")

    with pytest.raises(ToolError, match="Not this one"):
        within(5, 1, refuse)


def test_nothing_is_interrupted_after_the_guarded_part(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cuts that fall exactly on the end: whatever comes after, as a commit, must not be hit."""
    monkeypatch.setattr(deadline, "LOOK_SECONDS", 0.0005)
    time.sleep(2 * 0.1)  # the watching thread's present nap
    cut = 0
    for round_ in range(400):

        def work(until: float = time.monotonic() + 0.002 + round_ % 5 * 0.0002) -> int:
            while time.monotonic() < until:
                pass
            return 1

        try:
            within(0.002, 1, work)
        except TooSlow:
            cut += 1
        for _ in range(2000):  # must run to its end
            pass
    assert 0 < cut < 400, "both sides of the race were seen"


def test_a_call_that_had_to_be_ended_by_force_is_closed_and_its_task_goes_on_elsewhere(
    transactional_db: None,
) -> None:
    task = TaskFactory(status="running", fence=3)
    (call,) = called(task, "prompt")

    told = close_by_force(call.pk)

    call.refresh_from_db()
    task.refresh_from_db()
    assert (call.status, call.error_code) == (CallStatus.FAILED, "too_slow")
    assert told in call.output
    assert (task.status, task.holder, task.not_before) == ("queued", "", None)
    assert close_by_force(call.pk) == "", "the second time there is nothing to close"


def test_a_tool_cannot_ask_for_more_time_than_claims_can_bear() -> None:
    with pytest.raises(ValueError, match="at most 5 seconds"):
        replace_deadline(9.0)


def replace_deadline(seconds: float) -> ToolSpec[Any]:
    return ToolSpec(
        name="slow",
        description="For tests",
        arguments=Nothing,
        effect=Effect.LOCAL,
        handler=prompt,
        label=lambda _: "For tests",
        deadline_seconds=seconds,
    )
