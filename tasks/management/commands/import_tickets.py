"""Import tickets from a CSV or JSON lines file; each becomes a queued task. Running it again adds nothing."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from agentdesk.core.errors import DeskError, Invalid, Late
from agentdesk.core.text import visible
from agentdesk.roster.models import Agent
from tasks.import_files import COLUMNS, Problem, Row, rows_of
from tasks.intake import default_agent, find_agent, find_customer, open_ticket
from tasks.models import TicketSource


class Command(BaseCommand):
    help = (
        f"Import tickets from FILE: CSV with the columns {', '.join(COLUMNS)} in its first line, or one JSON object with "
        "these keys a line. Bad rows are reported by line and left out; tickets that are here already are passed over. "
        "Exit code 1 when a row was bad."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument(
            "--as", dest="user", metavar="USER", help="Who asks for the tasks; may not sign for them later"
        )
        parser.add_argument(
            "--agent", metavar="NAME", help="The agent that gets the tasks; the support agent by default"
        )

    def handle(self, *, file: Path, user: str | None, agent: str | None, **_: Any) -> None:
        added = present = bad = 0
        lines: dict[str, int] = {}
        try:
            by = _person(user) if user else None
            chosen = find_agent(agent) if agent else default_agent()
            for row in rows_of(file):
                try:
                    self._add(row, lines, by=by, agent=chosen)
                    added += 1
                except Late:
                    present += 1
                except DeskError as error:
                    bad += 1
                    self.stderr.write(f"line {row.line}: {visible(error.sentence)}")
        except Invalid as error:
            raise CommandError(visible(error.sentence)) from None
        self.stdout.write(f"{added:,} added, {present:,} here already, {bad:,} bad.")
        if bad:
            raise CommandError(
                f"{bad:,} row{'s were' if bad > 1 else ' was'} left out. Correct them and run it again."
            )

    def _add(self, row: Row | Problem, lines: dict[str, int], *, by: User | None, agent: Agent) -> None:
        """Raises Late when the ticket is here already, and another DeskError that says what is wrong with the row."""
        if isinstance(row, Problem):
            raise Invalid(row.reason)
        first = lines.setdefault(row.external_id, row.line)
        if first != row.line:
            raise Invalid(f"The external_id {row.external_id!r} is in line {first} already.")
        open_ticket(
            subject=row.subject,
            body=row.body,
            customer=find_customer(row.customer),
            source=TicketSource.IMPORT,
            by=by,
            external_id=row.external_id,
            agent=agent,
        )


def _person(username: str) -> User:
    user = User.objects.filter(username=username, is_active=True).first()
    if user is None:
        raise Invalid(f"There is no active user {username!r}.")
    if not user.has_perm("tasks.start_task"):
        raise Invalid(f"{username} may not start tasks. Name somebody who may, or leave --as out.")
    return user
