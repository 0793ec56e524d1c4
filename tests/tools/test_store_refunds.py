"""Money back: never more than was taken, never twice for one call, never to somebody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from hypothesis import given
from hypothesis import strategies as st

from agentdesk.core.errors import Invalid, ToolError
from tests.factories import (
    ChargeFactory,
    CustomerFactory,
    OrderFactory,
    RefundFactory,
    ToolCallFactory,
    order_with,
)
from tests.tools.using import before_use, task_for, use
from tools.store.accounts import account_of
from tools.store.models import Order, Refund

pytestmark = pytest.mark.django_db


def refund(placed: Order, /, amount_minor: int = 2900, task: Any = None, **changes: Any) -> dict[str, Any]:
    arguments = {
        "order": placed.number,
        "charge": "",
        "amount_minor": amount_minor,
        "currency": placed.currency,
        "reason": "Charged twice.",
        **changes,
    }
    return use("issue_refund", task or task_for(placed.customer), **arguments)


def test_a_refund_is_written_with_its_call_and_raises_the_orders_total():
    order = order_with(charges=[2900, 2900])
    result = refund(order)
    order.refresh_from_db()
    row = Refund.objects.get()
    assert result == {
        "refund": row.number,
        "order": order.number,
        "amount_minor": 2900,
        "currency": "USD",
        "remaining_refundable_minor": 2900,
    }
    assert order.refunded_minor == 2900
    assert row.tool_call is not None
    assert row.charge == order.charges.order_by("captured_at").first()


def test_a_named_charge_is_the_one_that_is_refunded():
    order = order_with(charges=[2900, 1100])
    second = order.charges.order_by("captured_at").last()
    refund(order, 1100, charge=second.number.lower())
    assert Refund.objects.get().charge == second


def test_a_refund_over_several_charges_names_none_and_uses_the_oldest_up_first():
    order = order_with(charges=[1000, 1000])
    refund(order, 1500)
    assert Refund.objects.get().charge is None
    first, second = order.charges.order_by("captured_at")
    assert account_of(order).left == {first.pk: 0, second.pk: 500}
    with pytest.raises(ToolError, match=r"more than the \$5\.00 that charge"):
        refund(order, 501, charge=second.number)


def test_what_is_left_is_refunded_to_the_last_cent_and_then_nothing():
    order = order_with(charges=[2900], refunds=[900])
    assert refund(order, 2000)["remaining_refundable_minor"] == 0
    with pytest.raises(ToolError, match="refunded in full already"):
        refund(order, 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"amount_minor": 2001}, r"\$20\.01 is more than the \$20\.00 that order"),
        ({"amount_minor": 10**9}, "is more than"),
        ({"currency": "EUR"}, "is in USD, not EUR"),
        ({"charge": "CH-1"}, "has no charge 'CH-1'"),
        ({"order": "A-1"}, "has no order 'A-1'"),
    ],
)
def test_an_impossible_refund_is_refused_before_anybody_is_asked_and_again_when_it_runs(changes, sentence):
    order = order_with(charges=[2900], refunds=[900])
    arguments = {
        "order": order.number,
        "charge": "",
        "amount_minor": 100,
        "currency": "USD",
        "reason": "x",
        **changes,
    }
    sensitive, context, parsed = before_use("issue_refund", task_for(order.customer), **arguments)
    with pytest.raises(ToolError, match=sentence):
        sensitive.check(context, parsed)
    with pytest.raises(ToolError, match=sentence):
        refund(order, **{"amount_minor": 100, **changes})
    order.refresh_from_db()
    assert order.refunded_minor == 900


def test_an_order_of_another_customer_is_refused():
    order, somebody = order_with(), CustomerFactory()
    with pytest.raises(ToolError, match=f"{somebody.number}, the customer of this task, has no order"):
        refund(order, task=task_for(somebody))
    assert not Refund.objects.exists()


def test_nothing_captured_is_nothing_to_refund():
    with pytest.raises(ToolError, match="Nothing was ever captured"):
        refund(OrderFactory())


def test_a_cancelled_order_gives_its_money_back():
    assert refund(order_with(status="cancelled"))["amount_minor"] == 2900


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_minor": 0},
        {"amount_minor": -5},
        {"amount_minor": 10**9 + 1},
        {"amount_minor": 29.0},
        {"amount_minor": "2900"},
        {"currency": "usd"},
        {"reason": ""},
        {"reason": "x" * 501},
        {"note": "one more key"},
    ],
)
def test_arguments_outside_the_schema_never_reach_the_store(changes):
    with pytest.raises(Invalid):
        refund(order_with(), **{"amount_minor": 100, **changes})


def test_one_call_refunds_at_most_once():
    order = order_with(charges=[9000])
    task = task_for(order.customer)
    call = ToolCallFactory(given_task=task)
    arguments = {"order": order.number, "charge": "", "amount_minor": 100, "currency": "USD", "reason": "x"}
    use("issue_refund", task, call=call, **arguments)
    with pytest.raises(IntegrityError), transaction.atomic():
        use("issue_refund", task, call=call, **arguments)
    with pytest.raises(IntegrityError, match="tool_call"), transaction.atomic():
        RefundFactory(order=order, tool_call=call)
    order.refresh_from_db()
    assert (order.refunded_minor, Refund.objects.count()) == (100, 1)


def test_the_database_itself_holds_refunds_below_what_was_captured():
    order = order_with(charges=[2900], refunds=[2000])
    with pytest.raises(IntegrityError, match="order_refunded_never_above_captured"), transaction.atomic():
        Order.objects.filter(pk=order.pk).update(refunded_minor=F("refunded_minor") + 901)


@given(
    charges=st.lists(st.integers(1, 50), max_size=4),
    wishes=st.lists(st.tuples(st.integers(1, 60), st.integers(0, 4)), max_size=6),
)
def test_whatever_is_asked_in_whatever_order_the_charges_add_up(charges, wishes):
    with transaction.atomic():
        order = order_with(charges=charges)
        numbers = ["", *order.charges.values_list("number", flat=True)]
        for amount_minor, index in wishes:
            try:
                refund(order, amount_minor, charge=numbers[index % len(numbers)])
            except ToolError:
                continue
        order.refresh_from_db()
        left = account_of(order).left
        assert all(value >= 0 for value in left.values())
        assert sum(left.values()) == order.refundable_minor == sum(charges) - order.refunded_minor
        transaction.set_rollback(True)


# The composite: look up, check and refund in one step ---------------------------------------------------------


def refund_duplicate(order: Order) -> dict[str, Any]:
    return use(
        "refund_duplicate_charge", task_for(order.customer), order=order.number, reason="Charged twice."
    )


def test_the_later_of_two_equal_charges_goes_back_exactly():
    order = order_with(charges=[2900, 2900])
    result = refund_duplicate(order)
    later = order.charges.order_by("captured_at").last()
    assert (result["charge"], result["amount_minor"], result["remaining_refundable_minor"]) == (
        later.number,
        2900,
        2900,
    )


def test_the_same_duplicate_is_not_refunded_again():
    order = order_with(charges=[2900, 2900])
    refund_duplicate(order)
    with pytest.raises(ToolError, match="has no duplicate charge"):
        refund_duplicate(order)


def test_a_third_equal_charge_is_another_duplicate():
    order = order_with(charges=[2900, 2900, 2900])
    first, second = refund_duplicate(order), refund_duplicate(order)
    assert first["charge"] != second["charge"]
    with pytest.raises(ToolError, match="has no duplicate charge"):
        refund_duplicate(order)


@pytest.mark.parametrize("case", ["other amount", "other text", "next month", "partly refunded"])
def test_charges_that_only_look_alike_are_no_duplicate(case):
    order = order_with(charges=[2900])
    first = order.charges.get()
    Order.objects.filter(pk=order.pk).update(captured_minor=F("captured_minor") + 2900)
    second = ChargeFactory(
        order=order,
        amount_minor=2800 if case == "other amount" else 2900,
        description="Gift wrap" if case == "other text" else first.description,
        captured_at=first.captured_at + timedelta(days=30 if case == "next month" else 1),
    )
    if case == "partly refunded":
        RefundFactory(order=order, charge=second, amount_minor=1)
    with pytest.raises(ToolError, match="has no duplicate charge"):
        refund_duplicate(order)


def test_five_days_apart_is_still_a_duplicate_and_a_moment_more_is_not():
    assert refund_duplicate(order_with(charges=[2900, 2900], days_apart=5))["amount_minor"] == 2900
    with pytest.raises(ToolError, match="within 5 days"):
        refund_duplicate(order_with(charges=[2900, 2900], days_apart=6))
