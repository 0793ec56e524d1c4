"""Money as integers in the currency's minor unit, and how people read and type it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, DecimalException

from agentdesk.core.errors import Invalid

# ISO 4217 exponents of the currencies the desk knows; an unknown currency is an error, never a guess.
EXPONENTS = {
    "USD": 2,
    "EUR": 2,
    "GBP": 2,
    "CHF": 2,
    "SEK": 2,
    "NOK": 2,
    "DKK": 2,
    "PLN": 2,
    "CAD": 2,
    "AUD": 2,
    "JPY": 0,
}
SYMBOLS = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥"}
MAX_MINOR = 10**12
MICROS_A_DOLLAR = 1_000_000
"""Models are priced and paid in millionths of a US dollar."""


def exponent(currency: str) -> int:
    """Raises Invalid when the currency is not one the desk knows."""
    try:
        return EXPONENTS[currency]
    except KeyError:
        known = ", ".join(sorted(EXPONENTS))
        raise Invalid(f"The currency {currency!r} is not known here. Known currencies: {known}.") from None


@dataclass(frozen=True, slots=True)
class Money:
    minor: int
    currency: str

    def __str__(self) -> str:
        return format_money(self.minor, self.currency)


def format_money(minor: int, currency: str) -> str:
    """Return for example `$1,299.00`, `€18.50`, `CHF 12.00`, `−$5.00`."""
    places = exponent(currency)
    amount = f"{Decimal(abs(minor)).scaleb(-places):,.{places}f}"
    symbol = SYMBOLS.get(currency, f"{currency} ")
    return f"{'−' if minor < 0 else ''}{symbol}{amount}"


def parse_money(text: str, currency: str) -> int:
    """Return minor units from `250`, `250.00` or `1,250.5`. Raises Invalid on anything else."""
    places = exponent(currency)
    try:
        amount = Decimal(text.strip().replace(",", ""))
        minor = amount.scaleb(places) if amount.is_finite() else Decimal(-1)
    except DecimalException:  # no number, or one too large for any arithmetic
        raise Invalid(f"{text!r} is not an amount. Write it like 12.50.") from None
    if minor != minor.to_integral_value() or not 0 <= minor <= MAX_MINOR:
        raise Invalid(f"{text!r} is not an amount in {currency}. Write it like 12.50.")
    return int(minor)
