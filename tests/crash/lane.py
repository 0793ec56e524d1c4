"""One lane as a process of its own: `python -m tests.crash.lane '{"kills": 100, "seed": 1, ...}'`; JSON lines come out.

AGENTDESK_DATA and DATABASE_URL say which database is used; it must be this lane's own.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

import django

from tests.crash.provider import Provider

PROVIDER = Provider() if json.loads(sys.argv[1]).get("paid_outside") else None
if PROVIDER is not None:
    os.environ |= PROVIDER.variables  # before the settings are read
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
django.setup()

from django.conf import settings  # noqa: E402 -- Django first
from django.core.management import call_command  # noqa: E402

from tests.crash.controls import CONTROLS  # noqa: E402
from tests.crash.forked import done  # noqa: E402
from tests.crash.rounds import Lane, caught, rounds  # noqa: E402
from tests.crash.stories import prepare  # noqa: E402


def furnish() -> None:
    call_command("migrate", verbosity=0)
    prepare()


def main(told: dict[str, Any]) -> None:
    logging.disable(logging.CRITICAL)  # what a killed or broken process complains about is expected here
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    done(furnish)
    mails = Path(settings.EMAIL_FILE_PATH) if getattr(settings, "EMAIL_FILE_PATH", None) else None
    book = PROVIDER.book if PROVIDER is not None else None
    lane = Lane(seed=told["seed"], mails=mails, book=book)
    lane.skew_hours, lane.at_once = told.get("skew_hours", 0), told.get("at_once", 1)
    started = time.monotonic()
    told_of = 0
    for tally in rounds(lane, kills=told["kills"], floor=told["floor"], calm=told.get("calm", 1)):
        say(
            progress={
                "kills": tally.kills,
                "rounds": tally.rounds,
                "seconds": round(time.monotonic() - started),
            },
            findings=tally.findings[told_of:],
        )
        told_of = len(tally.findings)
    tally = lane.tally
    controls = {}
    for index, control in enumerate(CONTROLS, start=1):
        if control.name in told.get("controls", []):
            found = caught(control, seed=told["seed"] + index, first_round=1_000_000 * index, book=book)
            controls[control.name] = [f"{finding.invariant}: {finding.what}" for finding in found[:2]]
    say(
        result={
            "kills": tally.kills,
            "in_recovery": tally.in_recovery,
            "stops": tally.stops,
            "stories": tally.stories,
            "findings": tally.findings,
            "hits": dict(tally.hits),
            "required": sorted(tally.required),
            "controls": controls,
            "seconds": round(time.monotonic() - started, 1),
        }
    )


def say(**line: Any) -> None:
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    try:
        main(json.loads(sys.argv[1]))
    finally:
        if PROVIDER is not None:
            PROVIDER.stop()
