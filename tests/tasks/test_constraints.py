"""Every sentence with “only”, “never” and “at most one” is a named constraint; each is broken here once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.db.models import CheckConstraint
from django.utils import timezone

from agentdesk.api.models import StartRequest
from agentdesk.events.models import Event, Kind
from approvals.models import Approval, Decision, PolicyVersion
from tasks.models import Task, Ticket, ToDo, Turn, Usage
from tests.factories import (
    ApprovalFactory,
    AttemptFactory,
    ChargeFactory,
    DecisionFactory,
    OrderFactory,
    OrderLineFactory,
    OutgoingMessageFactory,
    RefundFactory,
    TaskFactory,
    TicketFactory,
    ToDoFactory,
    ToolCallFactory,
    TurnFactory,
    UserFactory,
    policy_in_force,
    support_version,
)
from tools.messages.models import OutgoingMessage
from tools.models import Attempt, ToolCall
from tools.store.models import Charge, Order, OrderLine, Refund

pytestmark = pytest.mark.django_db

OURS = {"agentdesk", "tasks", "tools", "approvals"}


def event(**fields: Any) -> Event:
    return Event.objects.create(kind=Kind.TASK_DONE, at=timezone.now(), **fields)


def start_request(user: User) -> None:
    StartRequest.objects.create(user=user, key="k", body_hash="x", task=TaskFactory())


def twice(make: Callable[[], object]) -> None:
    make()
    make()


def retried_twice() -> None:
    origin = TaskFactory()
    twice(lambda: TaskFactory(origin=origin, origin_kind="retry"))


def same_event() -> None:
    task = TaskFactory()
    twice(lambda: event(task=task, number=1))


def same_call() -> None:
    turn = TurnFactory()
    ToolCallFactory(turn=turn, call_id="a")
    ToolCallFactory(turn=TurnFactory(task=turn.task), call_id="a")


def same_position() -> None:
    turn = TurnFactory()
    twice(lambda: ToolCallFactory(turn=turn, position=1))


def same_turn() -> None:
    task = TaskFactory(status="running")
    twice(lambda: TurnFactory(task=task, number=1))


def same_todo() -> None:
    task = TaskFactory()
    twice(lambda: ToDoFactory(task=task, position=1))


def same_decider() -> None:
    approval, user = ApprovalFactory(), UserFactory()
    twice(lambda: DecisionFactory(approval=approval, decided_by=user))


def same_call_asked() -> None:
    call = ToolCallFactory(status="asking")
    twice(lambda: ApprovalFactory(tool_call=call))


def same_attempt() -> None:
    call = ToolCallFactory(status="executing")
    twice(lambda: AttemptFactory(tool_call=call, number=1))


def same_version() -> None:
    version = support_version()
    version.pk = None
    version.save(force_insert=True)


def below_root(*, place: int, root: Task | None = None, depth: int = 1) -> None:
    root = root or TaskFactory()
    Task.objects.filter(pk=TaskFactory().pk).update(parent=root, root=root, depth=depth, place=place)


def same_place() -> None:
    root = TaskFactory()
    twice(lambda: below_root(place=1, root=root))


def same_usage() -> None:
    agent = support_version().agent
    twice(lambda: Usage.objects.create(agent=agent, day=now.date()))


def same_policy() -> None:
    version = policy_in_force()
    PolicyVersion.objects.create(policy=version.policy, number=version.number, rules={}, reason="x")


def set_to(model: type[Any], make: Callable[[], Any], **fields: Any) -> Callable[[], object]:
    return lambda: model.objects.filter(pk=make().pk).update(**fields)


now = timezone.now()
BREAK: dict[str, list[Callable[[], object]]] = {
    "ticket_once_per_source_and_external_id": [lambda: twice(lambda: TicketFactory(external_id="Z-1"))],
    "ticket_says_something": [
        set_to(Ticket, TicketFactory, subject=""),
        set_to(Ticket, TicketFactory, body=""),
    ],
    "task_status_known": [set_to(Task, TaskFactory, status="asleep")],
    "task_waits_for_something_named": [
        set_to(Task, lambda: TaskFactory(status="waiting"), waiting_for=""),
        set_to(Task, TaskFactory, waiting_for="approval"),
    ],
    "task_claimed_exactly_while_running": [
        set_to(Task, lambda: TaskFactory(status="running"), holder=""),
        set_to(Task, lambda: TaskFactory(status="running"), lease_until=None),
        set_to(Task, TaskFactory, holder="me"),
        set_to(Task, lambda: TaskFactory(status="done"), lease_until=now),
    ],
    "task_finished_at_when_terminal": [
        set_to(Task, lambda: TaskFactory(status="done"), finished_at=None),
        set_to(Task, TaskFactory, finished_at=now),
    ],
    "task_origin_has_a_kind": [
        set_to(Task, TaskFactory, origin_kind="retry"),
        lambda: Task.objects.filter(pk=TaskFactory().pk).update(origin=TaskFactory()),
    ],
    "task_origin_turn_exactly_for_forks": [
        lambda: TaskFactory(origin=TaskFactory(), origin_kind="fork"),
        lambda: TaskFactory(origin=TaskFactory(), origin_kind="fork", origin_turn=0),
        lambda: TaskFactory(origin=TaskFactory(), origin_kind="again", origin_turn=2),
    ],
    "task_retried_at_most_once": [retried_twice],
    "tool_call_copy_is_finished": [lambda: ToolCallFactory(copy_of=ToolCallFactory())],
    "task_depth_at_most_3": [
        set_to(Task, TaskFactory, depth=1),
        lambda: below_root(place=1, depth=0),
        lambda: below_root(place=1, depth=4),
    ],
    "task_at_most_20_below_a_root": [
        set_to(Task, TaskFactory, place=1),
        lambda: below_root(place=21),
        lambda: below_root(place=0),
    ],
    "task_place_once_per_root": [same_place],
    "usage_once_per_agent_and_day": [same_usage],
    "task_failure_explained": [set_to(Task, lambda: TaskFactory(status="failed"), failure="")],
    "todo_position_once_per_task": [same_todo],
    "todo_state_known": [set_to(ToDo, ToDoFactory, state="half")],
    "todo_position_1_to_50": [
        set_to(ToDo, ToDoFactory, position=0),
        set_to(ToDo, ToDoFactory, position=51),
    ],
    "turn_number_once_per_path": [same_turn],
    "event_number_once_per_task": [same_event],
    "event_number_from_one": [lambda: event(task=TaskFactory(), number=0)],
    "tool_call_id_once_per_task_and_path": [same_call],
    "tool_call_position_once_per_turn": [same_position],
    "tool_call_status_known": [set_to(ToolCall, ToolCallFactory, status="maybe")],
    "tool_call_finished_at_when_finished": [
        set_to(ToolCall, ToolCallFactory, finished_at=now),
        set_to(ToolCall, lambda: ToolCallFactory(status="refused"), finished_at=None),
    ],
    "tool_call_done_has_result": [set_to(ToolCall, lambda: ToolCallFactory(status="done"), result=None)],
    "tool_call_acts_on_parsed_arguments": [
        set_to(ToolCall, lambda status=status: ToolCallFactory(status=status), arguments_hash="")
        for status in ("asking", "allowed", "done")
    ],
    "tool_call_acts_outside_on_a_stored_request": [
        set_to(ToolCall, lambda: ToolCallFactory(status="executing"), request=None),
        set_to(ToolCall, lambda: ToolCallFactory(status="unknown"), started_at=None),
        set_to(ToolCall, lambda: ToolCallFactory(status="executing"), arguments_hash=""),
    ],
    "attempt_number_once_per_call": [same_attempt],
    "attempt_came_known": [set_to(Attempt, AttemptFactory, came="perhaps")],
    "approval_kind_known": [set_to(Approval, ApprovalFactory, kind="guess")],
    "approval_reconciliation_is_open_until_answered": [
        set_to(Approval, lambda: ApprovalFactory(kind="reconciliation"), expires_at=now),
        set_to(Approval, lambda: ApprovalFactory(kind="reconciliation"), status="expired", closed_at=now),
        set_to(Approval, ApprovalFactory, expires_at=None),
    ],
    "refund_state_known": [set_to(Refund, RefundFactory, state="perhaps")],
    "approval_status_known": [set_to(Approval, lambda: ApprovalFactory(status="approved"), status="perhaps")],
    "approval_one_open_per_subject": [lambda: twice(lambda: ApprovalFactory(subject="order:A-1"))],
    "approval_one_open_per_tool_call": [same_call_asked],
    "approval_closed_at_when_closed": [
        set_to(Approval, ApprovalFactory, closed_at=now),
        set_to(Approval, lambda: ApprovalFactory(status="expired"), closed_at=None),
    ],
    "approval_sign_off_has_amount_and_policy": [
        set_to(Approval, ApprovalFactory, amount_minor=None),
        set_to(Approval, ApprovalFactory, policy_version=None),
    ],
    "decision_once_per_person": [same_decider],
    "decision_no_without_reason": [
        set_to(Decision, lambda: DecisionFactory(verdict="reject"), reason=""),
        set_to(Decision, DecisionFactory, verdict="answer"),
    ],
    "policy_version_number_once": [same_policy],
    "order_refunded_never_above_captured": [set_to(Order, OrderFactory, refunded_minor=1)],
    "order_status_known": [set_to(Order, OrderFactory, status="lost")],
    "order_line_quantity_from_one": [set_to(OrderLine, OrderLineFactory, quantity=0)],
    "charge_amount_positive": [set_to(Charge, ChargeFactory, amount_minor=0)],
    "message_status_known": [set_to(OutgoingMessage, OutgoingMessageFactory, status="lost")],
    "refund_amount_positive": [set_to(Refund, RefundFactory, amount_minor=0)],
    "start_request_key_once_per_user": [
        lambda: twice(lambda user=UserFactory: start_request(one_user(user)))
    ],
}


def one_user(make: type[UserFactory]) -> User:
    return User.objects.filter(username="same").first() or make(username="same")


def named() -> dict[str, Any]:
    """Every constraint of our own models, by name."""
    return {
        constraint.name: (model, constraint)
        for model in apps.get_models()
        if model.__module__.split(".")[0] in OURS
        for constraint in model._meta.constraints
    }


def test_every_constraint_is_broken_in_this_file() -> None:
    assert set(named()) == set(BREAK) | ELSEWHERE


ELSEWHERE = {name for name in named() if name.startswith(("agent_", "brake_", "cap_"))}
"""Those of agents and their versions have their tests beside the agents', those of brakes and caps in tests/brakes."""


@pytest.mark.parametrize(("name", "act"), [(name, act) for name, acts in BREAK.items() for act in acts])
def test_the_database_itself_refuses_and_names_the_rule(name: str, act: Callable[[], object]) -> None:
    with pytest.raises(IntegrityError) as refused, transaction.atomic():
        act()
    message = str(refused.value)
    model, constraint = named()[name]
    if connection.vendor == "sqlite" and not isinstance(constraint, CheckConstraint) and name not in message:
        # SQLite names the columns of a unique index instead of the index, unless it has a condition
        table = model._meta.db_table
        columns = [model._meta.get_field(field).column for field in constraint.fields]
        assert ", ".join(f"{table}.{column}" for column in columns) in message
    else:  # a status nobody knows breaks two rules of a task; PostgreSQL names the first of the alphabet
        assert name in message or (name, "task_finished_at_when_terminal" in message) == (
            "task_status_known",
            True,
        )


def test_one_refund_per_tool_call_for_ever() -> None:
    call = ToolCallFactory(status="done")
    RefundFactory(tool_call=call)
    with pytest.raises(IntegrityError), transaction.atomic():
        RefundFactory(tool_call=call)


@pytest.mark.parametrize("model", [Turn, Event, ToolCall, Decision, Refund])
def test_history_holds_on_to_what_it_speaks_of(model: type[Any]) -> None:
    links = [field for field in model._meta.concrete_fields if field.is_relation]
    assert links
    assert {field.remote_field.on_delete.__name__ for field in links} == {"PROTECT"}
