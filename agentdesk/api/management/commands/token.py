"""Make, list and revoke API tokens."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agentdesk.api import tokens
from agentdesk.api.models import Token
from agentdesk.core.errors import DeskError


class Command(BaseCommand):
    help = "Make, list and revoke API tokens. A program with a token has exactly its owner's rights."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        create = actions.add_parser("create", help="make a token and print it, this once")
        create.add_argument("--user", required=True, help="user name of the owner")
        create.add_argument("--name", required=True, help="what it is for")
        create.add_argument("--days", type=int, help="days until it expires; without, it does not")
        actions.add_parser("list", help="show the tokens, never the secrets")
        revoke = actions.add_parser("revoke", help="end a token; open streams close within seconds")
        revoke.add_argument("id", type=int, help="as “token list” shows it")

    def handle(self, *_: Any, **options: Any) -> None:
        try:
            match options["action"]:
                case "create":
                    self._create(options["user"], options["name"], options["days"])
                case "list":
                    self._list()
                case "revoke":
                    token = tokens.revoke(options["id"])
                    self.stdout.write(
                        f"Revoked token {token.pk} ({token.name}) of {token.user.get_username()}."
                    )
        except DeskError as error:
            raise CommandError(error.sentence) from None

    def _create(self, username: str, name: str, days: int | None) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        token, secret = tokens.create(user, name=name, days=days)
        self.stderr.write(
            f"Token {token.pk} ({token.name}) of {username}. It is shown this once; keep it safe."
        )
        self.stdout.write(secret)

    def _list(self) -> None:
        for token in Token.objects.select_related("user"):
            state = (
                "revoked"
                if token.revoked_at
                else f"until {token.expires_at:%Y-%m-%d}"
                if token.expires_at
                else "no expiry"
            )
            used = f"used {token.last_used_at:%Y-%m-%d %H:%M}" if token.last_used_at else "never used"
            self.stdout.write(f"{token.pk}\t{token.user.get_username()}\t{token.name}\t{state}\t{used}")
