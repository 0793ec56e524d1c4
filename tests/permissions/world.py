"""One record of every kind, one person a role, and every address of the desk with the ids filled in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from agentdesk.api.models import StartRequest, Token
from agentdesk.brakes.models import Brake, Depth
from agentdesk.core.canonical import digest
from agentdesk.events.models import Signal
from agentdesk.roster.models import ModelPrice
from approvals.ask import pause
from approvals.models import Approval, ApprovalKind, Cap, Exemption
from tasks.intake import open_ticket
from tasks.models import Task, TaskStatus, TicketSource, Usage, WaitingFor
from tests.factories import (
    ApprovalFactory,
    AttemptFactory,
    DecisionFactory,
    DocumentFactory,
    OutgoingMessageFactory,
    RunbookFactory,
    TaskFactory,
    ToDoFactory,
    ToolCallFactory,
    TurnFactory,
    UserFactory,
    WorkerProcessFactory,
    order_with,
    person,
    policy_in_force,
    support_version,
)
from tools.models import CallStatus

ROLES = ("viewer", "agent", "lead", "finance", "auditor", "admin")
PEOPLE = ("anonymous", *ROLES, "superuser", "inactive")

PRICE = {"input_micros": 1_750_000, "cached_input_micros": 175_000, "output_micros": 14_000_000}
IGNORED = {"sessions.session", "contenttypes.contenttype", "migrations.migration"}
"""What a login itself writes, and what belongs to Django."""


@dataclass
class World:
    approval: Approval
    clients: dict[str, Client]
    ids: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Address name → what its placeholders are filled with."""


def routes() -> Iterator[tuple[str, str]]:
    """Every address of the resolver: its name (or its route where it has none), and its route."""
    yield from _walk(get_resolver(), "", "")


def _walk(resolver: URLResolver, route: str, namespace: str) -> Iterator[tuple[str, str]]:
    for pattern in resolver.url_patterns:
        here = route + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _walk(pattern, here, inner)
        else:
            assert isinstance(pattern, URLPattern)
            yield (f"{namespace}{pattern.name}" if pattern.name else here), here


def waiting_refund(**task: Any) -> Approval:
    """A task that waits for the sign-off of a refund of 29.00, by the product's own way."""
    policy_in_force()
    order = order_with(charges=(2900, 2900))
    holder = TaskFactory(status=TaskStatus.RUNNING, customer=order.customer, **task)
    arguments = {
        "order": order.number,
        "charge": "",
        "amount_minor": 2900,
        "currency": "USD",
        "reason": "Charged twice.",
    }
    call = ToolCallFactory(given_task=holder, arguments=arguments, arguments_hash=digest(arguments))
    pause(holder, [call])
    return Approval.objects.open().get(task=holder)


def build() -> World:
    support_version()
    approval = waiting_refund()
    task, order = approval.task, approval.tool_call.task.customer.orders.get()
    clients = {name: Client() for name in PEOPLE}
    users = {name: person(name, name) for name in ROLES}
    users["superuser"] = UserFactory(username="superuser", is_staff=True, is_superuser=True)
    users["inactive"] = UserFactory(username="inactive", role="lead", groups=["lead"], is_active=False)
    for name, user in users.items():
        clients[name].force_login(user)
    in_doubt = ApprovalFactory(
        kind=ApprovalKind.RECONCILIATION,
        subject="order:in-doubt",
        tool_call=ToolCallFactory(
            given_task=TaskFactory(status=TaskStatus.WAITING, waiting_for=WaitingFor.RECONCILIATION),
            status=CallStatus.UNKNOWN,
        ),
    )
    other = UserFactory(username="somebody")
    ticket = open_ticket(
        subject="Late parcel", body="Where is it?", customer=task.customer, source=TicketSource.FORM, by=other
    )
    rows: list[Model] = [
        task.events.first(),
        Signal.objects.create(groups="tasks", payload={}, at=task.created_at),
        task.agent_version,
        task.agent_version.agent,
        ModelPrice.objects.get_or_create(model="gpt-5.2", defaults=PRICE)[0],
        Usage.objects.create(agent=task.agent_version.agent, day=task.created_at.date()),
        WorkerProcessFactory(seen_at=timezone.now() + timedelta(hours=1)),  # alive while the tests last
        task.customer,
        ticket,
        task,
        ToDoFactory(task=task),
        approval.tool_call.turn,
        approval.tool_call,
        AttemptFactory(tool_call=in_doubt.tool_call),
        order,
        order.lines.get(),
        order.charges.first(),
        order_with(charges=(5000,), refunds=(500,)).refunds.get(),
        RunbookFactory(),
        DocumentFactory(),
        OutgoingMessageFactory(),
        approval,
        DecisionFactory(approval__status="approved"),
        approval.policy_version,
        approval.policy_version.policy,
        other,
        Group.objects.create(name="empty"),
        LogEntry.objects.create(user=other, action_flag=CHANGE, object_repr="x", change_message="x"),
        StartRequest.objects.create(user=other, key="x", body_hash="x", task=task),
        (cap := Cap.objects.select_related("current").order_by("pk")[0]),
        cap.current,
        Exemption.objects.create(
            cap=cap,
            cap_version=cap.current,
            tool_call=approval.tool_call,
            amount_minor=2900,
            currency="USD",
            by=other,
            reason="Agreed.",
            at=task.created_at,
        ),
        Brake.objects.create(
            depth=Depth.EFFECTS,
            tool="notify_user",
            reason="A wrong text.",
            pulled_by=other,
            pulled_at=task.created_at,
        ),
        Token.objects.create(user=other, name="x", digest="0" * 64),
    ]
    # nothing is left for a worker, or /readyz would complain after a minute of tests
    Task.objects.exclude(pk=task.pk).update(
        status=TaskStatus.DONE, waiting_for="", holder="", lease_until=None, finished_at=task.created_at
    )
    ended = TurnFactory(task=TaskFactory(status=TaskStatus.FAILED)).task
    by_label = {row._meta.label_lower: row for row in rows}
    ids = _ids(by_label, ticket.public_id, ended.public_id)
    ids["desk:ask_outside"] = {"public_id": in_doubt.public_id}
    return World(approval=approval, clients=clients, ids=ids)


def _ids(rows: dict[str, Any], ticket_id: str, ended_id: str) -> dict[str, dict[str, Any]]:
    task, approval = rows["tasks.task"], rows["approvals.approval"]
    ids: dict[str, dict[str, Any]] = {
        "desk:approval": {"public_id": approval.public_id},
        "desk:decide": {"public_id": approval.public_id},
        "desk:brake_release": {"public_id": rows["brakes.brake"].public_id},
        "desk:task_cap": {"public_id": task.public_id},
        "desk:ticket": {"public_id": ticket_id},
        "desk:task": {"public_id": task.public_id},
        "desk:task_cancel": {"public_id": task.public_id},
        "desk:try_again": {"public_id": task.public_id},
        "desk:extend_limit": {"public_id": task.public_id},
        "desk:task_retry": {"public_id": ended_id},
        "desk:task_again": {"public_id": ended_id},
        "desk:task_fork": {"public_id": ended_id, "turn": 1},
        "api:task_retry": {"task_id": ended_id},
        "api:task_again": {"task_id": ended_id},
        "api:task_fork": {"task_id": ended_id},
        "api:task": {"task_id": task.public_id},
        "api:task_cancel": {"task_id": task.public_id},
        "api:task_events": {"task_id": task.public_id},
        "admin:app_list": {"app_label": "tasks"},
        "admin:view_on_site": {
            "content_type_id": ContentType.objects.get(app_label="tasks", model="task").pk,
            "object_id": task.pk,
        },
        "admin:approvals_approval_decide": {"pk": approval.pk},
        "admin:api_token_revoke": {"token_id": rows["api.token"].pk},
        "admin:auth_user_password_change": {"id": rows["auth.user"].pk},
    }
    for label, row in rows.items():
        stem = f"admin:{label.replace('.', '_')}"
        for page in ("history", "delete", "change"):
            ids[f"{stem}_{page}"] = {"object_id": row.pk}
        ids[f"admin/{label.replace('.', '/')}/<path:object_id>/"] = {"object_id": row.pk}
    return ids


def contents() -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every model, but for what a login writes."""
    found: dict[str, list[tuple[Any, ...]]] = {}
    for model in apps.get_models():
        label = model._meta.label_lower
        if label in IGNORED:
            continue
        columns = [field.attname for field in model._meta.concrete_fields if field.attname != "last_login"]
        found[label] = sorted(model._base_manager.values_list(*columns), key=repr)
    return found
