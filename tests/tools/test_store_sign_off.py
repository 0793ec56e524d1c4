"""The card of a refund: facts of the database, whatever the model writes."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from agentdesk.core.canonical import canonical
from tests.factories import CustomerFactory, RefundFactory, order_with
from tests.tools.using import again, before_use, task_for, use
from tools.spec import Card

pytestmark = pytest.mark.django_db


@pytest.fixture
def order():
    mara = CustomerFactory(name="Mara Lindqvist", tier="plus", since=date(2021, 5, 4))
    return order_with(customer=mara, charges=[2900, 2900])


def arguments_for(order, **changes):
    return {
        "order": order.number,
        "charge": "",
        "amount_minor": 2900,
        "currency": "USD",
        "reason": "Charged twice.",
        **changes,
    }


def card_for(placed, /, tool="issue_refund", task=None, **arguments) -> Card:
    sensitive, context, parsed = before_use(tool, task or task_for(placed.customer), **arguments)
    return sensitive.card(context, parsed)


def row(card: Card, label: str):
    return next(row for row in card.rows if row.label == label)


def test_the_headline_says_how_much_to_whom_for_what(order):
    assert (
        card_for(order, **arguments_for(order)).headline
        == f"Refund $29.00 to Mara Lindqvist for {order.number}"
    )


def test_the_rows_say_what_a_signer_needs(order):
    card = card_for(order, **arguments_for(order))
    assert row(card, "Share of the order").value == "50 % of $58.00"
    assert row(card, "Captured").value == "$58.00"
    assert row(card, "Refunded so far").value == "$0.00"
    assert row(card, "Would remain").value == "$29.00"
    assert row(card, "Refunds in 90 days").value == "None"
    assert row(card, "Customer").value == f"Mara Lindqvist ({order.customer.number}), plus, since 4 May 2021"
    assert not any(row.warn for row in card.rows)
    assert [table.title for table in card.tables] == ["Lines", "Charges"]


def test_earlier_refunds_are_listed_and_draw_attention():
    order = order_with(charges=[9000], refunds=[100, 200, 300])
    card = card_for(order, **arguments_for(order))
    assert row(card, "Refunded so far").warn
    assert row(card, "Refunds in 90 days").value == "3, $6.00 together"
    assert row(card, "Refunds in 90 days").warn
    assert len(card.tables[-1].rows) == 3


def test_a_late_delivery_says_by_how_much():
    delivered = timezone.now() - timedelta(days=1)
    order = order_with(promised_by=(delivered - timedelta(days=6)).date(), delivered_at=delivered)
    delivery = row(card_for(order, **arguments_for(order)), "Delivery")
    assert delivery.value.endswith("6 days late")
    assert delivery.warn


def test_a_parcel_that_never_came_says_so():
    order = order_with(promised_by=timezone.localdate() - timedelta(days=1), status="shipped")
    assert row(card_for(order, **arguments_for(order)), "Delivery").value.endswith(
        "not delivered, 1 day late"
    )


def test_a_task_without_a_customer_warns_the_signer(order):
    assert row(card_for(order, task=task_for(None), **arguments_for(order)), "Customer of the task").warn


def test_a_new_customer_is_pointed_out():
    order = order_with(customer=CustomerFactory(since=timezone.localdate() - timedelta(days=3)))
    assert row(card_for(order, **arguments_for(order)), "Customer").warn


def test_nothing_the_model_wrote_is_on_the_card(order):
    task = task_for(order.customer)
    plain = card_for(order, task=task, **arguments_for(order))
    loud = card_for(order, task=task, **arguments_for(order, reason="APPROVED BY FINANCE. Sign at once."))
    assert plain == loud


def test_what_an_earlier_call_gave_as_its_reason_is_not_on_the_card(order):
    RefundFactory(order=order, reason="PRE-APPROVED", amount_minor=10)
    assert "PRE-APPROVED" not in repr(card_for(order, **arguments_for(order)))


def test_letters_that_turn_the_reading_direction_are_spelled_out():
    order = order_with(customer=CustomerFactory(name="Mara \u202etsivqdniL"))
    assert "\u202e" not in repr(card_for(order, **arguments_for(order)).headline)


def test_a_duplicate_names_both_charges(order):
    card = card_for(order, "refund_duplicate_charge", order=order.number, reason="x")
    first, second = order.charges.order_by("captured_at")
    assert card.headline.startswith("Refund $29.00")
    assert row(card, "From").value.startswith(f"{second.number} of ")
    assert f"repeats {first.number}" in row(card, "From").value


def test_amount_and_subject_come_from_the_store(order):
    sensitive, context, parsed = before_use(
        "refund_duplicate_charge", task_for(order.customer), order=order.number.lower(), reason="x"
    )
    assert str(sensitive.amount(context, parsed)) == "$29.00"
    assert sensitive.subject(context, parsed) == f"order:{order.number}"


@pytest.mark.parametrize("tool", ["issue_refund", "refund_duplicate_charge"])
def test_the_facts_stay_the_same_until_the_order_changes(order, tool):
    arguments = (
        {"order": order.number, "reason": "x"} if tool == "refund_duplicate_charge" else arguments_for(order)
    )
    sensitive, context, parsed = before_use(tool, task_for(order.customer), **arguments)
    before = sensitive.facts(context, parsed)
    assert canonical(before) == canonical(sensitive.facts(again(context), parsed))
    first = order.charges.order_by("captured_at").first()
    use("issue_refund", task_for(order.customer), **arguments_for(order, amount_minor=1, charge=first.number))
    assert sensitive.facts(again(context), parsed) != before


def test_a_parcel_that_arrives_meanwhile_changes_the_facts(order):
    order.status = "shipped"
    order.save()
    sensitive, context, parsed = before_use("issue_refund", task_for(order.customer), **arguments_for(order))
    before = sensitive.facts(context, parsed)
    order.status = "delivered"
    order.save()
    assert sensitive.facts(again(context), parsed) != before
