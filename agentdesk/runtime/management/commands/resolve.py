"""`manage.py resolve`: work one ticket in the terminal."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agentdesk.core.errors import DeskError
from agentdesk.core.text import shortened
from agentdesk.runtime.console import Console
from tasks.intake import find_agent, find_customer, open_ticket
from tasks.models import TaskStatus, TicketSource

WAITS = 3
"""Exit code when the task waits for somebody who is not at this terminal."""


class Command(BaseCommand):
    help = "Work one ticket in the terminal: live to-dos, and the sign-off asked here. Exit code 0 done, 1 failed, 3 it waits."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("text", help="What the customer wrote")
        parser.add_argument("--customer", required=True, help="Customer number, e-mail address or full name")
        parser.add_argument("--as", dest="asker", required=True, metavar="USER", help="Who asks for the task")
        parser.add_argument(
            "--sign-as", dest="signer", metavar="USER", help="Who signs here; never the one who asks"
        )
        parser.add_argument("--agent", help="Name of the agent; default: support")

    def handle(
        self, *, text: str, customer: str, asker: str, signer: str | None, agent: str | None, **_: Any
    ) -> None:
        who = self._user(asker)
        signs = self._user(signer) if signer else None
        if not who.has_perm("tasks.start_task"):
            raise CommandError(
                f"{asker} may not start tasks. Choose somebody whose role may, for example an agent."
            )
        try:
            ticket = open_ticket(
                subject=shortened(" ".join(text.split()), 100),
                body=text,
                customer=find_customer(customer),
                source=TicketSource.CONSOLE,
                by=who,
                agent=find_agent(agent) if agent else None,
            )
        except DeskError as error:
            raise CommandError(error.sentence) from None
        address = f"http://{settings.HOST}:{settings.PORT}"
        task = ticket.tasks.get()
        self.stdout.write(f"{ticket.customer}: {ticket.subject}\n{address}{task.get_absolute_url()}\n")
        task = Console(task, asker=who, signer=signs, write=self._say, read=input, address=address).follow()
        self._say("")
        if task.status == TaskStatus.DONE:
            self._say(task.result)
        elif task.status == TaskStatus.WAITING:
            sys.exit(WAITS)
        else:
            raise CommandError(task.failure or f"The task is {task.get_status_display().lower()}.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _user(self, username: str) -> User:
        user = User.objects.filter(username=username, is_active=True).first()
        if user is None:
            raise CommandError(
                f"There is no active user {username!r}. Create one in the admin, or use a demo account."
            )
        return user
