"""Random kills of a whole desk: `python -m tests.crash.trees '{"kills": 12, "seed": 7}'`; JSON lines come out.

Nothing is forked from here and no clock is helped along: leases run out when they do, and recovery is measured from the
kill to the next event of each task that was being worked on. AGENTDESK_DATA and DATABASE_URL say which database is used.
"""

from __future__ import annotations

import json
import logging
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import django

from tests.crash.provider import Provider

PROVIDER = Provider()
os.environ |= PROVIDER.variables  # before the settings are read, here and in the desk's processes
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
django.setup()

from django.conf import settings  # noqa: E402 -- Django first
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from agentdesk.api import tokens  # noqa: E402
from approvals.models import Approval, Decision  # noqa: E402
from tasks.models import Task, TaskStatus, Ticket  # noqa: E402
from tasks.transitions import LEASE  # noqa: E402
from tests.crash.desk import Busy, Desk, Person  # noqa: E402
from tests.crash.history import Expected, check  # noqa: E402
from tests.crash.reading import read  # noqa: E402
from tests.crash.stories import prepare  # noqa: E402
from tests.factories import CustomerFactory, order_with  # noqa: E402
from tests.serving import session_of  # noqa: E402
from tools.store.models import Charge  # noqa: E402

ROLES = ["worker", "second worker", "monitor", "pusher", "sentinel", "main", "web", "supervisor"]
STOPS = ["worker", "second worker"]
WORK_DIES_WITH = {"worker", "second worker", "monitor", "pusher", "sentinel", "main", "supervisor"}
STOP_SHARE = 0.12
AGAIN_SHARE = 0.3
"""How often the next kill follows within two seconds: a crash while it recovers."""
MEAN_PAUSE_SECONDS = 4.0
AT_ONCE = 8
QUIET_AT_MOST_SECONDS = 90
ONCE = Expected(effects={"refund": 1, "provider": 1, "document": 1, "message": 1})


@dataclass(slots=True)
class Recovery:
    """Tasks that lost their worker, when, and how long until their next event."""

    struck: dict[int, tuple[float, int]] = field(default_factory=dict)
    seconds: list[float] = field(default_factory=list)

    def strike(self, moment: float) -> None:
        """Everything that runs now may have lost its worker; a task that was struck before starts again."""
        for pk, last in Task.objects.filter(status=TaskStatus.RUNNING).values_list("pk", "last_event"):
            self.struck[pk] = (moment, last)

    def look(self) -> None:
        if not self.struck:
            return
        now = time.monotonic()
        for pk, last in Task.objects.filter(pk__in=self.struck).values_list("pk", "last_event"):
            moment, before = self.struck[pk]
            if last > before:
                self.seconds.append(round(now - moment, 2))
                del self.struck[pk]


class Fire:
    """Kills and stops processes of a desk that people use, then lets it come to rest and judges."""

    def __init__(self, *, kills: int, seed: int, data: Path) -> None:
        self.wanted, self.seed = kills, seed
        self.random = random.Random(seed)
        self.desk = Desk(data / "desk.log")
        self.recovery = Recovery()
        self.killed: Counter[str] = Counter()
        self.stops = 0
        self.web_seconds: list[float] = []
        self.posted: dict[str, str] = {}
        """What was accepted: the subject of a ticket or the idempotency key of a task, and how it came in."""
        self.decided: dict[str, int] = {}
        self._lock = threading.Lock()
        self._number = 0

    def run(self) -> dict[str, Any]:
        self.desk.start()
        self.desk.wait_ready()
        people = self._people()
        for busy in people:
            busy.start()
        try:
            self._burn()
            people[0].stop()
            quiet = self._come_to_rest()
        finally:
            for busy in people:
                busy.stop()
            self.desk.stop()
        return self._judged(quiet, [error for busy in people for error in busy.errors])

    def _people(self) -> list[Busy]:
        ada, lena = User.objects.get(username="ada"), User.objects.get(username="lena")
        _, secret = tokens.create(ada, name="harness")
        self.form = Person(self.desk.port, session_of(ada))
        self.program = Person(self.desk.port, "", bearer=secret)
        self.signer = Person(self.desk.port, session_of(lena))
        return [Busy(self._ask, 0.4), Busy(self._sign, 0.3)]

    def _ask(self) -> None:
        try:
            if Task.objects.live().count() >= AT_ONCE:
                return
            self._number += 1
            name = f"{self.seed}-{self._number}"
            number = f"C-{name}"
            order = order_with(
                customer=CustomerFactory(number=number, email=f"{name}@customers.example"),
                number=f"A-{name}",
                charges=(2900, 2900),
                subscription=True,
            )
            for charge in order.charges.all():
                Charge.objects.filter(pk=charge.pk).update(reference=f"ch_5800_usd_{charge.pk}")
        finally:
            connection.close()
        subject = f"I was charged twice for my monthly subscription, {name}"
        body = "There are two identical charges on my card. Please give one back."
        if self._number % 2:
            if self.form.post("/tickets/new/", customer=number, subject=subject, body=body) == 302:
                self.posted[subject] = "form"
            return
        goal = f"Ticket of a shop: {subject}\nCustomer: {number}\n\n---8<---\n{body}\n---8<---"
        sent = json.dumps({"goal": goal, "customer": number})
        for _ in range(60):  # a program repeats under its key until it is answered
            try:
                status, _ = self.program.ask(
                    "POST",
                    "/api/v1/tasks",
                    sent,
                    **{"Content-Type": "application/json", "Idempotency-Key": name},
                )
            except OSError:
                status = 0
            if status == 202:
                self.posted[goal] = "api"
                return
            time.sleep(0.5)

    def _sign(self) -> None:
        try:
            waiting = list(Approval.objects.open().values_list("public_id", flat=True)[:20])
        finally:
            connection.close()
        for approval in waiting:
            if self.signer.decide(approval):
                self.decided[approval] = self.decided.get(approval, 0) + 1

    def _burn(self) -> None:
        while sum(self.killed.values()) < self.wanted:
            again = self.random.random() < AGAIN_SHARE and self.killed
            pause = (
                self.random.uniform(0.1, 2)
                if again
                else self.random.expovariate(1 / MEAN_PAUSE_SECONDS) + 0.5
            )
            self._watch(pause)
            if self.random.random() < STOP_SHARE:
                self._stop_one()
            else:
                self._kill_one()
            say(progress={"kills": sum(self.killed.values()), "stops": self.stops, "tasks": len(self.posted)})

    def _watch(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.desk.keep_up()
            self.recovery.look()
            time.sleep(0.1)

    def _kill_one(self) -> None:
        processes = self.desk.processes()
        present = [role for role in ROLES if role in processes]
        if len(present) < len(
            ROLES
        ):  # while it starts, only what is there may die, the supervisor once it is whole
            present = [role for role in present if role != "supervisor"]
        if not present:
            return
        # seldom ones first, so that each role gets its share
        role = min(present, key=lambda name: (self.killed[name], self.random.random()))
        below = self.desk.all_below() if role == "supervisor" else []
        moment = time.monotonic()
        os.kill(processes[role], signal.SIGKILL)
        if role in WORK_DIES_WITH:
            self.recovery.strike(moment)
        self.killed[role] += 1
        if role == "supervisor":
            assert self.desk.process is not None
            self.desk.process.wait()
            self.desk.end_orphans(below)
        if role == "web":
            self._until_web_answers(moment)

    def _until_web_answers(self, moment: float) -> None:
        while time.monotonic() - moment < QUIET_AT_MOST_SECONDS:
            self._watch(0.1)
            try:
                if Person(self.desk.port, "", timeout=2).ask("GET", "/healthz")[0] == 200:
                    self.web_seconds.append(round(time.monotonic() - moment, 2))
                    return
            except OSError:
                continue

    def _stop_one(self) -> None:
        """A worker process that sleeps longer than its lease, and then goes on as if nothing had been."""
        processes = self.desk.processes()
        present = [role for role in STOPS if role in processes]
        if not present:
            return
        pid = processes[self.random.choice(present)]
        os.kill(pid, signal.SIGSTOP)
        self.recovery.strike(time.monotonic())
        self.stops += 1
        self._watch(LEASE.total_seconds() + 3)
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            return  # its tree found that it hung, and ended it

    def _come_to_rest(self) -> float:
        """Seconds from the last fault until nothing is queued, runs or waits for a signature."""
        since = time.monotonic()
        while time.monotonic() - since < QUIET_AT_MOST_SECONDS:
            self._watch(0.2)
            if not Task.objects.live().exists():
                break
        return round(time.monotonic() - since, 1)

    def _judged(self, quiet: float, errors: list[str]) -> dict[str, Any]:
        ids = list(Task.objects.values_list("pk", flat=True))
        found = read(ids, book=PROVIDER.book, mails=Path(settings.EMAIL_FILE_PATH))
        found.expected = dict.fromkeys(ids, ONCE)
        found.quiet_after_seconds = quiet
        found.accepted = [*self._posts_there(), *self._decisions_there()]
        findings = [{**asdict(finding), "seed": str(self.seed)} for finding in check(found)]
        findings += [{"invariant": "harness", "kind": "illegal", "what": error} for error in errors[:3]]
        findings += [
            {"invariant": "orphans", "kind": "illegal", "what": f"outlived its supervisor: {line}"}
            for line in self.desk.orphans
        ]
        return {
            "kills": sum(self.killed.values()),
            "by_process": dict(self.killed),
            "stops": self.stops,
            "stories": len(ids),
            "findings": findings,
            "recovery_s": sorted(self.recovery.seconds),
            "web_s": sorted(self.web_seconds),
            "never_recovered": len(self.recovery.struck),
            "quiet_after_s": quiet,
            "starts": self.desk.starts,
        }

    def _posts_there(self) -> list[tuple[str, bool]]:
        """A ticket from the form is there; what a program repeated under one key is there once."""
        forms = set(Ticket.objects.values_list("subject", flat=True))
        goals = Counter(Task.objects.values_list("goal", flat=True))
        return [
            (f"{how}: {name[:100]}", name in forms if how == "form" else goals[name] == 1)
            for name, how in self.posted.items()
        ]

    def _decisions_there(self) -> list[tuple[str, bool]]:
        there = set(Decision.objects.values_list("approval__public_id", flat=True))
        return [(f"decision on {approval}", approval in there) for approval in self.decided]


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


def main(told: dict[str, Any]) -> int:
    logging.disable(logging.CRITICAL)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    call_command("migrate", verbosity=0)
    prepare()
    try:
        result = Fire(kills=told["kills"], seed=told["seed"], data=Path(settings.DATA_DIR)).run()
    finally:
        PROVIDER.stop()
    say(result=result)
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
