"""Pull and release brakes from a terminal, for when the desk's pages are out of reach."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from agentdesk.brakes.models import Brake, Depth
from agentdesk.brakes.pulled import pulled
from agentdesk.core.errors import DeskError
from tasks.braking import release
from tools.braking import pull


class Command(BaseCommand):
    help = "Stop what agents do: pull and release brakes, or list those that are pulled."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        down = actions.add_parser("pull", help="stop something")
        up = actions.add_parser("release", help="let it go on")
        for action in (down, up):
            action.add_argument("depth", choices=Depth.values, help="take up tasks, decide, or have effects")
            action.add_argument("--tool", default="", help="only this tool")
            action.add_argument("--agent", default="", help="only this agent")
            action.add_argument("--reason", required=True, help="people read it on every page")
            action.add_argument("--as", dest="username", required=True, help="your user name")
        actions.add_parser("list", help="show the pulled brakes")

    def handle(self, *_: Any, **options: Any) -> None:
        if options["action"] == "list":
            self._list()
            return
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active user {options['username']!r}.")
        scope = {name: options[name] for name in ("depth", "tool", "agent")}
        try:
            if options["action"] == "pull":
                self.stdout.write(pull(**scope, by=user, reason=options["reason"]).in_words)
            else:
                self._release(**scope, by=user, reason=options["reason"])
        except DeskError as error:
            raise CommandError(error.sentence) from None

    def _release(self, *, depth: str, tool: str, agent: str, by: User, reason: str) -> None:
        rows = Brake.objects.pulled().at(Depth(depth)).filter(tool=tool)
        brake = (rows.filter(agent__name=agent) if agent else rows.filter(agent__isnull=True)).first()
        if brake is None:
            raise CommandError("No such brake is pulled. “brake list” shows those that are.")
        woken = release(brake, by=by, reason=reason)
        self.stdout.write(f"Released. {woken} waiting task{'' if woken == 1 else 's'} go on.")

    def _list(self) -> None:
        for brake in pulled():
            scope = (
                f" --tool {brake.tool}"
                if brake.tool
                else f" --agent {brake.agent.name}"
                if brake.agent
                else ""
            )
            self.stdout.write(f"{brake.depth}{scope}\t{brake.in_words}")
