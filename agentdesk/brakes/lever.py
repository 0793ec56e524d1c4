"""Pull a brake and release it: who may, once per depth and scope, for ever on record."""

from __future__ import annotations

from django.contrib.admin.models import ADDITION, CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from agentdesk.brakes.models import MAX_REASON, Brake, Depth
from agentdesk.core.clock import database_now
from agentdesk.core.errors import Forbidden, Invalid, Late
from agentdesk.core.text import checked, shortened
from agentdesk.events.announce import EVERYTHING, send_all
from agentdesk.roster.models import Agent

PULL, RELEASE = "brakes.pull_brake", "brakes.release_brake"
LOCK = 7_216_300_412_905_141_127
"""PostgreSQL's advisory lock between those who pull a brake (alone) and those whose act a brake may stop (shared)."""


def pull(depth: Depth, *, by: User, reason: str, tool: str = "", agent: Agent | None = None) -> Brake:
    """Stop what `depth` says, for one tool, one agent or everything.

    When it returns, everything that is checked under `pulled.holding_still` has either committed or will see the brake.
    Raises Forbidden without the right, Invalid on a wrong scope or no reason, and Late when this brake is pulled already.
    """
    if not by.has_perm(PULL):
        raise Forbidden("Your role may not pull brakes. Ask a lead, finance or an administrator.")
    reason = checked(reason, field="reason", max_length=MAX_REASON)
    if (tool and agent) or (tool and depth == Depth.TAKE) or (agent and depth == Depth.DECIDE):
        raise Invalid(
            "This brake does not exist: “take” is for one agent or all, “decide” for one tool or all, and no brake is for both.",
            fields={"scope": "wrong"},
        )
    brake = Brake(depth=depth, tool=tool, agent=agent, reason=reason, pulled_by=by)
    if not _put_down(brake):
        raise Late(_pulled_already(brake))
    return brake


def trip(*, cap: str, tools: list[str], reason: str) -> list[Brake]:
    """The money breaker: stop the effects of `tools`. Returns the brakes that hold them now, its own or earlier ones."""
    held = []
    for tool in tools:
        brake = Brake(depth=Depth.EFFECTS, tool=tool, reason=shortened(reason, MAX_REASON), tripped_by=cap)
        if not _put_down(brake):
            brake = Brake.objects.pulled().at(Depth.EFFECTS).get(tool=tool)
        held.append(brake)
    return held


def release(brake: Brake, *, by: User, reason: str) -> Brake:
    """Let go on what `brake` stopped; call it inside the transaction that wakes what waited.

    Raises Forbidden, Invalid without a reason, and Late when somebody released it before.
    """
    if not by.has_perm(RELEASE):
        raise Forbidden("Your role may not release brakes. Ask finance or an administrator.")
    reason = checked(reason, field="reason", max_length=MAX_REASON)
    with transaction.atomic():
        moved = Brake.objects.filter(pk=brake.pk, released_at__isnull=True).update(
            released_by=by, released_at=Now(), released_because=reason
        )
        if not moved:
            brake.refresh_from_db()
            raise Late(_released_already(brake))
        _log(brake, by=by, flag=CHANGE, words=f"Released: {reason}")
        _tell_pages()
    brake.refresh_from_db()
    return brake


def _put_down(brake: Brake) -> bool:
    """False when one of this depth and scope is pulled already."""
    try:
        with transaction.atomic():
            _wait_for_those_at_work()
            brake.pulled_at = database_now()
            brake.save()
            _log(brake, by=brake.pulled_by, flag=ADDITION, words=f"Pulled: {brake.reason}")
            _tell_pages()
    except IntegrityError as error:
        if not Brake.objects.pulled().filter(depth=brake.depth, tool=brake.tool, agent=brake.agent).exists():
            raise error from None
        return False
    return True


def _wait_for_those_at_work() -> None:
    if connection.vendor == "postgresql":  # SQLite has one writer at a time anyway
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])


def _log(brake: Brake, *, by: User | None, flag: int, words: str) -> None:
    """The admin's own log, where auditors look first; it is kept by person, so the breaker's pulls stand in their row alone."""
    if by is not None:
        LogEntry.objects.create(
            user=by,
            content_type=ContentType.objects.get_for_model(Brake),
            object_id=str(brake.pk),
            object_repr=shortened(str(brake), 200),
            action_flag=flag,
            change_message=words,
        )


def _tell_pages() -> None:
    send_all([([EVERYTHING], {"type": "desk.changed"})])


def _pulled_already(brake: Brake) -> str:
    there = Brake.objects.pulled().filter(depth=brake.depth, tool=brake.tool, agent=brake.agent).first()
    return (
        f"This brake is pulled already. {there.in_words}"
        if there
        else "This brake was pulled and released meanwhile."
    )


def _released_already(brake: Brake) -> str:
    assert brake.released_by is not None
    assert brake.released_at is not None
    who = brake.released_by.get_full_name() or brake.released_by.get_username()
    return f"{who} released this brake at {brake.released_at:%H:%M} UTC on {brake.released_at:%-d %B}."
