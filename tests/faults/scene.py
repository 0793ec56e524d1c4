"""One desk in trouble, as a process of its own: `python -m tests.faults.scene NAME '{…}'`; one JSON line comes out.

Its worker is the real `manage.py work --supervise` with the offline model; people sign in this process. AGENTDESK_DATA
and DATABASE_URL say which database is used; a scene may lead its worker to it by another way.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
django.setup()

from django.conf import settings  # noqa: E402 -- Django first
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import DatabaseError, connection  # noqa: E402

from agentdesk.core.errors import DeskError  # noqa: E402
from approvals.decide import decide  # noqa: E402
from approvals.models import Approval  # noqa: E402
from tasks.intake import open_ticket  # noqa: E402
from tasks.models import Task, TaskStatus, TicketSource  # noqa: E402
from tests.crash.history import Expected, check  # noqa: E402
from tests.crash.reading import read  # noqa: E402
from tests.crash.running import ROOT  # noqa: E402
from tests.crash.stories import prepare  # noqa: E402
from tests.factories import CustomerFactory, order_with  # noqa: E402

ONCE = Expected(effects={"refund": 1, "document": 1, "message": 1})
PATIENCE_SECONDS = 60


class Scene:
    def __init__(self, told: dict[str, Any]) -> None:
        self.told = told
        self.worker: subprocess.Popen[bytes] | None = None
        self.log = Path(settings.DATA_DIR).parent / "worker.log"

    def open(self, count: int) -> None:
        """Tickets of customers who were charged twice."""
        for _ in range(count):
            customer = CustomerFactory()
            order_with(customer=customer, charges=(2900, 2900), subscription=True)
            open_ticket(
                subject="I was charged twice for my monthly subscription",
                body="There are two identical charges on my card. Please give one back.",
                customer=customer,
                source=TicketSource.FORM,
                by=None,
            )

    def start_worker(self, **variables: str) -> None:
        self.worker = subprocess.Popen(
            [sys.executable, "manage.py", "work", "--supervise"],
            cwd=ROOT,
            env={**os.environ, "AGENTDESK_OFFLINE_PACE_MS": "8", **variables},
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
        )

    def stop_worker(self) -> None:
        assert self.worker is not None
        self.worker.send_signal(signal.SIGTERM)
        try:
            self.worker.wait(timeout=40)
        except subprocess.TimeoutExpired:
            self.worker.kill()
            self.worker.wait()

    def until(self, condition: Callable[[], bool], *, what: str, seconds: float = PATIENCE_SECONDS) -> float:
        """Seconds until the condition holds, while people go on signing. Raises AssertionError."""
        since = time.monotonic()
        while time.monotonic() - since < seconds:
            self.sign()
            if condition():
                return round(time.monotonic() - since, 1)
            time.sleep(0.1)
        states = list(Task.objects.values_list("status", "failure", "waiting_note"))
        raise AssertionError(
            f"{what} did not come within {seconds} s: {states}\n{self.log.read_text()[-3000:]}"
        )

    def running(self) -> bool:
        return Task.objects.filter(status=TaskStatus.RUNNING, turns_used__gte=1).exists()

    def at_rest(self) -> bool:
        return not Task.objects.live().exists()

    def sign(self) -> None:
        try:
            for approval in Approval.objects.open():
                decide(
                    approval, by=User.objects.get(username="lena"), verdict="approve", seen=approval.seen_hash
                )
        except (DeskError, DatabaseError):
            connection.close()  # tried again in a moment

    def findings(self, quiet: float) -> list[dict[str, str]]:
        ids = list(Task.objects.values_list("pk", flat=True))
        found = read(ids)
        found.expected = dict.fromkeys(ids, ONCE)
        found.quiet_after_seconds = quiet
        return [asdict(finding) for finding in check(found)]


def main(name: str, told: dict[str, Any]) -> None:
    from tests.faults import scenes

    logging.disable(logging.CRITICAL)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", verbosity=0)
    prepare()
    scene = Scene(told)
    try:
        result = getattr(scenes, name)(scene)
    finally:
        if scene.worker is not None and scene.worker.poll() is None:
            scene.stop_worker()
    print(json.dumps(result), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))
