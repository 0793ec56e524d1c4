"""Real threads with connections of their own, let go at the same moment."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from agentdesk.core.canonical import digest
from approvals.ask import pause
from approvals.models import Approval
from tasks.models import TaskStatus
from tests.factories import TaskFactory, ToolCallFactory, order_with, policy_in_force
from tests.scripted import MakeStory, tell


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """Run the actions side by side and return what each returned or raised, in their order."""
    start = threading.Barrier(len(actions))
    outcomes: list[Any] = [None] * len(actions)

    def act(index: int, action: Callable[[], Any]) -> None:
        try:
            start.wait(timeout=10)
            outcomes[index] = action()
        except Exception as error:  # noqa: BLE001 -- the outcome under test
            outcomes[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=(index, action)) for index, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


@pytest.fixture
def asked(transactional_db: None) -> Callable[..., Approval]:
    """Make a task that waits for the sign-off of a refund; two charges, so that it is possible."""

    def make(*, amount_minor: int = 2900, requested_by: User | None = None) -> Approval:
        policy_in_force()
        order = order_with(charges=(amount_minor, amount_minor))
        task = TaskFactory(status=TaskStatus.RUNNING, customer=order.customer, requested_by=requested_by)
        arguments = {
            "order": order.number,
            "charge": "",
            "amount_minor": amount_minor,
            "currency": "USD",
            "reason": "Charged twice.",
        }
        call = ToolCallFactory(given_task=task, arguments=arguments, arguments_hash=digest(arguments))
        pause(task, [call])
        return Approval.objects.open().get(task=task)

    return make


@pytest.fixture
def story(transactional_db: None) -> MakeStory:
    return tell
