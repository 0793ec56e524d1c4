"""Fill an empty desk with a lived-in shop: the same people, orders and tickets every time. Running it again adds nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from agentdesk.core.errors import DeskError
from agentdesk.desk.demo.accounts import make_accounts
from agentdesk.desk.demo.people import CUSTOMERS
from agentdesk.desk.demo.shop import ORDERS, build
from agentdesk.desk.demo.tickets import open_tickets
from tools.library.shelve import shelve_shipped


class Command(BaseCommand):
    help = (
        f"Make the demo: {CUSTOMERS} customers with {ORDERS:,} orders, the shipped runbooks, tickets that agents start to "
        "work on at once and, on a demo desk (AGENTDESK_DEMO=1), one account a role. What is here already stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--no-tickets",
            action="store_true",
            help="Make the shop and the accounts, but give the agents no work",
        )

    def handle(self, *, no_tickets: bool, **_: Any) -> None:
        made = []
        try:
            if runbooks := shelve_shipped():
                made.append(f"{runbooks} runbooks")
            if build():
                made.append(f"{CUSTOMERS} customers with {ORDERS:,} orders")
            if accounts := make_accounts():
                made.append(
                    f"the accounts {', '.join(accounts)} with the password {settings.DEMO_PASSWORD!r}"
                )
            if not no_tickets and (tickets := open_tickets()):
                made.append(f"{tickets} ticket{'s' if tickets != 1 else ''}, each a task in the queue")
        except DeskError as error:
            raise CommandError(error.sentence) from None
        for line in made:
            self.stdout.write(f"Made {line}.")
        if not made:
            self.stdout.write("The demo is complete; nothing to do.")
