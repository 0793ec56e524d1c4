"""Which brakes bite now, and whether one of them stops what somebody is about to do."""

from __future__ import annotations

from collections.abc import Callable, Collection

from django.db import connection
from django.db.models import Exists, OuterRef, Q, QuerySet

from agentdesk.brakes.lever import LOCK
from agentdesk.brakes.models import Brake, Depth
from agentdesk.core.errors import Late


class Braked(Late):
    """A brake is pulled; `brake` says which. Nothing happened."""

    code = "braked"

    def __init__(self, brake: Brake) -> None:
        super().__init__(brake.in_words)
        self.brake = brake


def pulled(depth: Depth | None = None) -> list[Brake]:
    """The oldest first. One query."""
    rows = Brake.objects.pulled()
    return list(rows if depth is None else rows.at(depth))


def in_words() -> list[str]:
    """One sentence a pulled brake, for people: what, who, since when, why."""
    return [brake.in_words for brake in pulled()]


def headlines() -> list[str]:
    """What is stopped, without people and reasons: for those who are not signed in."""
    return [f"A brake is pulled: {brake.headline}." for brake in pulled()]


def lets_take_up(agent: str) -> Q:
    """A condition on tasks: no brake keeps them from being taken up; `agent` is the path to their agent's id."""
    return _free(Depth.TAKE, Q(tool="", agent__isnull=True) | Q(agent=OuterRef(agent)))


def lets_act(tool: str, *, agent: str) -> Q:
    """A condition on what `tool` has written for later: no brake stops its effects."""
    return _free(Depth.EFFECTS, Q(tool="", agent__isnull=True) | Q(tool=tool) | Q(agent=OuterRef(agent)))


def _free(depth: Depth, scope: Q) -> Q:
    return Q(~Exists(Brake.objects.filter(scope, released_at__isnull=True, depth=depth)))


def taking_stopped(brakes: Collection[Brake], *, agent_id: int) -> Brake | None:
    """The one of these brakes that keeps tasks of this agent from being taken up."""
    return next(
        (brake for brake in brakes if brake.depth == Depth.TAKE and brake.agent_id in {None, agent_id}), None
    )


def deciding_stopped(brakes: Collection[Brake], *, tool: str) -> Brake | None:
    """The one of these brakes that keeps calls of this tool from being decided."""
    return next((brake for brake in brakes if brake.depth == Depth.DECIDE and brake.tool in {"", tool}), None)


def refuse_deciding(tool: str) -> None:
    """Raises Braked when a brake stops decisions about `tool`; call it inside the decision's transaction."""
    if _any_pulled_while_holding_still(Depth.DECIDE):
        brake = deciding_stopped(pulled(Depth.DECIDE), tool=tool)
        if brake is not None:
            raise Braked(brake)


def refuse_effect(tool: str, *, agents: Callable[[], Collection[str]]) -> None:
    """Raises Braked when a brake stops what `tool` does; call it inside the transaction of the effect.

    `agents` names whose work it is; it is asked only when some agent is stopped.
    """
    if not _any_pulled_while_holding_still(Depth.EFFECTS):
        return
    for brake in pulled(Depth.EFFECTS):
        if brake.agent is None and brake.tool in {"", tool}:
            raise Braked(brake)
        if brake.agent is not None and brake.agent.name in agents():
            raise Braked(brake)


def _any_pulled_while_holding_still(depth: Depth) -> bool:
    """A quick look, in SQL because each effect takes it.

    No brake is put down between it and the end of the transaction: whoever pulls one waits for the shared lock.
    """
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", [LOCK])
        cursor.execute("SELECT 1 FROM brakes_brake WHERE released_at IS NULL AND depth = %s LIMIT 1", [depth])
        return cursor.fetchone() is not None


def history() -> QuerySet[Brake]:
    """Released ones, the latest first, with who pulled and released them."""
    return (
        Brake.objects.filter(released_at__isnull=False)
        .select_related("agent", "pulled_by", "released_by")
        .order_by("-released_at", "-id")
    )
