"""Public ids: they sort by the time they were made and never come twice."""

from __future__ import annotations

import re
import time

import pytest

from agentdesk.core.ids import approval_id, call_key, new_id, task_id, ticket_id

SHAPE = re.compile(r"[a-z]+_[0-9abcdefghjkmnpqrstvwxyz]{26}")


@pytest.mark.parametrize(
    ("make", "prefix"), [(ticket_id, "tic"), (task_id, "tsk"), (call_key, "call"), (approval_id, "apr")]
)
def test_an_id_says_its_kind_and_fits_its_column(make, prefix: str) -> None:
    made = make()
    assert SHAPE.fullmatch(made)
    assert made.startswith(f"{prefix}_")
    assert len(made) <= 32


def test_ids_sort_by_the_millisecond_they_were_made_in(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [0, 10**6, 2 * 10**6, 1_700_000_000_000_000_000, 1_700_000_000_001_000_000, (2**48 - 1) * 10**6]
    made = []
    for moment in moments:
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment)
        made.append(new_id("x"))
    assert made == sorted(made)


def test_ids_of_one_millisecond_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 10**18)
    assert len({new_id("x") for _ in range(2000)}) == 2000
