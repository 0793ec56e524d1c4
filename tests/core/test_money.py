"""Money goes from minor units to what people read, and from what people type to minor units, without loss."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agentdesk.core.errors import Invalid
from agentdesk.core.money import EXPONENTS, MAX_MINOR, SYMBOLS, Money, format_money, parse_money

currencies = some.sampled_from(sorted(EXPONENTS))


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "USD", "$0.00"),
        (5, "USD", "$0.05"),
        (129_900, "USD", "$1,299.00"),
        (1850, "EUR", "€18.50"),
        (1200, "CHF", "CHF 12.00"),
        (-500, "USD", "−$5.00"),
        (1500, "JPY", "¥1,500"),
        (10**12, "GBP", "£10,000,000,000.00"),
    ],
)
def test_people_read_amounts_as_they_write_them(minor: int, currency: str, text: str) -> None:
    assert format_money(minor, currency) == text == str(Money(minor, currency))


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("250", "USD", 25_000),
        ("250.00", "USD", 25_000),
        ("1,250.5", "USD", 125_050),
        (" 0.01 ", "EUR", 1),
        ("1e2", "USD", 10_000),
        ("1500", "JPY", 1500),
        ("0", "USD", 0),
    ],
)
def test_typed_amounts_become_minor_units(text: str, currency: str, minor: int) -> None:
    assert parse_money(text, currency) == minor


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "ten",
        "$5",
        "-1",
        "-0.01",
        "0.001",
        "NaN",
        "Infinity",
        "-Infinity",
        "sNaN",
        "1.2.3",
        "1e99",
        "1e999999999",
        "10000000000.01",
        "٣.٤٥٦",
        "0x10",
        "5 USD",
    ],
)
def test_what_is_no_amount_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Invalid, match=r"Write it like 12\.50"):
        parse_money(text, "USD")


def test_a_currency_without_minor_units_takes_no_decimals() -> None:
    with pytest.raises(Invalid):
        parse_money("1.5", "JPY")


@pytest.mark.parametrize("currency", ["", "usd", "XXX", "US", "USD "])
def test_an_unknown_currency_is_an_error_and_never_a_guess(currency: str) -> None:
    for act in (lambda: format_money(1, currency), lambda: parse_money("1", currency)):
        with pytest.raises(Invalid, match="not known here"):
            act()


@given(some.integers(0, MAX_MINOR), currencies)
def test_what_is_written_is_read_back_as_the_same_amount(minor: int, currency: str) -> None:
    bare = format_money(minor, currency).removeprefix(SYMBOLS.get(currency, f"{currency} "))
    assert parse_money(bare, currency) == minor


@given(some.integers(-MAX_MINOR, MAX_MINOR), some.integers(-MAX_MINOR, MAX_MINOR), currencies)
def test_two_amounts_never_look_the_same(one: int, two: int, currency: str) -> None:
    assert (format_money(one, currency) == format_money(two, currency)) == (one == two)


@given(some.text(max_size=30), currencies)
def test_any_text_is_an_amount_within_bounds_or_refused(text: str, currency: str) -> None:
    with suppress(Invalid):
        assert 0 <= parse_money(text, currency) <= MAX_MINOR
