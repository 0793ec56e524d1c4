"""A turn costs the database the same early and late: by count, not by clock."""

from __future__ import annotations

import pytest

from tests.benchmarks.turn_cost import EARLY, LATE, around, run


@pytest.mark.django_db(transaction=True)
def test_turn_200_sends_as_many_statements_and_bytes_as_turn_5() -> None:
    turns = run(LATE + 3)

    early, late = around(turns, EARLY), around(turns, LATE)

    assert len(turns) == LATE + 5
    assert late.statements == early.statements
    assert late.statements < 20
    assert late.written_bytes < early.written_bytes * 1.03, "only the digits of its number may add to it"
