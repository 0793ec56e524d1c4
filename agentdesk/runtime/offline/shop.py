"""The store's answers as typed facts: customers, orders with lines, charges and refunds."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentdesk.core.errors import Invalid
from agentdesk.core.money import format_money


def money(minor: int, currency: str) -> str:
    try:
        return format_money(minor, currency)
    except Invalid:
        return f"{minor / 100:,.2f} {currency}".strip()


def day(value: Any) -> dt.date | None:
    """The date of an ISO date or moment; None for null and for anything else."""
    try:
        return dt.date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


def in_words(date: dt.date) -> str:
    return f"{date.day} {date:%B %Y}"


def days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Buyer:
    number: str
    name: str
    email: str
    tier: str
    notes: str
    orders: int
    refunds_90_days: int

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Buyer:
        recent = data.get("refunds_90_days")
        return cls(
            number=str(data.get("customer", "")),
            name=str(data.get("name", "")),
            email=str(data.get("email", "")),
            tier=str(data.get("tier") or ""),
            notes=str(data.get("notes") or ""),
            orders=int(data.get("orders") or 0),
            refunds_90_days=int(recent.get("count") or 0) if isinstance(recent, Mapping) else 0,
        )


@dataclass(frozen=True, slots=True)
class Brief:
    """An order as the list of recent orders shows it."""

    number: str
    placed: dt.date | None
    status: str
    subscription: bool
    total_minor: int
    refunded_minor: int
    currency: str
    items: str

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Brief:
        return cls(
            number=str(data.get("order", "")),
            placed=day(data.get("placed_at")),
            status=str(data.get("status", "")),
            subscription=bool(data.get("subscription")),
            total_minor=int(data.get("total_minor") or 0),
            refunded_minor=int(data.get("refunded_minor") or 0),
            currency=str(data.get("currency", "")),
            items=str(data.get("items", "")),
        )

    def __str__(self) -> str:
        placed = f", {in_words(self.placed)}" if self.placed else ""
        return (
            f"{self.number} ({self.items}{placed}, {self.status}, {money(self.total_minor, self.currency)})"
        )


@dataclass(frozen=True, slots=True)
class Line:
    title: str
    quantity: int
    unit_price_minor: int


@dataclass(frozen=True, slots=True)
class Charge:
    number: str
    amount_minor: int
    captured: dt.date | None
    description: str
    refunded_minor: int


@dataclass(frozen=True, slots=True)
class Order:
    number: str
    customer: str
    status: str
    subscription: bool
    currency: str
    placed: dt.date | None
    promised: dt.date | None
    shipped: dt.date | None
    delivered: dt.date | None
    lines: tuple[Line, ...]
    charges: tuple[Charge, ...]
    """Oldest first."""
    refunded_minor: int
    refundable_minor: int
    last_refund: dt.date | None
    refund_reasons: tuple[str, ...]

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> Order:
        refunds = list(data.get("refunds") or [])
        charges = [
            Charge(
                number=str(charge.get("charge", "")),
                amount_minor=int(charge.get("amount_minor") or 0),
                captured=day(charge.get("captured_at")),
                description=str(charge.get("description", "")),
                refunded_minor=sum(
                    int(refund.get("amount_minor") or 0)
                    for refund in refunds
                    if refund.get("charge") == charge.get("charge")
                ),
            )
            for charge in sorted(data.get("charges") or [], key=lambda charge: str(charge.get("captured_at")))
        ]
        captured = int(data.get("captured_minor") or sum(charge.amount_minor for charge in charges))
        refunded = int(data.get("refunded_minor") or 0)
        refund_days = [date for refund in refunds if (date := day(refund.get("refunded_at")))]
        return cls(
            number=str(data.get("order", "")),
            customer=str(data.get("customer", "")),
            status=str(data.get("status", "")),
            subscription=bool(data.get("subscription")),
            currency=str(data.get("currency", "")),
            placed=day(data.get("placed_at")),
            promised=day(data.get("promised_by")),
            shipped=day(data.get("shipped_at")),
            delivered=day(data.get("delivered_at")),
            lines=tuple(
                Line(
                    title=str(line.get("title", "")),
                    quantity=int(line.get("quantity") or 1),
                    unit_price_minor=int(line.get("unit_price_minor") or 0),
                )
                for line in data.get("lines") or []
            ),
            charges=tuple(charges),
            refunded_minor=refunded,
            refundable_minor=int(data.get("refundable_minor", captured - refunded)),
            last_refund=max(refund_days, default=None),
            refund_reasons=tuple(str(refund.get("reason") or "") for refund in refunds),
        )

    def money(self, minor: int) -> str:
        return money(minor, self.currency)

    @property
    def contents(self) -> str:
        return " and ".join(f"{line.quantity} × {line.title}" for line in self.lines) or "the order"
