"""How long from a commit in one process to the frame at a page of another: p50, p95, p99 in milliseconds.

    python tests/benchmarks/live_latency.py [--events 300] [--sockets 20]

It serves a desk of its own in a temporary folder, on SQLite unless DATABASE_URL names an empty PostgreSQL database,
with the layer over the database unless REDIS_URL is set.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PAUSE_SECONDS = 0.03


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--sockets", type=int, default=20)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    with tempfile.TemporaryDirectory() as data:
        os.environ |= {"AGENTDESK_DATA": data, "DJANGO_SETTINGS_MODULE": "agentdesk.settings"}
        measure(Path(data), options.events, options.sockets)


def measure(data: Path, events: int, sockets: int) -> None:
    import django

    django.setup()
    from django.core.management import call_command
    from django.db import connection, transaction
    from websockets.sync.client import connect

    from agentdesk.events.models import Kind
    from agentdesk.events.record import Fact, record
    from tests.factories import TaskFactory, person
    from tests.serving import WebProcess, session_of

    call_command("migrate", verbosity=0)
    task, session = TaskFactory(), session_of(person("vera", "viewer"))
    web = WebProcess(data)
    web.start()
    committed: dict[int, float] = {}
    delays: list[float] = []
    ready = threading.Barrier(sockets + 1)

    def listen() -> None:
        cookie = {"Cookie": f"sessionid={session}"}
        with connect(
            f"ws://{web.address}/ws/live/", origin=web.url, additional_headers=cookie, proxy=None
        ) as page:
            page.send(json.dumps({"watch": {f"task:{task.public_id}": 0}}))
            while "watching" not in json.loads(page.recv(timeout=10)):
                pass
            ready.wait()
            number = 0
            while number < events:
                message = json.loads(page.recv(timeout=30))
                if "ack" in message:
                    page.send(json.dumps(message))
                elif "at" in message:
                    number = message["at"]
                    delays.append((time.perf_counter() - committed[number]) * 1000)

    threads = [threading.Thread(target=listen) for _ in range(sockets)]
    for thread in threads:
        thread.start()
    ready.wait()
    for number in range(1, events + 1):
        with transaction.atomic():
            record(task, Fact(Kind.TODOS_ADDED, {"count": 1}))
            committed[number] = time.perf_counter()
        time.sleep(PAUSE_SECONDS)
    for thread in threads:
        thread.join()
    web.kill()
    cut = statistics.quantiles(delays, n=100)
    layer = "Redis" if os.environ.get("REDIS_URL") else "the database"
    print(
        f"{connection.vendor}, layer over {layer}: {len(delays)} frames at {sockets} sockets, from just before the commit"
    )
    print(f"p50 {cut[49]:.1f} ms   p95 {cut[94]:.1f} ms   p99 {cut[98]:.1f} ms   most {max(delays):.1f} ms")


if __name__ == "__main__":
    main()
