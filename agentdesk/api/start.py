"""Start a task for a program, once for each Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from agentdesk.api.models import StartRequest
from agentdesk.core.canonical import digest
from agentdesk.core.errors import Invalid
from agentdesk.core.text import checked, shortened
from tasks import intake
from tasks.models import Task


def start(wanted: dict[str, Any], *, by: User, key: str | None) -> Task:
    """Queue a task, or return the one that the same request with the same `key` has started already.

    Raises Invalid on input that cannot be used, and as `once` does.
    """
    return once(lambda: _queue(wanted, by), asked=wanted, by=by, key=key)


def once(make: Callable[[], Task], *, asked: dict[str, Any], by: User, key: str | None) -> Task:
    """Call `make`, or return the task that it made when the same thing was `asked` with this `key` before.

    Raises Invalid when `key` came with another request, and whatever `make` raises.
    """
    if key is None:
        return make()
    key = checked(key, field="Idempotency-Key", max_length=200)
    body_hash = digest(asked)
    try:
        with transaction.atomic():
            before = StartRequest.objects.select_related("task").filter(user=by, key=key).first()
            if before is None:
                task = make()
                StartRequest.objects.create(user=by, key=key, body_hash=body_hash, task=task)
                return task
    except IntegrityError:  # the same request was faster on another connection
        before = StartRequest.objects.select_related("task").get(user=by, key=key)
    if before.body_hash != body_hash:
        raise Invalid(
            "This Idempotency-Key came with another request before. Use a new key for a new task.",
            code="key_reused",
            fields={"Idempotency-Key": "reused"},
        )
    return before.task


def _queue(wanted: dict[str, Any], by: User) -> Task:
    customer, agent, previous = wanted["customer"], wanted["agent"], wanted["previous_response_id"]
    return intake.start_task(
        goal=wanted["goal"],
        customer=intake.find_customer(customer) if customer else None,
        agent=intake.find_agent(agent) if agent else None,
        previous=_find_previous(previous) if previous else None,
        by=by,
    )


def _find_previous(public_id: str) -> Task:
    task = Task.objects.filter(public_id=public_id).first()
    if task is None:
        raise Invalid(
            f"There is no task {shortened(public_id, 60)!r} to continue.",
            fields={"previous_response_id": "unknown"},
        )
    return task
