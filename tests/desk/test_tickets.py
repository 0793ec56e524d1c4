"""The ticket pages: the list, one ticket, and typing in a new one."""

from __future__ import annotations

import pytest

from tasks.models import Task, TaskStatus, Ticket
from tests.factories import CustomerFactory, TaskFactory, TicketFactory, order_with, support_version


def form(**changes: str) -> dict[str, str]:
    return {"customer": "C-1", "subject": "Charged twice", "body": "Two charges of $29.00.", **changes}


@pytest.fixture
def mara(db):
    support_version()
    return CustomerFactory(number="C-1", name="Mara Lindqvist", email="mara@customers.example")


def test_an_empty_list_explains_where_tickets_come_from(as_, vera):
    assert "No ticket has come in yet." in as_(vera).get("/tickets/").content.decode()


def test_the_list_is_filtered_by_words_and_by_the_newest_tasks_status(as_, vera, mara):
    parcel, lamp = TicketFactory(subject="Late parcel", customer=mara), TicketFactory(subject="Broken lamp")
    TaskFactory(ticket=parcel, status=TaskStatus.FAILED)
    TaskFactory(ticket=parcel, status=TaskStatus.DONE)
    TaskFactory(ticket=lamp)
    browser = as_(vera)
    subjects = {
        "q=lamp": ["Broken lamp"],
        "q=mara@customers.example": ["Late parcel"],
        f"q={lamp.public_id}": ["Broken lamp"],
        "status=done": ["Late parcel"],
        "status=failed": [],
        "status=live": ["Broken lamp"],
    }
    for query, expected in subjects.items():
        shown = browser.get(f"/tickets/?{query}").context["page"].object_list
        assert [ticket.subject for ticket in shown] == expected, query


def test_a_ticket_shows_the_customer_the_orders_and_what_agents_do(as_, vera, mara):
    order_with(number="A-77", customer=mara, charges=[2900], refunds=[500])
    ticket = TicketFactory(customer=mara)
    TaskFactory(ticket=ticket, status=TaskStatus.DONE, result="It was refunded.")
    page = as_(vera).get(ticket.get_absolute_url()).content.decode()
    for words in (
        "Mara Lindqvist",
        "mara@customers.example",
        "A-77",
        "$29.00",
        "$5.00 refunded",
        "It was refunded.",
    ):
        assert words in page, words


def test_a_long_body_is_folded_but_complete(as_, vera):
    ticket = TicketFactory(body="word " * 3999 + "end")
    page = as_(vera).get(ticket.get_absolute_url()).content.decode()
    assert "Show all 19998 characters" in page
    assert "word end" in page


@pytest.mark.parametrize("customer", ["C-1", "c-1", "mara@customers.example", "mara lindqvist"])
def test_a_new_ticket_starts_a_task_and_leads_to_it(as_, ada, mara, customer):
    response = as_(ada).post("/tickets/new/", form(customer=customer))
    ticket = Ticket.objects.get()
    assert (ticket.customer, ticket.created_by, ticket.source) == (mara, ada, "form")
    assert (response.status_code, response["Location"]) == (302, ticket.tasks.get().get_absolute_url())
    assert ticket.tasks.get().requested_by == ada


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("customer", "C-404", "No customer is called"),
        ("customer", "", "This field is required."),
        ("subject", "   ", "This field is required."),
        ("subject", "x" * 201, "at most 200 characters"),
        ("body", "", "This field is required."),
        ("body", "x" * 20_001, "at most 20000 characters"),
        ("body", "nul \x00 here", "Null characters are not allowed."),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_stored(as_, ada, mara, field, value, sentence):
    response = as_(ada).post("/tickets/new/", form(**{field: value}))
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    page = response.content.decode()
    assert sentence in page
    assert f'id="{field}-problem"' in page
    assert not Ticket.objects.exists()
    assert not Task.objects.exists()


def test_two_customers_of_one_name_are_told_apart_by_number(as_, ada, mara):
    CustomerFactory(number="C-2", name="Mara Lindqvist")
    page = as_(ada).post("/tickets/new/", form(customer="Mara Lindqvist")).content.decode()
    assert "C-1, C-2" in page


def test_without_an_agent_the_form_says_what_to_do(as_, ada):
    CustomerFactory(number="C-1")
    response = as_(ada).post("/tickets/new/", form())
    assert response.status_code == 422
    assert "There is no agent that takes tasks." in response.content.decode()


def test_customers_are_suggested_while_typing(as_, ada, mara, htmx):
    CustomerFactory(name="Jonas Weber")
    page = as_(ada).get("/tickets/new/?customer=lindq", headers=htmx("customers")).content.decode()
    assert "Mara Lindqvist" in page
    assert "Jonas" not in page
    assert "<html" not in page
