"""`manage.py up`: the whole desk from nothing, as one command."""

from __future__ import annotations

import socket
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from agentdesk.desk.demo.accounts import ACCOUNTS
from agentdesk.runtime.supervise import GivenUp, Program, Supervisor
from tools.library.shelve import shelve_shipped

READY_SECONDS = 60.0


class Command(BaseCommand):
    help = "Migrate, seed the demo the first time (AGENTDESK_DEMO=1), and run web and workers until Ctrl-C."

    def handle(self, **_: Any) -> None:
        self.address = f"http://{settings.HOST}:{settings.PORT}"
        self._refuse_taken_port()
        self.stdout.write(f"Preparing the data in {settings.DATA_DIR} ...")
        call_command("migrate", verbosity=0, interactive=False)
        call_command("sync_agents", stdout=self.stdout)
        if shelved := shelve_shipped():
            self.stdout.write(f"Added {shelved} runbooks.")
        if settings.DEMO:
            call_command("seed_demo", stdout=self.stdout)
        if not User.objects.exists():
            self.stdout.write(
                "There is no account yet. Make the first one: .venv/bin/python manage.py createsuperuser"
            )
        self.stdout.flush()
        web = [
            "-m",
            "daphne",
            "-v",
            "0",
            "-b",
            settings.HOST,
            "-p",
            str(settings.PORT),
            "--no-server-name",
            "agentdesk.asgi:application",
        ]
        supervisor = Supervisor(
            [Program("web", web), Program("worker", ["manage.py", "work"])], may_give_up=True
        )
        threading.Thread(target=self._announce, daemon=True).start()
        try:
            supervisor.run()
        except GivenUp as error:
            raise CommandError(str(error)) from None
        self.stdout.write("AgentDesk has stopped.")

    def _refuse_taken_port(self) -> None:
        with socket.socket(socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.HOST, settings.PORT))
            except OSError as error:
                raise CommandError(
                    f"Port {settings.PORT} on {settings.HOST} cannot be used ({error.strerror}). "
                    f"Choose another one: PORT={settings.PORT + 1} make up"
                ) from None

    def _announce(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            try:
                with urllib.request.urlopen(f"{self.address}/healthz", timeout=2):  # noqa: S310 -- our own address
                    break
            except (urllib.error.URLError, OSError):
                time.sleep(0.2)
        else:
            self.stderr.write(f"{self.address}/healthz does not answer after {READY_SECONDS:.0f} seconds.")
            return
        self.stdout.write(f"AgentDesk is ready at {self.address}")
        if settings.DEMO:
            self.stdout.write(f"Sign in as {', '.join(ACCOUNTS)} (password: {settings.DEMO_PASSWORD})")
        thinks = "the built-in offline model" if settings.MODEL == "offline" else settings.MODEL
        self.stdout.write(f"Thinking: {thinks}. Stop with Ctrl-C.")
        self.stdout.flush()
