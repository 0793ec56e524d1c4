"""Tasks that start tasks: on whose behalf, how many, how deep, and with how much of the parent's budget."""

from __future__ import annotations

from django.db.models import Max, Q, QuerySet, Sum

from agentdesk.core.errors import Invalid
from agentdesk.roster.models import Agent
from tasks import intake, transitions
from tasks.models import MAX_DEPTH, MAX_TREE, Task

LIMITS = {
    # kind: the agent's own limit, the fewest that make sense to give
    "turns": ("max_turns", 1),
    "tool_calls": ("max_tool_calls", 1),
    "tokens": ("max_tokens", 1_000),
    "seconds": ("max_seconds", 5),
    "cost_micros": ("max_cost_micros", 1),
}


def start_child(parent: Task, *, agent: Agent, goal: str, title: str = "") -> Task:
    """Queue a task below `parent`, for the same customer, ticket and requester.

    Call it in a transaction that holds `parent`; it locks the root of the tree too.
    Raises Invalid, with a sentence the model can act on, when the goal or the agent cannot be used, or when depth,
    number or budget are used up.
    """
    if parent.depth >= MAX_DEPTH:
        raise Invalid(
            f"There are {MAX_DEPTH} tasks above the new one already, the most there may be. Do this step yourself.",
            code="too_deep",
        )
    limits = _limits(parent, agent)
    # its row orders all starts of the tree; without it two of them could each take a place the other's insert waits for
    root = transitions.lock(parent.root_id) if parent.root_id else parent
    place = 1 + (root.tree.aggregate(last=Max("place"))["last"] or 0)
    if place > MAX_TREE:
        raise Invalid(
            f"{MAX_TREE} tasks were started below this one already, the most there may be. Do this step yourself.",
            code="too_many_tasks",
        )
    return intake.start_task(
        goal=goal,
        title=title,
        customer=parent.customer,
        ticket=parent.ticket,
        agent=agent,
        by=parent.requested_by,
        parent=parent,
        depth=parent.depth + 1,
        root=root,
        place=place,
        limits=limits,
    )


def left(task: Task) -> dict[str, int]:
    """What `task` may still use of each kind in LIMITS, after what it and everything below it have used."""
    below = descendants(task).aggregate(
        turns=Sum("turns_used", default=0),
        tool_calls=Sum("tool_calls_used", default=0),
        tokens=Sum("tokens_used", default=0),
        work_ms=Sum("work_ms", default=0),
        cost_micros=Sum("cost_micros", default=0),
    )
    used = {
        "turns": task.turns_used + below["turns"],
        "tool_calls": task.tool_calls_used + below["tool_calls"],
        "tokens": task.tokens_used + below["tokens"],
        "seconds": (task.work_ms + below["work_ms"]) // 1000,
        "cost_micros": task.cost_micros + below["cost_micros"],
    }
    return {
        kind: task.limits.get(kind, getattr(task.agent_version, field)) - used[kind]
        for kind, (field, _) in LIMITS.items()
    }


def _limits(parent: Task, agent: Agent) -> dict[str, int]:
    """The limits of a new task below `parent`: what its agent has, and never more than the parent has left."""
    remaining = left(parent)
    for kind, (_, fewest) in LIMITS.items():
        if remaining[kind] < fewest:
            raise Invalid(
                f"This task has no {kind.replace('_', ' ')} left to give to another one. Finish with what you have.",
                code="no_budget",
            )
    version = agent.current
    return {
        kind: remaining[kind]
        for kind, (field, _) in LIMITS.items()
        if version is not None and remaining[kind] < getattr(version, field)
    }


def descendants(task: Task) -> QuerySet[Task]:
    """Everything below `task`, in the order it was started."""
    return Task.objects.filter(
        Q(parent=task) | Q(parent__parent=task) | Q(parent__parent__parent=task),
        root_id=task.root_id or task.pk,
    ).order_by("place")


def find_below(task: Task, public_id: str) -> Task:
    """Raises Invalid when there is no such task below `task`; of others not even their existence is told."""
    found = descendants(task).filter(public_id=public_id).first()
    if found is None:
        raise Invalid(
            "No task with this id was started below yours. Use an id that start_task gave you.",
            code="unknown_task",
        )
    return found
