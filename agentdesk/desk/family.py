"""The tasks below a task, as its page shows them: where each stands, and what of it waits for whom."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.auth.models import User

from agentdesk.brakes.models import Depth
from agentdesk.brakes.pulled import pulled
from agentdesk.desk import standing
from agentdesk.desk.standing import Standing
from approvals import queue
from approvals.queue import Waiting
from tasks import delegation
from tasks.models import Task


@dataclass(frozen=True, slots=True)
class Member:
    task: Task
    standing: Standing
    asked: list[Waiting]
    """Its open approvals, each with why the reader may not decide it, the first to expire first."""
    below: list[Member]


def below(task: Task, *, reader: User) -> list[Member]:
    """The tasks that `task` started, each with those it started; a fixed number of queries, one for a task without any."""
    rows = list(delegation.descendants(task).select_related("agent_version__agent").prefetch_related("todos"))
    if not rows:
        return []
    brakes = pulled(Depth.TAKE)
    asked: defaultdict[int, list[Waiting]] = defaultdict(list)
    for waiting in queue.waiting_in([row.pk for row in rows], reader):
        asked[waiting.approval.task_id].append(waiting)
    started: defaultdict[int | None, list[Task]] = defaultdict(list)
    for row in rows:
        started[row.parent_id].append(row)

    def member(row: Task) -> Member:
        approvals = [waiting.approval for waiting in asked[row.pk]]
        return Member(
            task=row,
            standing=standing.of(row, list(row.todos.all()), approvals, brakes=brakes),
            asked=asked[row.pk],
            below=[member(each) for each in started[row.pk]],
        )

    return [member(row) for row in started[task.pk]]
