"""The orders nobody has written about yet: most went well, some hide the problems of a real shop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from agentdesk.desk.demo.catalogue import PARCELS, PLANS
from agentdesk.desk.demo.people import Person
from agentdesk.desk.demo.plans import (
    OrderPlan,
    RefundPlan,
    not_shipped,
    on_its_way,
    parcel,
    subscription,
    twice,
)
from tools.store.models import OrderStatus

QUIET_DAYS, OLDEST_DAYS = 130, 400
"""People with a story have no other order younger than the first, so that their ticket means what it says."""


def may_order(person: Person) -> bool:
    """Whether this person has been a customer for long enough to have other orders."""
    return person.story is None or person.since > OLDEST_DAYS


def order(random: Random, person: Person) -> OrderPlan:
    """One plausible order of this person, placed since they became a customer."""
    if person.story is not None:
        return parcel(
            *_basket(random), placed=random.randint(QUIET_DAYS, OLDEST_DAYS), took=random.randint(2, 5)
        )
    (kind,) = random.choices([kind for kind, _ in _KINDS], [weight for _, weight in _KINDS])
    return kind(random, random.randint(25, min(person.since, OLDEST_DAYS)))


def _fine(random: Random, placed: int) -> OrderPlan:
    return parcel(*_basket(random), placed=placed, took=random.randint(2, 5), shipping=_sometimes(random))


def _period(random: Random, placed: int) -> OrderPlan:
    return subscription(_plan(random), placed=placed)


def _period_charged_twice(random: Random, placed: int) -> OrderPlan:
    return subscription(
        _plan(random), placed=placed, charges=twice(timedelta(minutes=random.randint(1, 2000)))
    )


def _period_charged_twice_and_refunded(random: Random, placed: int) -> OrderPlan:
    known = RefundPlan(100, timedelta(days=4), "Duplicate charge", charge=1)
    return replace(_period_charged_twice(random, placed), refunds=(known,))


def _not_shipped(random: Random, _: int) -> OrderPlan:
    return not_shipped(*_basket(random), placed=random.randint(1, 3), shipping=_sometimes(random))


def _on_its_way(random: Random, _: int) -> OrderPlan:
    return on_its_way(*_basket(random), placed=random.randint(3, 16), shipping=_sometimes(random))


def _cancelled(random: Random, placed: int) -> OrderPlan:
    given_back = RefundPlan(100, timedelta(days=1), "Cancelled before shipping")
    plan = not_shipped(*_basket(random), placed=placed)
    return replace(plan, status=OrderStatus.CANCELLED, promised=5, refunds=(given_back,))


def _late(random: Random, placed: int) -> OrderPlan:
    return parcel(*_basket(random), placed=placed, took=random.randint(11, 19), shipping=_sometimes(random))


def _damaged_and_kept(random: Random, placed: int) -> OrderPlan:
    given_back = RefundPlan(random.choice([10, 20, 30]), timedelta(days=6), "Damaged item, customer kept it")
    return replace(_fine(random, placed), refunds=(given_back,))


_KINDS: list[tuple[Callable[[Random, int], OrderPlan], int]] = [
    (_fine, 49),
    (_period, 22),
    (_period_charged_twice, 3),
    (_period_charged_twice_and_refunded, 1),
    (_not_shipped, 6),
    (_on_its_way, 6),
    (_cancelled, 2),
    (_late, 6),
    (_damaged_and_kept, 5),
]
"""Each kind of order with its share in a hundred."""


def _plan(random: Random) -> str:
    (plan,) = random.choices(PLANS, [8, 8, 6, 4, 2, 1])
    return plan.sku


def _basket(random: Random) -> list[str]:
    return [random.choice(PARCELS).sku for _ in range(random.choice([1, 1, 1, 2, 2, 3]))]


def _sometimes(random: Random) -> bool:
    return random.choice([True, False, False])
