"""Rows for tests: every factory makes a row that satisfies the database's constraints, whatever the status.

`TaskFactory(status="waiting")`, `ToolCallFactory(status="done")`, `ApprovalFactory(status="rejected")` fill what that
status needs; `order_with(charges=[2900, 2900])` makes an order whose totals are true.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from datetime import date, datetime, timedelta
from importlib import import_module
from typing import Any

import factory
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.utils import timezone
from factory.django import DjangoModelFactory

from agentdesk.core.canonical import digest
from agentdesk.core.version import version
from agentdesk.roster.models import Agent, AgentVersion, Source
from approvals.models import (
    Approval,
    ApprovalKind,
    ApprovalStatus,
    Cap,
    CapVersion,
    Decision,
    Policy,
    PolicyVersion,
    Verdict,
)
from tasks.models import (
    TERMINAL,
    Customer,
    Task,
    TaskStatus,
    Ticket,
    TicketSource,
    ToDo,
    Turn,
    WaitingFor,
    WorkerProcess,
)
from tools.library.models import Category, Document, Runbook
from tools.messages.models import OutgoingMessage
from tools.models import FINISHED, OUTSIDE, Attempt, AttemptKind, CallStatus, Came, Effect, ToolCall
from tools.registry import all_tools
from tools.store.models import Charge, Order, OrderLine, OrderStatus, Refund

PASSWORD = "agentdesk-tests"

ROLES = import_module("approvals.migrations.0002_roles")
RECONCILING_ROLE = import_module("approvals.migrations.0005_reconciling_role")
LIMIT_RIGHTS = import_module("approvals.migrations.0006_limit_rights")
WORKER_RIGHTS = import_module("approvals.migrations.0009_worker_rights")
FIRST_POLICY = import_module("approvals.migrations.0003_first_policy")
FIRST_CAPS = import_module("approvals.migrations.0008_first_caps")
BRAKE_RIGHTS = import_module("agentdesk.brakes.migrations.0002_who_pulls_and_releases")
STAFF_ROLES = {"agent", "lead", "finance", "auditor", "admin"}


def what_migrations_made() -> None:
    """The roles and the first policy, again, after a test that emptied the database."""
    if not Group.objects.exists():
        ROLES.make_roles(apps, None)
        BRAKE_RIGHTS.give_rights(apps, None)
        FIRST_CAPS.give_rights(apps, None)
        RECONCILING_ROLE.give_rights(apps, None)
        LIMIT_RIGHTS.give_rights(apps, None)
        WORKER_RIGHTS.give_rights(apps, None)
    if not Policy.objects.exists():
        FIRST_POLICY.publish(apps, None)
    if not Cap.objects.exists():
        FIRST_CAPS.set_caps(apps, None)


def role(name: str) -> Group:
    what_migrations_made()
    return Group.objects.get(name=name)


class UserFactory(DjangoModelFactory):
    """`UserFactory(role="lead")` is in that group and staff as the role says; the password is PASSWORD."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        role = ""

    username = factory.Sequence(lambda n: f"person{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@desk.example")
    is_staff = factory.LazyAttribute(lambda user: user.role in STAFF_ROLES)
    password = factory.django.Password(PASSWORD)

    @factory.post_generation
    def groups(self, create: bool, extracted: Sequence[str] | None, **_: Any) -> None:
        if create and extracted:
            self.groups.set(role(name) for name in extracted)


def person(username: str, role_name: str) -> User:
    return UserFactory(username=username, role=role_name, groups=[role_name])


class CustomerFactory(DjangoModelFactory):
    class Meta:
        model = Customer

    number = factory.Sequence(lambda n: f"C-{7001 + n}")
    name = factory.Sequence(lambda n: f"Customer Number {n}")
    email = factory.LazyAttribute(lambda customer: f"{customer.number.lower()}@customers.example")
    tier = "standard"
    since = date(2023, 3, 1)


class TicketFactory(DjangoModelFactory):
    class Meta:
        model = Ticket

    source = TicketSource.FORM
    subject = "I was charged twice for my monthly subscription"
    body = "There are two identical charges on my card. Please give one back."
    customer = factory.SubFactory(CustomerFactory)


class AgentFactory(DjangoModelFactory):
    class Meta:
        model = Agent
        django_get_or_create = ["name"]

    name = "support"
    title = "Support agent"


class AgentVersionFactory(DjangoModelFactory):
    """The agent's next version, put in force."""

    class Meta:
        model = AgentVersion

    agent = factory.SubFactory(AgentFactory)
    number = factory.LazyAttribute(lambda version: version.agent.versions.count() + 1)
    instructions = "Resolve the ticket."
    model = "offline"
    tools = factory.LazyFunction(lambda: sorted(all_tools()))
    source = Source.SHIPPED
    reason = "For tests"

    @classmethod
    def _create(cls, model_class: type[AgentVersion], *args: Any, **kwargs: Any) -> AgentVersion:
        version: AgentVersion = super()._create(model_class, *args, **kwargs)
        Agent.objects.filter(pk=version.agent.pk).update(current=version)
        version.agent.refresh_from_db()
        return version


def support_version() -> AgentVersion:
    """The version in force of the agent "support", made when there is none."""
    agent = Agent.objects.select_related("current").filter(name="support", current__isnull=False).first()
    return agent.current if agent is not None and agent.current is not None else AgentVersionFactory()


class TaskFactory(DjangoModelFactory):
    class Meta:
        model = Task

    customer = factory.SubFactory(CustomerFactory)
    ticket = None
    title = "Charged twice"
    goal = "Resolve the ticket: charged twice."
    agent_version = factory.LazyFunction(support_version)
    requested_by = None
    status = TaskStatus.QUEUED
    queued_at = factory.LazyFunction(timezone.now)
    waiting_for = factory.LazyAttribute(
        lambda task: WaitingFor.APPROVAL if task.status == TaskStatus.WAITING else WaitingFor.NOTHING
    )
    holder = factory.LazyAttribute(lambda task: "worker-1" if task.status == TaskStatus.RUNNING else "")
    lease_until = factory.LazyAttribute(
        lambda task: timezone.now() + timedelta(seconds=15) if task.status == TaskStatus.RUNNING else None
    )
    fence = factory.LazyAttribute(lambda task: int(task.status != TaskStatus.QUEUED))
    started_at = factory.LazyAttribute(
        lambda task: None if task.status == TaskStatus.QUEUED else timezone.now()
    )
    finished_at = factory.LazyAttribute(lambda task: timezone.now() if task.status in TERMINAL else None)
    failure = factory.LazyAttribute(
        lambda task: "The model was away." if task.status == TaskStatus.FAILED else ""
    )
    result = factory.LazyAttribute(lambda task: "Refunded." if task.status == TaskStatus.DONE else "")
    parent = None
    depth = factory.LazyAttribute(lambda task: task.parent.depth + 1 if task.parent else 0)
    root = factory.LazyAttribute(lambda task: (task.parent.root or task.parent) if task.parent else None)
    place = factory.LazyAttribute(lambda task: task.root.tree.count() + 1 if task.root else None)

    class Params:
        of_ticket = factory.Trait(
            ticket=factory.SubFactory(TicketFactory),
            customer=factory.LazyAttribute(lambda task: task.ticket.customer),
            title=factory.LazyAttribute(lambda task: task.ticket.subject),
        )


class ToDoFactory(DjangoModelFactory):
    class Meta:
        model = ToDo

    task = factory.SubFactory(TaskFactory)
    position = factory.LazyAttribute(lambda todo: todo.task.todos.count() + 1)
    text = "Look up the customer"


class TurnFactory(DjangoModelFactory):
    class Meta:
        model = Turn

    task = factory.SubFactory(TaskFactory, status=TaskStatus.RUNNING)
    number = factory.LazyAttribute(lambda turn: turn.task.turns.filter(path=turn.path).count() + 1)
    path = ""
    agent_name = "support"
    model_name = "offline"
    items = factory.LazyFunction(list)
    fence = 1
    recorded_at = factory.LazyFunction(timezone.now)


class ToolCallFactory(DjangoModelFactory):
    """A call with parsed arguments; its result is `{}` when done."""

    class Meta:
        model = ToolCall

    class Params:
        given_task = None

    turn = factory.LazyAttribute(
        lambda call: TurnFactory(task=call.given_task) if call.given_task is not None else TurnFactory()
    )
    task = factory.LazyAttribute(lambda call: call.turn.task)
    call_id = factory.Sequence(lambda n: f"call_{n}")
    position = factory.LazyAttribute(lambda call: call.turn.tool_calls.count() + 1)
    tool = "issue_refund"
    arguments = factory.LazyFunction(
        lambda: {
            "order": "A-7001",
            "charge": "",
            "amount_minor": 2900,
            "currency": "USD",
            "reason": "Charged twice.",
        }
    )
    raw_arguments = "{}"
    arguments_hash = factory.LazyAttribute(lambda call: digest(call.arguments))
    effect = Effect.LOCAL
    status = CallStatus.PROPOSED
    result = factory.LazyAttribute(lambda call: {} if call.status == CallStatus.DONE else None)
    proposed_at = factory.LazyFunction(timezone.now)
    request = factory.LazyAttribute(lambda call: {} if call.status in OUTSIDE else None)
    started_at = factory.LazyAttribute(lambda call: timezone.now() if call.status in OUTSIDE else None)
    finished_at = factory.LazyAttribute(lambda call: timezone.now() if call.status in FINISHED else None)


class AttemptFactory(DjangoModelFactory):
    class Meta:
        model = Attempt

    tool_call = factory.SubFactory(ToolCallFactory, status=CallStatus.EXECUTING)
    number = factory.LazyAttribute(lambda attempt: attempt.tool_call.attempts.count() + 1)
    kind = AttemptKind.ACT
    came = Came.UNCLEAR
    words = "No answer within 25 seconds."
    at = factory.LazyFunction(timezone.now)


class OrderFactory(DjangoModelFactory):
    """Without charges; `order_with` adds them and keeps the totals true."""

    class Meta:
        model = Order

    number = factory.Sequence(lambda n: f"A-{7001 + n}")
    customer = factory.SubFactory(CustomerFactory)
    status = OrderStatus.DELIVERED
    currency = "USD"
    placed_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=10))


class OrderLineFactory(DjangoModelFactory):
    class Meta:
        model = OrderLine

    order = factory.SubFactory(OrderFactory)
    sku = "MUG-01"
    title = "Stoneware mug"
    quantity = 1
    unit_price_minor = 2900


class ChargeFactory(DjangoModelFactory):
    class Meta:
        model = Charge

    number = factory.Sequence(lambda n: f"CH-{7001 + n}")
    order = factory.SubFactory(OrderFactory)
    amount_minor = 2900
    captured_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=10))
    description = "AgentDesk Store"


class RefundFactory(DjangoModelFactory):
    class Meta:
        model = Refund

    number = factory.Sequence(lambda n: f"RF-{7001 + n}")
    order = factory.SubFactory(OrderFactory)
    amount_minor = 500
    reason = "Goodwill"
    refunded_at = factory.LazyFunction(lambda: timezone.now() - timedelta(days=5))


def order_with(
    *, charges: Sequence[int] = (2900,), refunds: Sequence[int] = (), days_apart: int = 1, **fields: Any
) -> Order:
    """An order with one line, charges of these minor units `days_apart` from each other, and earlier refunds."""
    order: Order = OrderFactory(captured_minor=sum(charges), refunded_minor=sum(refunds), **fields)
    OrderLineFactory(order=order, unit_price_minor=charges[0] if charges else 2900)
    for index, amount_minor in enumerate(charges):
        captured_at: datetime = order.placed_at + timedelta(days=index * days_apart)
        ChargeFactory(order=order, amount_minor=amount_minor, captured_at=captured_at)
    for amount_minor in refunds:
        RefundFactory(order=order, amount_minor=amount_minor)
    return order


class RunbookFactory(DjangoModelFactory):
    class Meta:
        model = Runbook
        django_get_or_create = ["category"]

    category = Category.DUPLICATE_CHARGE
    title = "Duplicate charge"
    body = "1. Refund the later identical charge in full."


class DocumentFactory(DjangoModelFactory):
    class Meta:
        model = Document

    tool_call = factory.SubFactory(ToolCallFactory, tool="write_document", status=CallStatus.DONE)
    task = factory.LazyAttribute(lambda document: document.tool_call.task)
    title = "Duplicate charge on A-7001"
    body = "Refunded the later charge, clause 1."
    written_at = factory.LazyFunction(timezone.now)


class OutgoingMessageFactory(DjangoModelFactory):
    class Meta:
        model = OutgoingMessage

    tool_call = factory.SubFactory(ToolCallFactory, tool="notify_user", status=CallStatus.DONE)
    task = factory.LazyAttribute(lambda message: message.tool_call.task)
    customer = factory.LazyAttribute(lambda message: message.task.customer)
    to = factory.LazyAttribute(lambda message: message.customer.email)
    subject = "Your refund"
    body = "We have refunded the second charge."
    written_at = factory.LazyFunction(timezone.now)


LEAD_BAND, FINANCE_BAND, TWO_PEOPLE_BAND = FIRST_POLICY.BANDS


class PolicyVersionFactory(DjangoModelFactory):
    """The desk's next policy, put in force: up to 250.00 a lead, up to 1,000.00 finance, above two people."""

    class Meta:
        model = PolicyVersion

    policy = factory.LazyFunction(lambda: Policy.objects.get_or_create(name="desk")[0])
    number = factory.LazyAttribute(lambda version: version.policy.versions.count() + 1)
    rules = factory.LazyFunction(lambda: deepcopy(FIRST_POLICY.RULES))
    reason = "For tests"

    @classmethod
    def _create(cls, model_class: type[PolicyVersion], *args: Any, **kwargs: Any) -> PolicyVersion:
        version: PolicyVersion = super()._create(model_class, *args, **kwargs)
        Policy.objects.filter(pk=version.policy.pk).update(current=version)
        return version


def policy_in_force() -> PolicyVersion:
    policy = Policy.objects.select_related("current").filter(name="desk", current__isnull=False).first()
    return policy.current if policy is not None and policy.current is not None else PolicyVersionFactory()


class ApprovalFactory(DjangoModelFactory):
    """A sign-off of 29.00 USD; `kind="question"` has no amount, `kind="reconciliation"` no end. Its call and task wait for it while it is open."""

    class Meta:
        model = Approval

    kind = ApprovalKind.SIGN_OFF
    status = ApprovalStatus.OPEN
    tool_call = factory.LazyAttribute(
        lambda approval: ToolCallFactory(
            given_task=TaskFactory(
                status=TaskStatus.WAITING if approval.status == ApprovalStatus.OPEN else TaskStatus.RUNNING
            ),
            status=CallStatus.ASKING if approval.status == ApprovalStatus.OPEN else CallStatus.ALLOWED,
        )
    )
    task = factory.LazyAttribute(lambda approval: approval.tool_call.task)
    title = "Refund $29.00"
    subject = factory.Sequence(lambda n: f"order:A-{7001 + n}")
    amount_minor = factory.LazyAttribute(
        lambda approval: 2900 if approval.kind == ApprovalKind.SIGN_OFF else None
    )
    currency = factory.LazyAttribute(lambda approval: "USD" if approval.kind == ApprovalKind.SIGN_OFF else "")
    policy_version = factory.LazyAttribute(
        lambda approval: policy_in_force() if approval.kind == ApprovalKind.SIGN_OFF else None
    )
    rule = "Refunds"
    why = "Refunds, up to $250.00: one signature by lead or finance."
    band = factory.LazyFunction(lambda: dict(LEAD_BAND))
    facts = factory.LazyFunction(dict)
    seen_hash = factory.LazyAttribute(lambda approval: digest({"call": approval.tool_call.key}))
    opened_at = factory.LazyFunction(timezone.now)
    expires_at = factory.LazyAttribute(
        lambda approval: (
            None if approval.kind == ApprovalKind.RECONCILIATION else approval.opened_at + timedelta(hours=72)
        )
    )
    closed_at = factory.LazyAttribute(
        lambda approval: None if approval.status == ApprovalStatus.OPEN else timezone.now()
    )


class DecisionFactory(DjangoModelFactory):
    class Meta:
        model = Decision

    approval = factory.SubFactory(ApprovalFactory)
    decided_by = factory.LazyFunction(lambda: UserFactory(role="lead", groups=["lead"]))
    verdict = Verdict.APPROVE
    reason = factory.LazyAttribute(
        lambda decision: "" if decision.verdict == Verdict.APPROVE else "Not under clause 2."
    )
    seen = factory.LazyAttribute(lambda decision: decision.approval.seen_hash)
    groups = factory.LazyFunction(lambda: ["lead"])
    decided_at = factory.LazyFunction(timezone.now)


def only_cap(name: str = "The cap", **says: Any) -> Cap:
    """The one cap that holds anything: at most one refund of an order, ever, but for what `says` changes."""
    what_migrations_made()
    CapVersion.objects.update(in_force=False)
    cap = Cap.objects.create(name=name)
    given = {"per": "order", "max_count": 1, "reason": "For tests", **says}
    Cap.objects.filter(pk=cap.pk).update(current=CapVersion.objects.create(cap=cap, number=1, **given))
    cap.refresh_from_db()
    return cap


def generous_caps() -> None:
    """The desk's caps are checked and never reached: for tests that refund by the hundred."""
    what_migrations_made()
    CapVersion.objects.update(max_count=10**9)
    CapVersion.objects.exclude(max_sum_minor=None).update(max_sum_minor=10**15)


def used_refund(order: Order, *, amount_minor: int = 2900, hours_ago: float = 0, **fields: Any) -> ToolCall:
    """A refund call that happened (or may have) `hours_ago`, as caps count it."""
    at = timezone.now() - timedelta(hours=hours_ago)
    given = {"status": CallStatus.DONE, "finished_at": at, **fields}
    if given["status"] not in FINISHED:
        given |= {"finished_at": None, "started_at": at}
    return ToolCallFactory(
        amount_minor=amount_minor,
        currency=order.currency,
        subject=f"order:{order.number}",
        customer=order.customer,
        **given,
    )


class WorkerProcessFactory(DjangoModelFactory):
    """A worker that has just shown life."""

    class Meta:
        model = WorkerProcess

    name = factory.Sequence(lambda n: f"host:{4000 + n}:abcd")
    host = "host"
    pid = factory.Sequence(lambda n: 4000 + n)
    version = factory.LazyFunction(version)
    started_at = factory.LazyFunction(timezone.now)
    seen_at = factory.LazyFunction(timezone.now)
    capacity = 50
