"""manage.py sync_agents: bring the shipped agents into the database."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from agentdesk.core.errors import Invalid
from agentdesk.roster.sync import sync_shipped


class Command(BaseCommand):
    help = "Bring the shipped agents into the database. What staff published stays current."

    def handle(self, *_: Any, **__: Any) -> None:
        try:
            done = sync_shipped()
        except Invalid as error:
            raise CommandError(error.sentence) from None
        for sentence in done or ["The shipped agents are in place already."]:
            self.stdout.write(sentence)
