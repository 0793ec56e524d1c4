"""A ticket of the demo together with the customer and the orders that make it true."""

from __future__ import annotations

from dataclasses import dataclass

from agentdesk.desk.demo.plans import OrderPlan


@dataclass(frozen=True, slots=True)
class Story:
    customer: str
    """Full name; one story each."""
    subject: str
    body: str
    """`{order}`, `{order2}` stand for the numbers of its orders, `{placed}`, `{promised}` for days of the first one."""
    orders: tuple[OrderPlan, ...] = ()
    currency: str = "USD"
    tier: str = "standard"
    since: int = 700
    """Days ago."""
    notes: str = ""
