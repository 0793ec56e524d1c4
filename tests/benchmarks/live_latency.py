"""How long from a commit in one process to the frame at a page of another.

    python -m tests.benchmarks.live_latency [--events 300] [--sockets 20]

The layer of channels is the database's unless REDIS_URL is set.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402 -- Django first
from django.core.management import call_command  # noqa: E402
from django.db import transaction  # noqa: E402
from websockets.sync.client import connect  # noqa: E402

from agentdesk.events.models import Kind  # noqa: E402
from agentdesk.events.record import Fact, record  # noqa: E402
from tests.benchmarks.say import percentile, say  # noqa: E402
from tests.factories import TaskFactory, person  # noqa: E402
from tests.serving import WebProcess, session_of  # noqa: E402

PAUSE_SECONDS = 0.03


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--sockets", type=int, default=20)
    options = parser.parse_args()
    measure(settings.DATA_DIR, options.events, options.sockets)


def measure(data: Path, events: int, sockets: int) -> None:
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
    layer = "Redis" if os.environ.get("REDIS_URL") else "the database"
    note = f"{len(delays)} frames at {sockets} sockets, layer over {layer}, most {max(delays):.1f} ms"
    for percent in (50, 95, 99):
        say(f"commit_to_frame_p{percent}_ms", percentile(delays, percent), "ms", note)


if __name__ == "__main__":
    main()
