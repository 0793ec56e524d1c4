"""The shipped prices: they make sense, and what an administrator corrected stays."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from agentdesk.roster.models import ModelPrice
from agentdesk.roster.prices import table

FIRST_PRICES = import_module("agentdesk.roster.migrations.0003_first_prices")


@pytest.mark.django_db
def test_shipped_prices_are_written_down_once_and_corrections_stay() -> None:
    ModelPrice.objects.all().delete()
    ModelPrice.objects.create(model="gpt-5.2", input_micros=1, cached_input_micros=1, output_micros=1)

    FIRST_PRICES.write_prices(apps, None)

    prices = table()
    assert prices["gpt-5.2"].input_micros == 1
    assert prices["gpt-5-nano"].cached_input_micros == 5_000
    assert set(prices) == set(FIRST_PRICES.PRICES)


def test_a_cached_token_is_cheapest_and_an_output_token_dearest() -> None:
    assert all(cached < whole < output for whole, cached, output in FIRST_PRICES.PRICES.values())
