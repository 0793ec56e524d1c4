"""Measure the desk against its bars on each database there is; print a table and write var/bench.json.

    python -m tests.benchmarks [--only NAME …] [--databases sqlite postgres]

Each benchmark runs in a process of its own on a fresh database and prints one JSON object a line: name, value, unit, note.
Ratios are measured against the bare SDK in the same run. PostgreSQL is used where AGENTDESK_TEST_POSTGRES_URL (or the
usual local server) answers.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse, urlunparse

import psycopg

ROOT = Path(__file__).resolve().parents[2]
POSTGRES_URL = os.environ.get("AGENTDESK_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
BENCHMARKS = ["engine", "inflight", "decide_to_effect", "live_latency", "turn_cost", "recovery"]
BARS: dict[str, tuple[str, float]] = {
    "engine_ratio": (">=", 0.5),
    "inflight_efficiency": (">=", 0.85),
    "inflight_mb_per_task": ("<=", 1.0),
    "decide_to_effect_p50_ms": ("<=", 100),
    "decide_to_effect_p99_ms": ("<=", 500),
    "commit_to_frame_p95_ms": ("<=", 100),
    "recovery_p95_s": ("<=", 15),
    "recovery_max_s": ("<=", 30),
}
WITHOUT_BAR_ON_POSTGRES = {"engine_ratio"}
"""The bar is for one process on SQLite; a server on the same cores takes its share of them."""
DIGITS = 1.03
"""Turn 200 writes longer numbers than turn 5."""
TIMEOUT_SECONDS = 900


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--only", nargs="*", choices=BENCHMARKS, default=BENCHMARKS)
    parser.add_argument(
        "--databases", nargs="*", choices=["sqlite", "postgres"], default=["sqlite", "postgres"]
    )
    options = parser.parse_args()
    started = time.monotonic()
    print(f"{platform.platform()}, {os.cpu_count()} cores, Python {platform.python_version()}", flush=True)
    found: list[dict[str, Any]] = []
    for database in options.databases:
        if database == "postgres" and not postgres_answers():
            print(f"postgres: skipped, {POSTGRES_URL} does not answer")
            continue
        for name in options.only:
            for measured in run(name, database):
                found.append(judged(measured, database))
                print(line(found[-1]), flush=True)
    compare_cost(found)
    target = Path(os.environ.get("AGENTDESK_DATA") or ROOT / "var") / "bench.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(found, indent=1) + "\n")
    missed = [f"{item['name']} on {item['database']}" for item in found if not item["holds"]]
    print(f"{len(found)} figures in {time.monotonic() - started:.0f} s, written to {target}")
    print("Every bar holds." if not missed else f"Missed: {', '.join(missed)}.")
    return 1 if missed else 0


def run(name: str, database: str) -> Iterator[dict[str, Any]]:
    with tempfile.TemporaryDirectory(prefix="agentdesk-bench-") as data, a_database(database) as url:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
        environment = {
            **kept,
            **url,
            "AGENTDESK_DATA": data,
            "AGENTDESK_LOG_LEVEL": "ERROR",
            "EMAIL_URL": "dummymail://",
            "DJANGO_SETTINGS_MODULE": "agentdesk.settings",
        }
        finished = subprocess.run(
            [sys.executable, "-m", f"tests.benchmarks.{name}"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_SECONDS,
            check=True,
        )
    for text in finished.stdout.splitlines():
        if text.startswith('{"name"'):
            yield json.loads(text)


OURS = ("AGENTDESK_", "DATABASE_URL", "REDIS_URL", "OPENAI_", "EMAIL_URL", "DJANGO_")


def judged(measured: dict[str, Any], database: str) -> dict[str, Any]:
    name, value = measured["name"], measured["value"]
    compare, bar = BARS.get(name, ("", None))
    if database == "postgres" and name in WITHOUT_BAR_ON_POSTGRES:
        bar = None
    holds = bar is None or (value >= bar if compare == ">=" else value <= bar)
    note = f"{database}: {measured.get('note', '')}".removesuffix(": ")
    return {
        "name": name,
        "value": value,
        "unit": measured["unit"],
        "bar": bar,
        "holds": holds,
        "note": note,
        "database": database,
    }


def compare_cost(found: list[dict[str, Any]]) -> None:
    """A turn may cost no more late than early: the early figure is the bar of the late one."""
    value = {(item["database"], item["name"]): item["value"] for item in found}
    for item in found:
        early = value.get((item["database"], item["name"].replace("_200", "_5")))
        if item["name"].endswith("_per_turn_200") and early is not None:
            bar = round(early * DIGITS) if item["unit"] == "bytes" else early
            item["bar"], item["holds"] = bar, item["value"] <= bar


def line(item: dict[str, Any]) -> str:
    compare, _ = BARS.get(item["name"], ("", 0))
    bar = f"{compare} {item['bar']:g}" if item["bar"] is not None else ""
    verdict = "ok  " if item["holds"] else "MISS"
    return f"{verdict} {item['database']:<8} {item['name']:<26} {item['value']:>9.2f} {item['unit']:<6} {bar:<8} {item['note']}"


def postgres_answers() -> bool:
    try:
        psycopg.connect(POSTGRES_URL, connect_timeout=2).close()
    except psycopg.Error:
        return False
    return True


@contextmanager
def a_database(kind: str) -> Iterator[dict[str, str]]:
    """The variables that lead to an empty database, which is dropped again."""
    if kind == "sqlite":
        yield {}
        return
    name = f"agentdesk_bench_{os.getpid()}"
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        server.execute(f'CREATE DATABASE "{name}"')
        try:
            yield {"DATABASE_URL": urlunparse(urlparse(POSTGRES_URL)._replace(path=f"/{name}"))}
        finally:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


if __name__ == "__main__":
    sys.exit(main())
