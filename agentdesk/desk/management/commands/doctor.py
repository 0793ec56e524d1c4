"""`manage.py doctor`: what is wrong with this desk, in sentences with their cures. Exit code 1 when something is."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand

from agentdesk.desk.doctor.examine import examine
from agentdesk.desk.doctor.finding import Level


class Command(BaseCommand):
    help = "Say what is wrong with this desk and how to mend it. It only looks; the exit code is 1 when something is wrong."
    requires_system_checks = ()  # what they find is for this command to say

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="One JSON object, for programs")

    def handle(self, *, json: bool, **_: Any) -> None:
        found = list(examine())
        wrong = sum(diagnosis.finding.level == Level.PROBLEM for diagnosis in found)
        if json:
            self.stdout.write(_as_json(found, healthy=not wrong))
        else:
            for diagnosis in found:
                finding = diagnosis.finding
                mark = self.style.ERROR("✗") if finding.level == Level.PROBLEM else self.style.NOTICE("·")
                self.stdout.write(f"{mark} {finding.sentence}")
                if finding.cure:
                    self.stdout.write(f"    {finding.cure}")
            self.stdout.write(
                f"{wrong} {'problem' if wrong == 1 else 'problems'}." if wrong else "Nothing is wrong."
            )
        if wrong:
            sys.exit(1)


def _as_json(found: list[Any], *, healthy: bool) -> str:
    findings = [
        {
            "check": diagnosis.check,
            "level": diagnosis.finding.level,
            "sentence": diagnosis.finding.sentence,
            "cure": diagnosis.finding.cure,
        }
        for diagnosis in found
    ]
    return json.dumps({"healthy": healthy, "findings": findings}, indent=2, ensure_ascii=False)
