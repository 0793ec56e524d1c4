"""What an agent may know: everything about its customer, nothing about anybody else."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from agentdesk.core.errors import Invalid, ToolError
from tests.factories import CustomerFactory, RefundFactory, TaskFactory, TicketFactory, order_with
from tests.tools.using import task_for, use

pytestmark = pytest.mark.django_db


@pytest.fixture
def mara():
    return CustomerFactory(name="Mara Lindqvist", email="mara@customers.example", tier="plus")


@pytest.mark.parametrize("wording", ["number", "email", "name"])
def test_a_customer_is_found_by_number_email_or_name(mara, wording):
    order_with(customer=mara)
    found = use("get_user_data", task_for(mara), customer=getattr(mara, wording).upper())
    assert found["customer"] == mara.number
    assert (found["name"], found["tier"], found["orders"]) == ("Mara Lindqvist", "plus", 1)


def test_refunds_of_the_last_90_days_are_counted_and_older_ones_are_not(mara):
    order = order_with(customer=mara, charges=[9000], refunds=[500, 700])
    RefundFactory(order=order, amount_minor=100, refunded_at=timezone.now() - timedelta(days=91))
    found = use("get_user_data", task_for(mara), customer=mara.number)
    assert found["refunds_90_days"] == {"count": 2, "total_minor": 1200, "currency": "USD"}


def test_refunds_in_another_currency_are_told_apart(mara):
    order_with(customer=mara, charges=[9000], refunds=[500, 700])
    order_with(customer=mara, charges=[9000], refunds=[300], currency="EUR")
    found = use("get_user_data", task_for(mara), customer=mara.number)
    assert found["refunds_90_days"]["total_minor"] == 1200
    assert found["refunds_90_days_in_other_currencies"] == [
        {"count": 1, "total_minor": 300, "currency": "EUR"}
    ]


def test_open_tickets_are_those_with_a_live_task(mara):
    for status in ("queued", "waiting", "done"):
        ticket = TicketFactory(customer=mara)
        TaskFactory(ticket=ticket, customer=mara, status=status)
    assert use("get_user_data", task_for(mara), customer=mara.number)["open_tickets"] == 2


def test_orders_come_newest_first_and_no_more_than_asked_for(mara):
    now = timezone.now()
    orders = [order_with(customer=mara, placed_at=now - timedelta(days=age)) for age in (30, 1, 10)]
    found = use("get_recent_orders", task_for(mara), customer=mara.number, limit=2)["orders"]
    assert [order["order"] for order in found] == [orders[1].number, orders[2].number]
    assert found[0]["items"] == "1 × Stoneware mug"


def test_order_details_say_what_is_left_to_refund(mara):
    order = order_with(customer=mara, charges=[2900, 2900], refunds=[900])
    details = use("get_order_details", task_for(mara), order=order.number.lower())
    assert details["order"] == order.number
    assert [charge["amount_minor"] for charge in details["charges"]] == [2900, 2900]
    assert (details["captured_minor"], details["refunded_minor"], details["refundable_minor"]) == (
        5800,
        900,
        4900,
    )


@pytest.mark.parametrize("tool", ["get_user_data", "get_recent_orders"])
def test_another_customer_is_closed_in_the_same_words_whether_or_not_they_exist(mara, tool):
    other = CustomerFactory(name="Somebody Else")
    task = task_for(mara)
    more = {"limit": 5} if tool == "get_recent_orders" else {}
    sentences = []
    for text in (other.number, other.email, "Somebody Else", "C-999999"):
        with pytest.raises(ToolError, match=mara.number) as refused:
            use(tool, task, customer=text, **more)
        sentences.append(refused.value.sentence)
    assert len(set(sentences)) == 1


def test_a_namesake_is_not_mistaken_for_the_tasks_customer(mara):
    CustomerFactory(name="Mara Lindqvist", email="other-mara@customers.example")
    assert (
        use("get_user_data", task_for(mara), customer="mara lindqvist")["email"] == "mara@customers.example"
    )


def test_an_order_of_somebody_else_and_an_unknown_one_read_alike(mara):
    foreign = order_with()
    task = task_for(mara)
    for number in (foreign.number, "A-999999"):
        with pytest.raises(ToolError, match=f"has no order '{number}'"):
            use("get_order_details", task, order=number)


def test_a_task_without_a_customer_may_look_anybody_up(mara):
    task = task_for(None)
    assert use("get_user_data", task, customer=mara.name)["customer"] == mara.number
    with pytest.raises(ToolError, match="No customer is called 'Nobody'"):
        use("get_user_data", task, customer="Nobody")
    CustomerFactory(name=mara.name)
    with pytest.raises(ToolError, match="Several customers"):
        use("get_user_data", task, customer=mara.name)
    with pytest.raises(ToolError, match="There is no order 'A-0'"):
        use("get_order_details", task, order="A-0")


@pytest.mark.parametrize("limit", [0, 21, True, "5", 5.0])
def test_a_limit_outside_the_schema_is_refused(mara, limit):
    with pytest.raises(Invalid, match="limit"):
        use("get_recent_orders", task_for(mara), customer=mara.number, limit=limit)
