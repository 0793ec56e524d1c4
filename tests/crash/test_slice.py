"""A slice of `make crash`: 200 processes die, and nothing is lost, doubled or done without a signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.crash.__main__ import CONTROLS, floor_for
from tests.crash.databases import databases
from tests.crash.on_demand import on_demand
from tests.crash.running import environment, lines, run
from tests.on_servers import postgres_answers

pytestmark = [pytest.mark.crash, on_demand]

SEED = 20_260_504
KILLS, KILLS_ON_POSTGRES = 200, 40


def told(finished: Any) -> str:
    """The end of what it said, for whoever has to find out."""
    return f"{finished.stdout[-4000:]}\n{finished.stderr[-2000:]}"


def test_200_kills_of_every_kind_of_process_leave_a_history_without_a_fault(tmp_path: Path) -> None:
    finished = run(
        "-m", "tests.crash", "--kills", str(KILLS), "--seed", str(SEED), data=tmp_path, timeout=900
    )

    assert finished.returncode == 0, told(finished)
    last = json.loads(finished.stdout.splitlines()[-1])
    assert last["kills"] >= KILLS
    assert {name: last[name] for name in ("lost", "doubled", "unauthorised", "illegal")} == {
        "lost": 0,
        "doubled": 0,
        "unauthorised": 0,
        "illegal": 0,
    }
    assert last["coverage_holds"]
    assert last["controls_caught"]
    assert last["recovery_p95_s"] <= 15
    assert last["recovery_max_s"] <= 30


@pytest.mark.postgres
def test_kills_at_named_points_on_postgres_leave_a_history_without_a_fault(tmp_path: Path) -> None:
    if not postgres_answers():
        pytest.skip("no PostgreSQL")
    with databases("postgres", tmp_path, 1) as (database,):
        wanted = {"kills": KILLS_ON_POSTGRES, "seed": SEED, "floor": 0, "paid_outside": True, "controls": []}
        finished = run(
            "-m",
            "tests.crash.lane",
            json.dumps(wanted),
            data=database.data,
            timeout=600,
            **database.variables,
        )
    (result,) = [line["result"] for line in lines(finished) if "result" in line]
    assert result["kills"] >= KILLS_ON_POSTGRES
    assert result["findings"] == []
    assert len(result["required"]) > 30


def test_a_slice_asks_for_less_coverage_than_a_big_run_and_never_for_none() -> None:
    assert [floor_for(kills) for kills in (10, 200, 1000, 3000, 10_000)] == [1, 1, 6, 20, 20]


def test_each_control_breaks_a_promise_that_the_product_keeps() -> None:
    assert CONTROLS == ["no fence", "no key", "no journal", "no sign-off"]


def test_the_harness_starts_from_nothing_that_the_callers_shell_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/else")
    assert "DATABASE_URL" not in environment(tmp_path)
