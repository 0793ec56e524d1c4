"""Where work comes in: a ticket becomes a queued task, in one transaction with its wake-up."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from agentdesk.core.errors import Invalid, Late
from agentdesk.core.text import checked, refuse_unstorable, shortened
from agentdesk.events.models import Kind
from agentdesk.events.record import Fact, record
from agentdesk.roster.models import Agent
from tasks import crew, queue
from tasks.models import Customer, Task, Ticket, TicketSource
from tasks.models.task import MAX_GOAL
from tasks.models.ticket import MAX_BODY, MAX_SUBJECT

DEFAULT_AGENT = "support"


def open_ticket(
    *,
    subject: str,
    body: str,
    customer: Customer,
    source: TicketSource,
    by: User | None,
    external_id: str | None = None,
    agent: Agent | None = None,
) -> Ticket:
    """Store a ticket and give it to an agent.

    Raises Invalid when a text is empty, too long or cannot be stored, and Late with the code `duplicate` when a
    ticket of this source and external id is here already.
    """
    subject = " ".join(checked(subject, field="subject", max_length=MAX_SUBJECT).split())
    body = checked(body, field="body", max_length=MAX_BODY)
    if external_id is not None:
        external_id = checked(external_id, field="external_id", max_length=120)
    chosen = agent or default_agent()
    try:
        with transaction.atomic():
            ticket = Ticket.objects.create(
                source=source,
                external_id=external_id,
                subject=subject,
                body=body,
                customer=customer,
                created_by=by,
            )
            start_task(
                goal=goal_of(ticket), title=subject, customer=customer, ticket=ticket, agent=chosen, by=by
            )
    except IntegrityError:
        if external_id and Ticket.objects.filter(source=source, external_id=external_id).exists():
            raise Late(
                f"The ticket {external_id!r} is here already; nothing was added.", code="duplicate"
            ) from None
        raise
    return ticket


def start_task(
    *,
    goal: str,
    title: str = "",
    customer: Customer | None = None,
    ticket: Ticket | None = None,
    agent: Agent | None = None,
    by: User | None = None,
    previous: Task | None = None,
    parent: Task | None = None,
    **below: Any,
) -> Task:
    """Queue one goal for one agent. Raises Invalid when the goal is unusable or the agent takes no tasks.

    For a task that another one starts, `tasks.delegation` says `parent` and the fields that follow from it in `below`.
    """
    goal = checked(goal, field="goal", max_length=MAX_GOAL)
    chosen = agent or default_agent()
    if not chosen.enabled or chosen.current is None:
        raise Invalid(
            f"The agent {chosen.name!r} takes no new tasks. Choose another one.", fields={"agent": "disabled"}
        )
    with transaction.atomic():
        task = Task.objects.create(
            goal=goal,
            title=shortened(" ".join((title or goal).split()), 200),
            customer=customer,
            ticket=ticket,
            agent_version=chosen.current,
            requested_by=by,
            previous=previous,
            parent=parent,
            crew=crew.gather(chosen.current),
            queued_at=timezone.now(),
            **below,
        )
        who = by if parent is None else None  # an agent did it, on behalf of the same person
        record(task, Fact(Kind.TASK_QUEUED, {"agent": chosen.name, "version": chosen.current.number}, by=who))
        queue.wake()
    return task


def goal_of(ticket: Ticket) -> str:
    """What an agent is given for a ticket; the customer's words stand between marks, as data."""
    customer = ticket.customer
    return (
        f"Ticket {ticket.public_id}: {ticket.subject}\n"
        f"Customer: {customer.number} ({customer.name}, {customer.email})\n\n"
        f"---8<---\n{ticket.body}\n---8<---"
    )


def default_agent() -> Agent:
    """Raises Invalid when there is no agent to give tasks to."""
    agent = Agent.objects.startable().filter(name=DEFAULT_AGENT).first() or Agent.objects.startable().first()
    if agent is None:
        raise Invalid(
            "There is no agent that takes tasks. Run `manage.py sync_agents`, or enable one in the admin."
        )
    return agent


def find_agent(name: str) -> Agent:
    """Raises Invalid when no enabled agent has this name."""
    agent = Agent.objects.startable().filter(name=name).first()
    if agent is None:
        known = ", ".join(Agent.objects.startable().values_list("name", flat=True)) or "none"
        raise Invalid(
            f"There is no agent {shortened(name, 60)!r}. Agents that take tasks: {known}.",
            fields={"agent": "unknown"},
        )
    return agent


def find_customer(text: str) -> Customer:
    """By number, e-mail address or full name. Raises Invalid when nobody or more than one person fits."""
    refuse_unstorable(text)
    found = list(Customer.objects.named(text)[:4])
    if len(found) == 1:
        return found[0]
    if not found:
        raise Invalid(
            f"No customer is called {shortened(text.strip(), 80)!r}. Give a customer number, e-mail address or full name.",
            fields={"customer": "unknown"},
        )
    numbers = ", ".join(customer.number for customer in found)
    raise Invalid(
        f"Several customers are called {text.strip()!r} ({numbers}). Give the number.",
        fields={"customer": "ambiguous"},
    )
