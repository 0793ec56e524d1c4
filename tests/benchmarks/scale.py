"""Tickets a second from posted to waiting for a sign-off, by database and number of worker trees, with real processes.

    python -m tests.benchmarks.scale [TICKETS]                      SQLite, one and two trees
    DATABASE_URL=postgres://… python -m tests.benchmarks.scale      PostgreSQL

The offline model answers at once, so this is what the desk itself costs: five turns, eight calls, one approval a ticket.
Adds its lines to var/bench.json. The database named by DATABASE_URL is emptied.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

ROOT = Path(__file__).resolve().parents[2]
os.environ["AGENTDESK_DATA"] = tempfile.mkdtemp(prefix="agentdesk-bench-")
os.environ["AGENTDESK_LOG_LEVEL"] = "ERROR"
os.environ["EMAIL_URL"] = "dummymail://"
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 -- Django first
from django.db import connection, transaction  # noqa: E402
from django.db.models import Max, Min  # noqa: E402

from agentdesk.events.models import Event, Kind  # noqa: E402
from tasks.intake import open_ticket  # noqa: E402
from tasks.models import Customer, TicketSource, WorkerProcess  # noqa: E402
from tests.factories import (  # noqa: E402
    CustomerFactory,
    RunbookFactory,
    order_with,
    policy_in_force,
    support_version,
    what_migrations_made,
)

PATIENCE_SECONDS = 300
RESULTS = ROOT / "var" / "bench.json"


def prepare(tickets: int) -> None:
    call_command("migrate", verbosity=0)
    call_command("flush", verbosity=0, interactive=False)
    what_migrations_made()
    policy_in_force()
    RunbookFactory()
    support_version()
    for _ in range(tickets):
        order_with(customer=CustomerFactory(), charges=(2900, 2900), subscription=True)


def post_all() -> None:
    """All at once: nobody sees one before the commit."""
    with transaction.atomic():
        for customer in Customer.objects.all():
            open_ticket(
                subject="I was charged twice for my monthly subscription",
                body="There are two identical charges on my card. Please give one back.",
                customer=customer,
                source=TicketSource.FORM,
                by=None,
            )


def wait_for(condition: Any, what: str) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"Not within {PATIENCE_SECONDS} s: {what}")
        time.sleep(0.5)


def measure(tickets: int, *, trees: int) -> float:
    """Tickets a second, between the first claim and the last question, by the database's clock."""
    prepare(tickets)
    running = [subprocess.Popen([sys.executable, "manage.py", "work"], cwd=ROOT) for _ in range(trees)]
    try:
        wait_for(lambda: WorkerProcess.objects.alive().count() == trees, "the workers show life")
        post_all()
        waiting = Event.objects.filter(kind=Kind.TASK_WAITING)
        wait_for(lambda: waiting.count() >= tickets, "every ticket waits for a sign-off")
        first = Event.objects.filter(kind=Kind.TASK_CLAIMED).aggregate(at=Min("at"))["at"]
        last = waiting.aggregate(at=Max("at"))["at"]
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(timeout=30)
    return float(tickets / (last - first).total_seconds())


def main(tickets: int) -> None:
    database = {"postgresql": "postgres"}.get(connection.vendor, connection.vendor)
    machine = f"{platform.platform()}, {os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d}"
    lines = []
    for trees in (1, 2):
        rate = measure(tickets, trees=trees)
        print(f"{database:9} {trees} worker trees  {rate:7.1f} tickets/s", flush=True)
        lines.append(
            {
                "name": f"scale_{database}_{trees}_trees",
                "value": round(rate, 1),
                "unit": "tickets/s",
                "bar": None,
                "holds": True,
                "note": f"{tickets} tickets to their sign-off, offline model; {machine}",
            }
        )
    RESULTS.parent.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    names = {line["name"] for line in lines}
    RESULTS.write_text(json.dumps([*(line for line in kept if line["name"] not in names), *lines], indent=1))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
