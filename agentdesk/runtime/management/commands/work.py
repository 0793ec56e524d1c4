"""`manage.py work`: the background workers. Exit code 0 after a stop, 75 when it has to be started again."""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand

from agentdesk.runtime.supervise import Program, Supervisor


class Command(BaseCommand):
    help = "Run the workers that let agents work through the tasks. Ctrl-C or SIGTERM lets them finish what they are at; a second one hurries them."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument(
            "--supervise",
            action="store_true",
            help="Start the workers again when they end or hang, for ever. Without it, whoever starts this command has to.",
        )

    def handle(self, *, supervise: bool, **_: Any) -> None:
        if supervise:
            Supervisor([Program("worker", ["manage.py", "work"])]).run()
            return
        from agentdesk.runtime import tree  # a supervising parent needs no model client: 2 s and 100 MB

        code = tree.run()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # multiprocessing would wait for children at exit, without an end
