"""The arithmetic of caps, without a database."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentdesk.core.money import Money
from approvals.cap import Limit, OnReach, Per, Used, applies, has_room, in_words, reached_in_words


def limit(**fields: Any) -> Limit:
    base = {
        "per": Per.ORDER,
        "tools": frozenset({"issue_refund"}),
        "window_hours": None,
        "currency": "",
        "max_count": None,
        "max_sum_minor": None,
        "on_reach": OnReach.ASK,
    }
    return Limit(**{**base, **fields})


@given(count=st.integers(0, 20), most=st.integers(0, 20))
def test_the_last_call_that_reaches_the_number_fits_and_the_next_does_not(count: int, most: int) -> None:
    assert has_room(limit(max_count=most), Used(count, 10**9), Money(1, "USD")) == (count < most)


@given(used=st.integers(0, 10**7), amount=st.integers(1, 10**7), most=st.integers(0, 10**7))
def test_a_sum_may_be_reached_exactly_and_never_passed(used: int, amount: int, most: int) -> None:
    room = has_room(limit(max_sum_minor=most, currency="USD"), Used(0, used), Money(amount, "USD"))
    assert room == (used + amount <= most)


@given(
    calls=st.lists(st.integers(1, 5_000), max_size=30), most=st.integers(0, 20), sums=st.integers(0, 40_000)
)
def test_what_is_let_in_one_after_the_other_never_passes_the_cap(
    calls: list[int], most: int, sums: int
) -> None:
    cap = limit(max_count=most, max_sum_minor=sums, currency="USD")
    used = Used(0, 0)
    for amount in calls:
        if has_room(cap, used, Money(amount, "USD")):
            used = Used(used.count + 1, used.sum_minor + amount)
    assert used.count <= most
    assert used.sum_minor <= sums


@pytest.mark.parametrize(
    ("fields", "tool", "currency", "expected"),
    [
        ({}, "issue_refund", "USD", True),
        ({}, "refund_duplicate_charge", "USD", False),
        ({"tools": frozenset()}, "anything", "JPY", True),
        ({"currency": "EUR"}, "issue_refund", "USD", False),
        ({"currency": "EUR"}, "issue_refund", "EUR", True),
    ],
)
def test_a_cap_is_about_its_tools_and_its_currency(
    fields: dict[str, Any], tool: str, currency: str, expected: bool
) -> None:
    assert applies(limit(max_count=1, **fields), tool=tool, currency=currency) == expected


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"max_count": 3}, "at most 3 for one order, ever"),
        ({"max_count": 5, "per": Per.CUSTOMER, "window_hours": 720}, "at most 5 for one customer in 30 days"),
        (
            {"max_count": 9, "per": Per.APPROVER, "window_hours": 24},
            "at most 9 for one person's signatures in 24 hours",
        ),
        (
            {
                "max_count": 200,
                "max_sum_minor": 2_000_000,
                "currency": "USD",
                "per": Per.DESK,
                "window_hours": 1,
            },
            "at most 200 in USD or $20,000.00 for the whole desk in 1 hour",
        ),
    ],
)
def test_a_cap_reads_as_a_sentence(fields: dict[str, Any], words: str) -> None:
    assert in_words(limit(**fields)) == words


def test_a_reached_cap_says_whose_it_is_and_what_was_used() -> None:
    said = reached_in_words(
        "Small sums", limit(max_sum_minor=5000, currency="EUR"), Used(2, 4800), whose="A-1042"
    )
    assert said == "“Small sums”: at most €50.00 for one order, ever; A-1042 has had 2, €48.00 together."
