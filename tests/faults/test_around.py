"""Trouble around a desk: the live layer dies, clocks are wrong, one job comes five times."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.crash.databases import Database, databases
from tests.crash.desk import free_port
from tests.crash.on_demand import on_demand
from tests.crash.running import lines, run
from tests.faults.playing import play
from tests.on_servers import postgres_answers

pytestmark = [pytest.mark.crash, on_demand]


def test_tasks_go_on_while_redis_is_dead_and_after_it_is_back(tmp_path: Path) -> None:
    if shutil.which("redis-server") is None:
        pytest.skip("no redis-server")
    with databases("sqlite", tmp_path, 1) as (database,):
        played = play("redis_dead", database, variables={"REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"})
    assert played["without"]["findings"] == []
    assert played["without"]["quiet_after_s"] <= 30
    assert played["findings"] == []


def told_by_a_lane(database: Database, **wanted: Any) -> Any:
    finished = run(
        "-m",
        "tests.crash.lane",
        json.dumps({"seed": 4, "floor": 0, "controls": [], **wanted}),
        data=database.data,
        timeout=400,
        **database.variables,
    )
    (result,) = [line["result"] for line in lines(finished) if "result" in line]
    return result


def kinds_of_database() -> list[str]:
    return ["sqlite", "postgres"]


@pytest.mark.parametrize("kind", kinds_of_database())
def test_workers_whose_clocks_are_an_hour_wrong_keep_their_claims_and_lose_none_to_each_other(
    kind: str, tmp_path: Path
) -> None:
    if kind == "postgres" and not postgres_answers():
        pytest.skip("no PostgreSQL")
    with databases(kind, tmp_path, 1) as (database,):
        result = told_by_a_lane(database, kills=10, skew_hours=1)
    assert result["kills"] >= 10
    assert result["findings"] == []


@pytest.mark.parametrize("kind", kinds_of_database())
def test_one_job_delivered_five_times_at_once_does_everything_once(kind: str, tmp_path: Path) -> None:
    if kind == "postgres" and not postgres_answers():
        pytest.skip("no PostgreSQL")
    with databases(kind, tmp_path, 1) as (database,):
        result = told_by_a_lane(database, kills=0, at_once=5, calm=3)
    assert result["stories"] == 18
    assert result["findings"] == []
