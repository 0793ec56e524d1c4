"""What the store asks of a payment provider, and which one is chosen."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from typing import Protocol, TypedDict, runtime_checkable

from django.conf import settings

from tools.outcomes import Found, Outcome
from tools.store.models import Charge


class RefundRequest(TypedDict):
    """What is sent, fixed and stored before anything is."""

    provider: str
    refund: str
    """The desk's own number of the refund."""
    order: str
    charge: str
    reference: str
    """What the provider calls the charge."""
    amount_minor: int
    currency: str
    duplicate: bool
    """It gives back a charge that was taken twice."""


@runtime_checkable
class Provider(Protocol):
    """Gives money back. One whose books are this desk's database does it in the transaction of the refund."""

    name: str

    def reference(self, charge: Charge | None) -> str:
        """What the provider calls this charge. Raises ToolError when it cannot give money back on it."""

    def give_back(self, key: str, request: RefundRequest) -> Outcome:
        """Give it back, at most once under this key, and say what came of it."""


@runtime_checkable
class OutsideProvider(Provider, Protocol):
    """One that is elsewhere: what it does is blocking, and outside any transaction."""

    deadline_seconds: float
    keeps_keys: timedelta
    """How long after the first request a key surely repeats its answer."""

    def find(self, key: str, request: RefundRequest) -> Found:
        """Whether it was given back under this key."""


def named(name: str) -> Provider:
    """Its module is loaded when it is first needed: a desk with the ledger never loads Stripe's client."""
    provider = import_module(f"tools.store.payments.{name}").PROVIDER
    assert isinstance(provider, Provider)
    return provider


def chosen() -> Provider:
    return named(settings.PAYMENTS)
