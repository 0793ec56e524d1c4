"""Cancelling: only while the parcel is here."""

from __future__ import annotations

import pytest

from agentdesk.core.errors import ToolError
from tests.factories import CustomerFactory, order_with
from tests.tools.using import task_for, use

pytestmark = pytest.mark.django_db


def test_an_order_that_has_not_shipped_is_cancelled_and_keeps_its_money():
    order = order_with(status="placed")
    result = use("cancel_order", task_for(order.customer), order=order.number, reason="Changed my mind.")
    order.refresh_from_db()
    assert result == {"order": order.number, "status": "cancelled"}
    assert order.status == "cancelled"
    assert order.cancelled_at is not None
    assert order.refunded_minor == 0


@pytest.mark.parametrize("status", ["shipped", "delivered", "cancelled"])
def test_any_other_order_stays_as_it_is(status):
    order = order_with(status=status)
    with pytest.raises(ToolError, match=f"is {status}; only an order that is placed"):
        use("cancel_order", task_for(order.customer), order=order.number, reason="Changed my mind.")
    order.refresh_from_db()
    assert (order.status, order.cancelled_at) == (status, None)


def test_an_order_of_somebody_else_is_not_cancelled():
    order = order_with(status="placed")
    with pytest.raises(ToolError, match="has no order"):
        use("cancel_order", task_for(CustomerFactory()), order=order.number, reason="Changed my mind.")
    order.refresh_from_db()
    assert order.status == "placed"
