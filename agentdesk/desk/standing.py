"""Where a task stands, as one sentence and, where somebody can act, the place to go."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.urls import reverse

from agentdesk.brakes.models import Brake, Depth
from agentdesk.brakes.pulled import pulled, taking_stopped
from approvals.models import Approval, ApprovalKind
from tasks.models import Task, TaskStatus, ToDo, ToDoState, WaitingFor


@dataclass(frozen=True, slots=True)
class Standing:
    sentence: str
    url: str = ""
    action: str = ""


def of(
    task: Task, todos: list[ToDo], asked: list[Approval], *, brakes: Collection[Brake] | None = None
) -> Standing:
    """`asked` are the task's open approvals, the first to expire first; `brakes` those that are pulled, where they are known."""
    match TaskStatus(task.status):
        case TaskStatus.QUEUED:
            return _queued(task, brakes)
        case TaskStatus.RUNNING:
            doing = next((todo.text for todo in todos if todo.state == ToDoState.DOING), "")
            return Standing(doing or ("Planning the work." if not todos else "Working."))
        case TaskStatus.WAITING:
            return _waiting(task, asked)
        case TaskStatus.DONE:
            return Standing("The agent finished; its answer is below.")
        case TaskStatus.FAILED:
            return Standing(task.failure)
        case TaskStatus.CANCELLED:
            return Standing("A person stopped it. What was done before that stays done.")


def _queued(task: Task, brakes: Collection[Brake] | None) -> Standing:
    brakes = pulled(Depth.TAKE) if brakes is None else brakes
    brake = taking_stopped(brakes, agent_id=task.agent_version.agent_id)
    if brake is not None:
        return Standing(brake.in_words, brake.get_absolute_url(), "Brakes")
    return Standing(
        "It could not go on and will be tried again by itself."
        if task.attempts
        else "Waiting for a free agent; it starts by itself."
    )


def _waiting(task: Task, asked: list[Approval]) -> Standing:
    if task.waiting_for == WaitingFor.BRAKE:
        return Standing(task.waiting_note, reverse("desk:brakes"), "Brakes")
    if task.waiting_note:
        return Standing(task.waiting_note)
    if not asked:
        return Standing("Waiting for a person.")
    first = asked[0]
    more = f" ({len(asked) - 1} more after it)" if len(asked) > 1 else ""
    if first.kind == ApprovalKind.RECONCILIATION:
        return Standing(
            f"Nobody knows whether something happened, and finance has to find out: {first.title}{more}",
            first.get_absolute_url(),
            "Look into it",
        )
    if first.kind == ApprovalKind.QUESTION:
        return Standing(
            f"The agent asks staff a question and waits for the answer{more}.",
            first.get_absolute_url(),
            "Answer it",
        )
    groups = " or ".join(first.band.get("groups", [])) or "a person"
    count = first.band.get("signatures", 1)
    who = f"{count} people from {groups}" if count > 1 else f"{groups}"
    return Standing(
        f"Waiting for {who} to sign: {first.title}{more}.", first.get_absolute_url(), "Open the sign-off"
    )
