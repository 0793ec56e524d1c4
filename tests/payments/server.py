"""A payment provider that behaves like Stripe's refunds API, on this machine, with faults that can be told beforehand.

    python -m tests.payments.server --port P --book FILE [--faults JSON]

Prints its port (0 chooses one) and serves on 127.0.0.1 until it is killed; started again on the same book, it knows what
it did. Beside `/v1/refunds` (create, list, retrieve) it answers `GET /_book` (all effects) and takes `POST /_faults` (see
`tests.payments.faults`) and `POST /_forget` (all idempotency keys, as if their 24 hours were over).

Like Stripe: a key repeats its first answer (`Idempotent-Replayed`), 500 included, refuses other parameters (400
`idempotency_error`) and answers 409 while its first request is being served; answers of validation are not kept.
"""

from __future__ import annotations

import argparse
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.payments.book import Book, Refusal, shown
from tests.payments.faults import Faults

Answer = tuple[int, dict[str, Any]]


class NoAnswer(Exception):
    """The client never hears of this request again."""


class Provider:
    def __init__(self, book: Book, faults: Faults) -> None:
        self.book = book
        self.faults = faults
        self._lock = threading.Lock()
        self._serving: set[str] = set()
        self.begun = threading.Event()
        """Set as soon as some refund is being served."""
        self._kept: dict[str, tuple[dict[str, str], Answer]] = {
            effect.key: (effect.asked, (200, shown(effect))) for effect in book.effects if effect.key
        }

    def create(self, asked: dict[str, str], *, key: str) -> tuple[Answer, bool]:
        """The answer, and whether it is one given before. Raises NoAnswer."""
        fault = self.faults.for_write(key)
        if fault == "409":
            raise _in_use()
        if fault == "429":
            raise _too_many()
        if fault == "500_before":
            raise _broken()
        if fault in {"timeout_before", "cut_before"}:
            self._fall_silent(fault)
        with self._serve(key):
            kept = self._kept.get(key) if key else None
            if kept is not None:
                if kept[0] != asked:
                    raise _other_parameters(key)
                answer, replayed = kept[1], True
            else:
                if fault == "slow":
                    time.sleep(self.faults.seconds)
                answer, replayed = self._first_time(asked, key, fault), False
        if fault in {"timeout_after", "cut_after"}:
            self._fall_silent(fault)
        return answer, replayed

    def _first_time(self, asked: dict[str, str], key: str, fault: str) -> Answer:
        if fault == "500_kept":
            answer: Answer = (500, {"error": _broken().error})
        else:
            effect = self.book.refund(asked, key=key)
            answer = (500, {"error": _broken().error}) if fault == "500_after" else (200, shown(effect))
        if key:
            self._kept[key] = (asked, answer)
        return answer

    @contextmanager
    def _serve(self, key: str) -> Iterator[None]:
        with self._lock:
            if key and key in self._serving:
                raise _in_use()
            self._serving.add(key)
            self.begun.set()
        try:
            yield
        finally:
            with self._lock:
                self._serving.discard(key)

    def read(self, path: str, query: dict[str, str]) -> Answer:
        fault = self.faults.for_read()
        match fault:
            case "429":
                raise _too_many()
            case "500_before":
                raise _broken()
            case "slow":
                time.sleep(self.faults.seconds)
            case "timeout_before" | "cut_before":
                self._fall_silent(fault)
        if path == "/v1/refunds":
            return 200, self._page(query)
        wanted = path.removeprefix("/v1/refunds/")
        for effect in self.book.listed():
            if effect.refund == wanted:
                return 200, shown(effect)
        raise Refusal(404, f"No such refund: '{wanted}'", code="resource_missing", param="id")

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        found = self.book.listed(
            charge=query.get("charge", ""), payment_intent=query.get("payment_intent", "")
        )
        after = query.get("starting_after")
        if after:
            ids = [effect.refund for effect in found]
            found = found[ids.index(after) + 1 :] if after in ids else []
        limit = int(query.get("limit", 10))
        return {
            "object": "list",
            "url": "/v1/refunds",
            "data": [shown(effect) for effect in found[:limit]],
            "has_more": len(found) > limit,
        }

    def forget(self) -> None:
        self._kept.clear()

    def _fall_silent(self, fault: str) -> None:
        if fault.startswith("timeout"):
            time.sleep(self.faults.seconds)
        raise NoAnswer


def _in_use() -> Refusal:
    return Refusal(
        409,
        "There is currently another in-progress request using this Stripe-Idempotency-Key.",
        type="idempotency_error",
        code="idempotency_key_in_use",
    )


def _other_parameters(key: str) -> Refusal:
    return Refusal(
        400,
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try using a key other than '{key}' if you meant to execute a different request.",
        type="idempotency_error",
    )


def _too_many() -> Refusal:
    return Refusal(429, "Too many requests hit the API too quickly.", code="rate_limit")


def _broken() -> Refusal:
    return Refusal(500, "An unknown error occurred", type="api_error")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    provider: Provider

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        match urlsplit(self.path).path:
            case "/v1/refunds":
                asked = dict(parse_qsl(body, keep_blank_values=True))
                self._answer(lambda: self.provider.create(asked, key=self.headers.get("Idempotency-Key", "")))
            case "/_faults":
                self._answer(lambda: (_told(self.provider.faults, body), False), public=True)
            case "/_forget":
                self.provider.forget()
                self._send(200, {})
            case _:
                self._send(
                    404, {"error": {"message": "Unrecognized request URL", "type": "invalid_request_error"}}
                )

    def do_GET(self) -> None:
        place = urlsplit(self.path)
        if place.path == "/_book":
            self._send(
                200,
                {"effects": [shown(effect) | {"key": effect.key} for effect in self.provider.book.listed()]},
            )
            return
        query = dict(parse_qsl(place.query))
        self._answer(lambda: (self.provider.read(place.path, query), False))

    def _answer(self, answer: Any, *, public: bool = False) -> None:
        try:
            if not public and not self.headers.get("Authorization", "").startswith("Bearer sk_"):
                raise Refusal(401, "Invalid API Key provided")
            (status, body), replayed = answer()
        except NoAnswer:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except Refusal as refusal:
            status, body, replayed = refusal.status, {"error": refusal.error}, False
        self._send(status, body, replayed=replayed)

    def _send(self, status: int, body: dict[str, Any], *, replayed: bool = False) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Request-Id", f"req_{time.monotonic_ns():x}")
        if replayed:
            self.send_header("Idempotent-Replayed", "true")
        self.end_headers()
        self.wfile.write(data)

    def handle(self) -> None:
        try:
            super().handle()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # the client gave up; what was done stays done

    def log_message(self, *_: Any) -> None:
        pass


def _told(faults: Faults, body: str) -> Answer:
    try:
        faults.tell(json.loads(body))
    except ValueError as error:
        raise Refusal(400, str(error)) from None
    return 200, {}


class Server(ThreadingHTTPServer):
    provider: Provider
    daemon_threads = True
    request_queue_size = 128


def serve(*, port: int, book: Path, faults: dict[str, Any]) -> Server:
    """A server that is bound but not yet serving; its port is in `server_port`."""
    provider = Provider(Book(book), Faults(faults))
    handler = type("BoundHandler", (Handler,), {"provider": provider})
    server = Server(("127.0.0.1", port), handler)
    server.provider = provider
    return server


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--book", type=Path, required=True)
    parser.add_argument("--faults", type=json.loads, default={})
    given = parser.parse_args()
    server = serve(port=given.port, book=given.book, faults=given.faults)
    print(server.server_port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
