"""An order as it is going to be: what, when, how it went wrong. Days count backwards from today, so the demo never ages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from agentdesk.desk.demo.catalogue import BY_SKU, SHIPPING, price
from tools.store.models import OrderStatus

DELIVERY_DAYS = 5


@dataclass(frozen=True, slots=True)
class RefundPlan:
    """Money that went back before the desk was here."""

    percent: int
    """Of one charge."""
    after: timedelta
    """Since the order was placed."""
    reason: str
    charge: int = 0


@dataclass(frozen=True, slots=True)
class OrderPlan:
    items: tuple[tuple[str, int], ...]
    """SKU and quantity."""
    placed: int
    """Days ago."""
    status: OrderStatus = OrderStatus.DELIVERED
    subscription: bool = False
    promised: int | None = None
    """Days after it was placed; so are `shipped` and `delivered`."""
    shipped: int | None = None
    delivered: int | None = None
    charges: tuple[timedelta, ...] = (timedelta(),)
    """When the whole sum was captured, since the order was placed: twice is a mistake."""
    refunds: tuple[RefundPlan, ...] = ()

    def total(self, currency: str) -> int:
        """Minor units of one charge."""
        return sum(quantity * price(BY_SKU[sku], currency) for sku, quantity in self.items)

    def __post_init__(self) -> None:
        assert self.delivered is None or self.delivered < self.placed, "nothing is delivered in the future"


def parcel(
    *skus: str, placed: int, took: int = 4, shipping: bool = False, refunds: tuple[RefundPlan, ...] = ()
) -> OrderPlan:
    """Delivered `took` days after it was placed, promised within five."""
    return OrderPlan(
        items=_items(skus, shipping=shipping),
        placed=placed,
        promised=DELIVERY_DAYS,
        shipped=min(2, took),
        delivered=took,
        refunds=refunds,
    )


def on_its_way(*skus: str, placed: int, shipping: bool = False) -> OrderPlan:
    return OrderPlan(
        items=_items(skus, shipping=shipping),
        placed=placed,
        status=OrderStatus.SHIPPED,
        promised=DELIVERY_DAYS,
        shipped=min(2, placed - 1),
    )


def not_shipped(*skus: str, placed: int, shipping: bool = False) -> OrderPlan:
    return OrderPlan(
        items=_items(skus, shipping=shipping),
        placed=placed,
        status=OrderStatus.PLACED,
        promised=placed + DELIVERY_DAYS,
    )


def subscription(
    sku: str,
    *,
    placed: int,
    charges: tuple[timedelta, ...] = (timedelta(),),
    refunds: tuple[RefundPlan, ...] = (),
) -> OrderPlan:
    """One paid period of a subscription."""
    return OrderPlan(
        items=((sku, 1),), placed=placed, subscription=True, delivered=0, charges=charges, refunds=refunds
    )


def twice(after: timedelta) -> tuple[timedelta, ...]:
    return (timedelta(), after)


def _items(skus: tuple[str, ...], *, shipping: bool) -> tuple[tuple[str, int], ...]:
    counted = tuple((sku, skus.count(sku)) for sku in dict.fromkeys(skus))
    return (*counted, (SHIPPING, 1)) if shipping else counted
