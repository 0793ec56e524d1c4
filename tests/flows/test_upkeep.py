"""What a worker does besides running tasks must never cost it its claims."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
from agents.testing import ModelStep
from asgiref.sync import sync_to_async
from django.core.mail.backends.base import BaseEmailBackend

from agentdesk.core.canonical import digest
from agentdesk.core.errors import DeskError
from approvals.gate import MustAsk, authorise
from tasks import transitions
from tasks.models import Task, TaskStatus
from tests.factories import OutgoingMessageFactory, TaskFactory, ToolCallFactory, order_with, policy_in_force
from tests.scripted import MakeStory, say
from tools.arguments import validated
from tools.registry import all_tools
from tools.spec import Context

LET_GO = threading.Event()


class Hanging(BaseEmailBackend):
    """A mail server that takes the connection and says nothing."""

    def send_messages(self, email_messages: Any) -> int:
        LET_GO.wait(timeout=20)
        return len(email_messages)


def test_claims_are_renewed_while_the_mail_server_hangs(
    story: MakeStory, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.Hanging"
    monkeypatch.setattr(transitions, "HEARTBEAT_SECONDS", 0.1)
    LET_GO.clear()
    OutgoingMessageFactory(task=TaskFactory(status=TaskStatus.DONE))
    s = story()
    seen: list[Any] = []

    async def think(_: Any) -> Any:
        def lease() -> Any:
            return Task.objects.get(pk=s.task.pk).lease_until

        await asyncio.sleep(1.5)  # the message is being sent by now, and hangs
        seen.append(await sync_to_async(lease)())
        await asyncio.sleep(0.5)
        seen.append(await sync_to_async(lease)())
        LET_GO.set()
        return [say("Done.")]

    s.script(ModelStep.respond(think))

    assert s.drive().status == TaskStatus.DONE
    assert seen[1] > seen[0], "the lease moved on although a message hangs"


@pytest.mark.parametrize("status", ["proposed", "asking"])
@pytest.mark.django_db
def test_no_sensitive_call_runs_that_the_gate_has_not_let_through(status: str) -> None:
    version = policy_in_force()
    rules = {"rules": [{**rule, "ask_from": 10**9} for rule in version.rules["rules"]]}
    type(version).objects.filter(pk=version.pk).update(rules=rules)
    order = order_with(charges=(2900, 2900))
    arguments = {
        "order": order.number,
        "charge": "",
        "amount_minor": 2900,
        "currency": "USD",
        "reason": "Twice.",
    }
    task = TaskFactory(status=TaskStatus.RUNNING, customer=order.customer)
    call = ToolCallFactory(
        given_task=task, arguments=arguments, arguments_hash=digest(arguments), status=status
    )
    spec = all_tools()["issue_refund"]

    with pytest.raises(DeskError) as refused:
        authorise(Context(task=task, call=call), spec, validated(spec, arguments))

    assert isinstance(refused.value, MustAsk), "even where the policy would ask nobody"
