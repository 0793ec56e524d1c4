"""The crash harness: `python -m tests.crash --kills 3000 --db postgres --seed 7`, or `make crash KILLS=3000 DB=postgres SEED=7`.

Ends with one JSON line and a code that is 0 only when everything holds: nothing lost, doubled, unauthorised or illegal,
every crash point hit often enough, every broken build caught, recovery quick. Lines before it tell how far it is.
"""

from __future__ import annotations

import argparse
import json
import os
import queue
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.crash.databases import Database, databases
from tests.crash.running import ROOT, environment

RECOVERY_P95_SECONDS, RECOVERY_MAX_SECONDS = 15.0, 30.0
CONTROLS = ["no fence", "no key", "no journal", "no sign-off"]
TREES_OF = 30
"""One kill in so many hits a real process tree; the others hit forked processes at named points."""
FEWEST_TREE_KILLS = 8
SAY_EVERY_SECONDS = 10


@dataclass(slots=True)
class Process:
    """A lane or a tree, which speaks JSON lines."""

    name: str
    database: Database
    process: subprocess.Popen[str]
    result: dict[str, Any] | None = None
    progress: str = "starts"


def floor_for(kills: int) -> int:
    """How often each point has to be hit at least: 20 times in a big run, less in a slice of one."""
    return 20 if kills >= 1500 else max(1, kills // 150)


def main() -> int:
    parser = argparse.ArgumentParser(prog="tests.crash", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="how many processes to kill on each database")
    parser.add_argument("--db", choices=["sqlite", "postgres", "both"], default="sqlite")
    parser.add_argument("--seed", type=int, default=None, help="repeats a run's choices; else drawn")
    parser.add_argument("--lanes", type=int, default=min(4, os.cpu_count() or 2))
    given = parser.parse_args()
    seed = given.seed if given.seed is not None else secrets.randbelow(1_000_000)
    print(f"crash: {given.kills} kills on {given.db}, seed {seed}, {given.lanes} lanes", flush=True)
    results = []
    for kind in ["sqlite", "postgres"] if given.db == "both" else [given.db]:
        results.append(on(kind, kills=given.kills, seed=seed, lanes=given.lanes))
    whole = together(results, seed=seed)
    print(json.dumps(whole), flush=True)
    return 0 if whole["holds"] else 1


def on(kind: str, *, kills: int, seed: int, lanes: int) -> dict[str, Any]:
    """One database: lanes at named points and a real tree side by side; what came out of all of them."""
    started = time.monotonic()
    tree_kills = max(FEWEST_TREE_KILLS, kills // TREES_OF)
    share = -(-(kills - tree_kills) // lanes)
    floor = floor_for(kills)
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="agentdesk-crash-")))
        own = stack.enter_context(databases(kind, data, lanes + 1))
        running = [_start("tests.crash.trees", "tree", own[-1], {"kills": tree_kills, "seed": seed})]
        for index, database in enumerate(own[:-1]):
            told = {
                "kills": share,
                "seed": seed + 1 + index,
                "floor": floor,
                "paid_outside": lanes == 1
                or index % 2 == 1,  # both are told: the ledger within, the provider outside
                "controls": CONTROLS[index::lanes],
            }
            running.append(_start("tests.crash.lane", f"lane {index + 1}", database, told))
        _follow(running, kind)
    return _gathered(running, kind=kind, floor=floor, seconds=time.monotonic() - started)


def _start(module: str, name: str, database: Database, told: dict[str, Any]) -> Process:
    process = subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(told)],
        cwd=ROOT,
        env=environment(database.data, **database.variables),
        stdout=subprocess.PIPE,
        text=True,
    )
    return Process(name, database, process)


def _follow(running: list[Process], kind: str) -> None:
    """Read everybody's lines until all have ended, and say now and then how far it is."""
    lines: queue.Queue[tuple[Process, str | None]] = queue.Queue()

    def listen(one: Process) -> None:
        assert one.process.stdout is not None
        for line in one.process.stdout:
            lines.put((one, line))
        lines.put((one, None))

    for one in running:
        threading.Thread(target=listen, args=(one,), daemon=True).start()
    left, said = len(running), 0.0
    while left:
        one, line = lines.get()
        if line is None:
            left -= 1
            one.process.wait()
        elif line.startswith("{"):
            _heard(one, json.loads(line), kind)
        else:
            print(f"{kind}, {one.name}: {line.rstrip()}", flush=True)
        if time.monotonic() - said > SAY_EVERY_SECONDS:
            said = time.monotonic()
            print(f"{kind}: {'; '.join(f'{each.name} {each.progress}' for each in running)}", flush=True)


def _heard(one: Process, spoken: dict[str, Any], kind: str) -> None:
    one.result = spoken.get("result", one.result)
    if "progress" in spoken:
        one.progress = ", ".join(f"{value} {name}" for name, value in spoken["progress"].items())
    for finding in spoken.get("findings", []):
        print(f"{kind}, {one.name}: FOUND {json.dumps(finding, ensure_ascii=False)}", flush=True)


def _gathered(running: list[Process], *, kind: str, floor: int, seconds: float) -> dict[str, Any]:
    results = [one.result or {} for one in running]
    hits: Counter[str] = Counter()
    required: set[str] = set()
    for result in results:
        hits.update(result.get("hits", {}))
        required |= set(result.get("required", []))
    findings = [finding for result in results for finding in result.get("findings", [])]
    controls = {name: caught for result in results for name, caught in result.get("controls", {}).items()}
    recovery = sorted(second for result in results for second in result.get("recovery_s", []))
    seldom = {point: hits[point] for point in sorted(required) if hits[point] < floor}
    return {
        "db": kind,
        "kills": sum(result.get("kills", 0) for result in results),
        "in_recovery": sum(result.get("in_recovery", 0) for result in results),
        "stops": sum(result.get("stops", 0) for result in results),
        "stories": sum(result.get("stories", 0) for result in results),
        "findings": findings,
        "points": len(required),
        "fewest_hits": min((hits[point] for point in required), default=0),
        "floor": floor,
        "seldom": seldom,
        "coverage_holds": bool(required) and not seldom,
        "controls": controls,
        "controls_caught": bool(controls) and set(controls) == set(CONTROLS) and all(controls.values()),
        "recovery_s": recovery,
        "by_process": next((result["by_process"] for result in results if "by_process" in result), {}),
        "ended_well": all(one.result is not None and one.process.returncode == 0 for one in running),
        "seconds": round(seconds, 1),
    }


def together(results: list[dict[str, Any]], *, seed: int) -> dict[str, Any]:
    """The last line: what the run as a whole came to."""
    findings = [finding for result in results for finding in result["findings"]]
    found = Counter(finding["kind"] for finding in findings)
    recovery = sorted(second for result in results for second in result["recovery_s"])
    p95 = recovery[min(len(recovery) - 1, int(len(recovery) * 0.95))] if recovery else None
    whole = {
        "kills": sum(result["kills"] for result in results),
        "lost": found["lost"],
        "doubled": found["doubled"],
        "unauthorised": found["unauthorised"],
        "illegal": found["illegal"],
        "coverage_holds": all(result["coverage_holds"] for result in results),
        "controls_caught": all(result["controls_caught"] for result in results),
        "recovery_p95_s": p95,
        "recovery_max_s": recovery[-1] if recovery else None,
        "seed": seed,
    }
    for result in results:
        told = {key: value for key, value in result.items() if key not in {"findings", "recovery_s"}}
        print(f"{result['db']}: {json.dumps(told, ensure_ascii=False)}", flush=True)
    for finding in findings:
        print(f"FOUND {json.dumps(finding, ensure_ascii=False)}", flush=True)
    whole["holds"] = (
        not findings
        and whole["coverage_holds"]
        and whole["controls_caught"]
        and all(result["ended_well"] for result in results)
        and p95 is not None
        and p95 <= RECOVERY_P95_SECONDS
        and recovery[-1] <= RECOVERY_MAX_SECONDS
    )
    return whole


if __name__ == "__main__":
    sys.exit(main())
