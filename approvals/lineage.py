"""What was done in the tasks that a task was made from, and in the others made from them: a signer has to know it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tasks.models import OriginKind, Task
from tools.models import OUTSIDE, REJECTED, CallStatus, Effect, ToolCall
from tools.planning.plan import PLANNING
from tools.registry import label
from tools.spec import Row

MOST = 50
"""Relatives that are looked at, the nearest first."""
MADE = {
    OriginKind.RETRY: "Goes on from",
    OriginKind.AGAIN: "Starts again",
    OriginKind.FORK: "Fork of",
}


@dataclass(frozen=True, slots=True)
class Relative:
    """One other task of the same origin, with what it did itself, in words and in order."""

    task: Task
    done: list[str]
    uncertain: list[str]
    """What it started outside, of which nobody knows whether it happened."""
    rejected: list[str]
    """What people refused there."""

    @property
    def in_words(self) -> str:
        """For example `Refund $29.00 on A-1001, Cancel A-1002 was rejected`; empty when nothing was done."""
        perhaps = [f"perhaps {words}" for words in self.uncertain]
        return ", ".join([*self.done, *perhaps, *(f"{words} was rejected" for words in self.rejected)])


def relatives_of(task: Task) -> list[Relative]:
    """The origin first, then those before it, then the others by age. A query a generation."""
    return acts_of(_family(task))


def acts_of(tasks: Sequence[Task]) -> list[Relative]:
    """What each of these tasks did itself; taken-over calls and moves in the plan are left out."""
    acts = ToolCall.objects.filter(task__in=tasks, copy_of__isnull=True).exclude(effect=Effect.READ)
    found = {relative.pk: Relative(relative, [], [], []) for relative in tasks}
    for call in acts.exclude(tool__in=PLANNING).order_by("turn_id", "position"):
        words, relative = label(call.tool, call.arguments), found[call.task_id]
        if call.status == CallStatus.DONE:
            relative.done.append(words)
        elif call.status in OUTSIDE:
            relative.uncertain.append(words)
        elif call.error_code == REJECTED:
            relative.rejected.append(words)
    return list(found.values())


def rows(task: Task) -> Iterator[Row]:
    """For the sign-off card: the origin in any case, other relatives where something was done or refused."""
    if task.origin_id is None:
        return
    for relative in relatives_of(task):
        done = relative.in_words
        is_origin = relative.task.pk == task.origin_id
        if done or is_origin:
            made = MADE[OriginKind(task.origin_kind)] if is_origin else "Also made from it"
            url = relative.task.get_absolute_url()
            yield Row(made, f"{_when(relative.task)}: {done or 'nothing was changed there'}", bool(done), url)


def _when(task: Task) -> str:
    return f"A task of {task.created_at:%-d %b %Y}, {task.get_status_display().lower()}"


def _family(task: Task) -> list[Task]:
    """Everything that comes from the same first task, without `task` itself."""
    oldest = task
    line: list[Task] = []
    while oldest.origin is not None and len(line) < MOST:
        oldest = oldest.origin
        line.append(oldest)
    known = {relative.pk: relative for relative in line}
    parents = list(known)
    while parents and len(known) < MOST:
        children = list(Task.objects.filter(origin__in=parents).order_by("id")[:MOST])
        parents = [child.pk for child in children if child.pk not in known]
        for child in children:
            if child.pk != task.pk:
                known.setdefault(child.pk, child)
    return list(known.values())
