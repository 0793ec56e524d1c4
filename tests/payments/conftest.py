from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.payments.server import Server, serve


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
        self.post("/_faults", {"seconds": 0.6, **faults})

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
