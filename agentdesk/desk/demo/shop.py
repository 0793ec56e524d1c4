"""Write the demo's customers and orders, the same ones every time, in a handful of statements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from random import Random

from django.db import transaction
from django.utils import timezone

from agentdesk.core.errors import Late
from agentdesk.desk.demo import background
from agentdesk.desk.demo.catalogue import BY_SKU, price
from agentdesk.desk.demo.people import Person, people
from agentdesk.desk.demo.plans import OrderPlan
from tasks.models import Customer
from tools.store.models import Charge, Order, OrderLine, OrderStatus, Refund

ORDERS = 1000
SEED = "AgentDesk demo"
FIRST_ORDER, FIRST_CHARGE, FIRST_REFUND = 1001, 2001, 3001


@dataclass(frozen=True, slots=True)
class Placed:
    """An order plan with its customer, number and moment."""

    number: str
    person: Person
    plan: OrderPlan
    at: datetime

    @property
    def promised_by(self) -> date | None:
        return None if self.plan.promised is None else self.at.date() + timedelta(days=self.plan.promised)


def draft() -> list[Placed]:
    """All orders, oldest first and numbered in this order. The moments follow today's date, nothing else does."""
    random = Random(SEED)  # noqa: S311 -- the same shop everywhere is the point
    everybody = people(random)
    told = [(person, plan) for person in everybody if person.story for plan in person.story.orders]
    silent = random.choices(
        [person for person in everybody if background.may_order(person)], k=ORDERS - len(told)
    )
    plans = [*told, *((person, background.order(random, person)) for person in silent)]
    midnight = datetime.combine(timezone.localdate(), time(), tzinfo=timezone.get_current_timezone())
    moments = [
        midnight - timedelta(days=plan.placed) + timedelta(minutes=random.randint(7 * 60, 21 * 60))
        for _, plan in plans
    ]
    in_order = sorted(zip(moments, range(len(plans)), strict=True))
    return [
        Placed(f"A-{number}", *plans[index], at=moment)
        for number, (moment, index) in enumerate(in_order, start=FIRST_ORDER)
    ]


def build() -> bool:
    """Write everything in one transaction; False when it is here already. Raises Late when other customers use its numbers."""
    orders = draft()
    everybody = people(Random(SEED))  # noqa: S311 -- see draft
    present = dict(
        Customer.objects.filter(number__in=[person.number for person in everybody]).values_list(
            "number", "email"
        )
    )
    if all(present.get(person.number) == person.email for person in everybody):
        return False
    if present or Order.objects.filter(number__in=[placed.number for placed in orders]).exists():
        raise Late(
            "There are customers or orders here that are not the demo's. Seed an empty desk (AGENTDESK_DATA moves it)."
        )
    with transaction.atomic():
        _write(orders, everybody)
    return True


def _write(orders: list[Placed], everybody: list[Person]) -> None:
    today = timezone.localdate()
    customers = Customer.objects.bulk_create(
        Customer(
            number=person.number,
            name=person.name,
            email=person.email,
            tier=person.tier,
            since=today - timedelta(days=person.since),
            notes=person.notes,
        )
        for person in everybody
    )
    by_number = {customer.number: customer for customer in customers}
    rows = Order.objects.bulk_create(_order(placed, by_number[placed.person.number]) for placed in orders)
    pairs = list(zip(orders, rows, strict=True))
    OrderLine.objects.bulk_create(line for placed, row in pairs for line in _lines(placed, row))
    charges = [charge for placed, row in pairs for charge in _charges(placed, row)]
    for number, charge in enumerate(charges, start=FIRST_CHARGE):
        charge.number = f"CH-{number}"
    Charge.objects.bulk_create(charges)
    of_order: dict[str, list[Charge]] = {}
    for charge in charges:
        of_order.setdefault(charge.order.number, []).append(charge)
    refunds = [refund for placed, row in pairs for refund in _refunds(placed, row, of_order[placed.number])]
    for number, refund in enumerate(refunds, start=FIRST_REFUND):
        refund.number = f"RF-{number}"
    Refund.objects.bulk_create(refunds)


def _order(placed: Placed, customer: Customer) -> Order:
    plan, total = placed.plan, placed.plan.total(placed.person.currency)
    return Order(
        number=placed.number,
        customer=customer,
        status=plan.status,
        subscription=plan.subscription,
        currency=placed.person.currency,
        captured_minor=total * len(plan.charges),
        refunded_minor=sum(_share(total, refund.percent) for refund in plan.refunds),
        placed_at=placed.at,
        promised_by=placed.promised_by,
        shipped_at=_moment(placed.at, plan.shipped),
        delivered_at=_moment(placed.at, plan.delivered),
        cancelled_at=placed.at + timedelta(hours=20) if plan.status == OrderStatus.CANCELLED else None,
    )


def _lines(placed: Placed, row: Order) -> list[OrderLine]:
    currency = placed.person.currency
    return [
        OrderLine(
            order=row,
            sku=sku,
            title=BY_SKU[sku].title,
            quantity=quantity,
            unit_price_minor=price(BY_SKU[sku], currency),
        )
        for sku, quantity in placed.plan.items
    ]


def _charges(placed: Placed, row: Order) -> list[Charge]:
    what = BY_SKU[placed.plan.items[0][0]].title if placed.plan.subscription else f"Order {row.number}"
    total = placed.plan.total(placed.person.currency)
    return [
        Charge(
            order=row, amount_minor=total, captured_at=placed.at + after, description=f"HEARTH & OAK {what}"
        )
        for after in placed.plan.charges
    ]


def _refunds(placed: Placed, row: Order, charges: list[Charge]) -> list[Refund]:
    return [
        Refund(
            order=row,
            charge=charges[refund.charge],
            amount_minor=_share(charges[refund.charge].amount_minor, refund.percent),
            reason=refund.reason,
            refunded_at=placed.at + refund.after,
        )
        for refund in placed.plan.refunds
    ]


def _share(minor: int, percent: int) -> int:
    return minor * percent // 100


def _moment(placed_at: datetime, days: int | None) -> datetime | None:
    return None if days is None else placed_at + timedelta(days=days, hours=2 if days else 0)
