"""What every page shows about itself: who reads, what waits for them, which model works."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest

from agentdesk.brakes.models import Brake
from agentdesk.brakes.pulled import pulled
from agentdesk.desk.access import VIEW_DESK
from approvals import queue

DEMO_ACCOUNTS = {
    "agent": "opens tickets, answers agents’ questions",
    "lead": "signs refunds up to $250",
    "finance": "signs larger refunds",
    "auditor": "reads everything, changes nothing",
    "viewer": "looks on",
    "admin": "sets up agents, policies, people",
}
SECTIONS = {
    "dashboard": "dashboard",
    "approvals": "approvals",
    "approval": "approvals",
    "decide": "approvals",
    "brakes": "brakes",
    "brake_pull": "brakes",
    "brake_release": "brakes",
    "ask_outside": "approvals",
    "tickets": "tickets",
    "ticket": "tickets",
    "ticket_new": "tickets",
    "tasks": "tasks",
    "task": "tasks",
    "task_cancel": "tasks",
    "task_cap": "tasks",
    "extend_limit": "tasks",
}


@dataclass
class Desk:
    """Each property asks the database only when a template names it."""

    request: HttpRequest

    @property
    def user(self) -> User | AnonymousUser:
        return getattr(self.request, "user", None) or AnonymousUser()

    @cached_property
    def open_to_reader(self) -> bool:
        return self.user.has_perm(VIEW_DESK)

    @cached_property
    def waiting(self) -> int:
        """How many approvals the reader could decide now."""
        return queue.count_for(self.user) if isinstance(self.user, User) and self.open_to_reader else 0

    @cached_property
    def brakes(self) -> list[Brake]:
        """The pulled brakes, for the banner of every page."""
        return pulled() if self.open_to_reader else []

    @cached_property
    def role(self) -> str:
        if not isinstance(self.user, User):
            return ""
        names = sorted(self.user.groups.values_list("name", flat=True))
        return ", ".join(names) or ("superuser" if self.user.is_superuser else "no role")

    @property
    def section(self) -> str:
        """The entry of the navigation that is open, or nothing."""
        match = self.request.resolver_match
        return SECTIONS.get(match.url_name or "", "") if match and match.namespace == "desk" else ""

    @property
    def model(self) -> str:
        if settings.MODEL == "offline":
            return "Offline model: built in, decides by rules, no key needed"
        return f"Model: {settings.MODEL}"

    @property
    def offline(self) -> bool:
        return bool(settings.MODEL == "offline")

    @property
    def theme(self) -> str:
        """What the reader chose with the theme button: light, dark, or empty for the system's choice."""
        chosen = self.request.COOKIES.get("theme", "")
        return chosen if chosen in {"light", "dark"} else ""

    @property
    def demo_accounts(self) -> dict[str, str]:
        return DEMO_ACCOUNTS if settings.DEMO else {}

    @property
    def demo_password(self) -> str:
        """The demo's password, only while it is the published one."""
        return settings.DEMO_PASSWORD if settings.DEMO and settings.DEMO_PASSWORD == "agentdesk" else ""  # noqa: S105 -- printed by `make up`


def desk(request: HttpRequest) -> dict[str, Desk]:
    return {"desk": Desk(request)}
