"""The pretended provider, and a desk that gives money back through it."""

from __future__ import annotations

import importlib
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import stripe
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from approvals.decide import decide
from approvals.gate import authorise
from tasks import transitions
from tasks.models import Task
from tests.factories import person
from tests.payments.server import Server, serve
from tests.scripted import Story, say, tell
from tools import carry, registry
from tools.invoke import invoke
from tools.models import ToolCall
from tools.store import toolset
from tools.store.models import Charge, Order, Refund


class Stripelike:
    """The server in a thread, and what the tests tell and ask it beside the API."""

    def __init__(self, book: Path) -> None:
        self.book = book
        self.server: Server = serve(port=0, book=book, faults={})
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def tell(self, **faults: Any) -> None:
        self.post("/_faults", {"seconds": 0.8, **faults})

    def forget(self) -> None:
        """All idempotency keys, as if their 24 hours were over."""
        self.post("/_forget", {})

    def post(self, path: str, body: Any) -> None:
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), method="POST")
        urllib.request.urlopen(request, timeout=5).close()

    @property
    def effects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.book.read_text().splitlines()]

    def client(self) -> stripe.StripeClient:
        return stripe.StripeClient("sk_test_1", base_addresses={"api": self.url}, max_network_retries=0)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def stripelike(tmp_path: Path) -> Iterator[Stripelike]:
    provider = Stripelike(tmp_path / "book.jsonl")
    yield provider
    provider.stop()


@pytest.fixture
def through_stripe(stripelike: Stripelike, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stripelike]:
    """A desk whose refunds go through Stripe, with a client that gives up after 0.4 seconds."""
    monkeypatch.setattr(carry, "PAUSES_SECONDS", (0.02, 0.1, 0.4))
    chosen = {"PAYMENTS": "stripe", "STRIPE_API_KEY": "sk_test_1", "STRIPE_URL": stripelike.url}
    with override_settings(**chosen, PAYMENT_TIMEOUT_SECONDS=0.4):
        read_tools_again()
        yield stripelike
    read_tools_again()


def read_tools_again() -> None:
    """What a process does at its start, with the settings as they are now."""
    importlib.reload(toolset)
    registry.all_tools.cache_clear()


@dataclass
class PaidStory(Story):
    """A customer who was charged twice through Stripe; a refund of 29.00 that Lena signs."""

    @property
    def call(self) -> ToolCall:
        return self.task.tool_calls.get(call_id="refund")

    @property
    def row(self) -> Refund:
        return Refund.objects.get()

    def run_to_the_signature(self) -> None:
        self.script([self.refund()], [say("Done.")])
        self.drive()

    def sign(self) -> None:
        lena = User.objects.filter(username="lena").first() or person("lena", "lead")
        approval = self.approval()
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

    def signed(self) -> PaidStory:
        self.run_to_the_signature()
        self.sign()
        return self

    def begun(self) -> tuple[Task, ToolCall]:
        """A worker has committed to the refund, and nothing of it has left the house."""
        self.signed()
        (task,) = transitions.claim(holder="worker-1", limit=1)
        call = self.call
        invoke(task, [call], authorise=authorise)
        return task, call

    def lose_the_worker(self) -> None:
        Task.objects.update(lease_until=timezone.now() - timedelta(seconds=1))

    def refundable_minor(self) -> int:
        return Order.objects.get(pk=self.order.pk).refundable_minor


def told_through_stripe(**how: Any) -> PaidStory:
    story = tell(**how)
    for charge in Charge.objects.filter(order=story.order):
        name = charge.number.lower().replace("-", "")
        Charge.objects.filter(pk=charge.pk).update(reference=f"ch_{charge.amount_minor}_usd_{name}")
    return PaidStory(story.customer, story.order, story.task)


MakePaidStory = Callable[..., PaidStory]


@pytest.fixture
def story(transactional_db: None, through_stripe: Stripelike) -> MakePaidStory:
    return told_through_stripe
