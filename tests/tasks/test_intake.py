"""Where work comes in: what is accepted becomes one ticket with one queued task, what is refused leaves nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django_q.models import OrmQ

from agentdesk.core.errors import Invalid, Late
from agentdesk.events.models import Event, Kind
from agentdesk.roster.models import Agent
from tasks.intake import default_agent, find_agent, find_customer, goal_of, open_ticket, start_task
from tasks.models import Customer, Task, TaskStatus, Ticket, TicketSource
from tasks.models.task import MAX_GOAL
from tasks.models.ticket import MAX_BODY, MAX_SUBJECT
from tests.factories import AgentFactory, AgentVersionFactory, CustomerFactory, TaskFactory, support_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def mara() -> Customer:
    support_version()
    return CustomerFactory(number="C-1", name="Mara Lindqvist", email="mara@customers.example")


def ticket(customer: Customer, **changes: Any) -> Ticket:
    wanted: dict[str, Any] = {
        "subject": "Late parcel",
        "body": "Where is it?",
        "customer": customer,
        "source": TicketSource.FORM,
        "by": None,
    }
    return open_ticket(**{**wanted, **changes})


def nothing_is_stored() -> bool:
    return not any(model.objects.exists() for model in (Ticket, Task, Event, OrmQ))


def test_a_ticket_is_stored_with_its_queued_task_event_and_wake_up(mara: Customer, ada: Any) -> None:
    new = ticket(mara, subject=" Late \n parcel ", body="\r\nWhere\r\nis it?\n", by=ada)

    assert (new.subject, new.body, new.created_by) == ("Late parcel", "Where\nis it?", ada)
    task = new.tasks.get()
    assert (task.title, task.customer, task.requested_by) == ("Late parcel", mara, ada)
    assert (task.status, task.fence, task.last_event) == (TaskStatus.QUEUED, 0, 1)
    event = task.events.get()
    assert (event.kind, event.number, event.by) == (Kind.TASK_QUEUED, 1, ada)
    assert OrmQ.objects.count() == 1


def test_the_customers_words_stand_between_marks_in_the_goal(mara: Customer) -> None:
    new = ticket(mara, body="Refund everything.")
    goal = goal_of(new)
    assert goal == new.tasks.get().goal
    assert goal.startswith(f"Ticket {new.public_id}: Late parcel\nCustomer: C-1 (Mara Lindqvist, mara@")
    assert goal.endswith("\n---8<---\nRefund everything.\n---8<---")


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"subject": ""}, "subject", "The subject is empty"),
        ({"subject": " \n"}, "subject", "The subject is empty"),
        ({"subject": "x" * (MAX_SUBJECT + 1)}, "subject", "the limit is 200"),
        ({"subject": "a\x00b"}, "", "NUL"),
        ({"subject": "\ud83d"}, "", "broken character"),
        ({"body": "\t"}, "body", "The body is empty"),
        ({"body": "x" * (MAX_BODY + 1)}, "body", "the limit is 20,000"),
        ({"body": "x" * 1_000_000}, "body", "1,000,000 characters long"),
        ({"body": "a\x00b"}, "", "NUL"),
        ({"external_id": ""}, "external_id", "The external_id is empty"),
        ({"external_id": "x" * 121}, "external_id", "the limit is 120"),
        ({"external_id": "\x00"}, "", "NUL"),
    ],
)
def test_a_wrong_text_is_refused_by_its_field_and_nothing_is_stored(
    mara: Customer, changes: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        ticket(mara, **changes)
    assert words in refused.value.sentence
    assert list(refused.value.fields) == ([field] if field else [])
    assert nothing_is_stored()


def test_the_longest_texts_that_are_allowed_fit(mara: Customer) -> None:
    new = ticket(mara, subject="x" * MAX_SUBJECT, body="y" * MAX_BODY)
    assert len(new.tasks.get().goal) <= MAX_GOAL


def test_a_ticket_of_the_same_source_and_id_is_here_already(mara: Customer) -> None:
    ticket(mara, source=TicketSource.IMPORT, external_id="Z-1")
    with pytest.raises(Late, match="'Z-1' is here already") as late:
        ticket(mara, source=TicketSource.IMPORT, external_id=" Z-1 ")
    assert late.value.code == "duplicate"
    assert (Ticket.objects.count(), Task.objects.count()) == (1, 1)


def test_the_same_id_of_another_source_and_tickets_without_id_are_their_own(mara: Customer) -> None:
    for source in (TicketSource.IMPORT, TicketSource.API):
        ticket(mara, source=source, external_id="Z-1")
    ticket(mara)
    ticket(mara)
    assert Task.objects.count() == 4


def test_a_ticket_without_any_agent_is_refused_and_not_stored() -> None:
    customer = CustomerFactory()
    with pytest.raises(Invalid, match="no agent that takes tasks"):
        ticket(customer)
    assert nothing_is_stored()


def test_an_agent_that_is_switched_off_or_empty_takes_no_task(mara: Customer) -> None:
    off = AgentVersionFactory(agent=AgentFactory(name="off")).agent
    Agent.objects.filter(pk=off.pk).update(enabled=False)
    off.refresh_from_db()
    for agent in (off, AgentFactory(name="empty")):
        with pytest.raises(Invalid, match="takes no new tasks") as refused:
            ticket(mara, agent=agent)
        assert refused.value.fields == {"agent": "disabled"}
        with pytest.raises(Invalid, match=f"There is no agent '{agent.name}'"):
            find_agent(agent.name)
    assert nothing_is_stored()


def test_the_default_agent_is_support_and_else_any_that_is_there() -> None:
    AgentVersionFactory(agent=AgentFactory(name="billing"))
    assert default_agent().name == "billing"
    support_version()
    assert default_agent().name == "support"


def test_an_unknown_agent_is_refused_with_those_that_are_known(mara: Customer) -> None:
    with pytest.raises(Invalid, match="Agents that take tasks: support") as refused:
        find_agent("x" * 500)
    assert len(refused.value.sentence) < 200


@pytest.mark.parametrize(
    ("goal", "words"), [("", "empty"), ("x" * (MAX_GOAL + 1), "24,000"), ("\x00", "NUL")]
)
def test_a_goal_is_checked_too(mara: Customer, goal: str, words: str) -> None:
    with pytest.raises(Invalid, match=words):
        start_task(goal=goal)
    assert nothing_is_stored()


def test_a_task_without_title_is_called_by_its_goal(mara: Customer) -> None:
    earlier = TaskFactory(status=TaskStatus.DONE)
    task = start_task(goal="Find\n the parcel. " + "x" * 300, previous=earlier)
    assert task.title.startswith("Find the parcel. x")
    assert len(task.title) == 200
    assert task.previous == earlier


@pytest.mark.parametrize(
    "text", ["C-1", "c-1", " C-1 ", "mara@customers.example", "MARA@Customers.Example", "mara lindqvist"]
)
def test_a_customer_is_found_by_number_address_or_name(mara: Customer, text: str) -> None:
    CustomerFactory(number="C-11", name="Mara Lindqvist-Berg")
    assert find_customer(text) == mara


@pytest.mark.parametrize("text", ["", " ", "C-", "Mara", "C-1%", "' OR 1=1 --", "x" * 100_000, "C-1\u202e"])
def test_an_unknown_customer_is_refused_in_a_short_sentence(mara: Customer, text: str) -> None:
    with pytest.raises(Invalid, match="No customer is called") as refused:
        find_customer(text)
    assert refused.value.fields == {"customer": "unknown"}
    assert len(refused.value.sentence) < 300


def test_two_customers_of_one_name_are_told_apart_by_number(mara: Customer) -> None:
    CustomerFactory(number="C-2", name="Mara Lindqvist")
    with pytest.raises(Invalid, match=r"Several customers .*C-1, C-2.*Give the number") as refused:
        find_customer("Mara Lindqvist")
    assert refused.value.fields == {"customer": "ambiguous"}


def test_a_nul_in_a_customers_name_is_refused(mara: Customer) -> None:
    with pytest.raises(Invalid, match="NUL"):
        find_customer("C-1\x00")
