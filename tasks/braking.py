"""What brakes mean for tasks: one whose effect is stopped waits, and goes on when the brake is released."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from agentdesk.brakes import lever
from agentdesk.brakes.models import Brake, Depth
from tasks import queue, transitions
from tasks.models import Task, TaskStatus, WaitingFor


def wait_for_release(task: Task, brake: Brake) -> None:
    """Let go of a task whose next effect `brake` stops; if it was released meanwhile, queue it again. Raises ClaimLost."""
    with transaction.atomic():
        # the brake first, as `release` does: it either finds this task waiting or is found released
        pulled = Brake.objects.select_for_update().filter(pk=brake.pk, released_at__isnull=True).exists()
        held = transitions.hold(task.pk, fence=task.fence)
        if pulled:
            transitions.wait(held, waiting_for=WaitingFor.BRAKE, note=brake.in_words)
        else:
            transitions.release(held, why="The brake was released")


def release(brake: Brake, *, by: User, reason: str) -> int:
    """Release the brake and queue what waited for it, in one transaction; return how many tasks that were.

    A task that another brake stops as well comes to rest at that one. Raises what `lever.release` raises.
    """
    with transaction.atomic():
        lever.release(brake, by=by, reason=reason)
        if brake.depth == Depth.TAKE:
            queue.wake()
        return _go_on() if brake.depth == Depth.EFFECTS else 0


def _go_on() -> int:
    if Brake.objects.pulled().at(Depth.EFFECTS).filter(tool="", agent__isnull=True).exists():
        return 0  # everything is still stopped; its release queues them
    waiting = Task.objects.filter(status=TaskStatus.WAITING, waiting_for=WaitingFor.BRAKE)
    return sum(transitions.resume(task) for task in waiting.select_for_update().order_by("pk"))
