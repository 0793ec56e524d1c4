"""A model's server on loopback that behaves as badly as it is told: one act for each request, the last one for the rest."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Act = Callable[["Handler"], None]


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.acts: list[Act] = []
        self.requests: list[dict[str, Any]] = []
        self.sent_bytes = 0
        """Of the bodies, as far as the client took them."""
        self.hung_up = threading.Event()
        """The client closed the connection before the answer was over."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_: object) -> None:
        """A client that hangs up is what most of these tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Server
    body: dict[str, Any]

    def do_POST(self) -> None:
        self.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, "headers": dict(self.headers), **self.body})
        acts = self.server.acts
        act = acts.pop(0) if len(acts) > 1 else acts[0]
        try:
            act(self)
        except (BrokenPipeError, ConnectionResetError):
            self.server.hung_up.set()
        self.close_connection = True

    def start(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        headers.setdefault("Content_Type", "text/event-stream")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def put(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()
        self.server.sent_bytes += len(data)

    def event(self, kind: str, **fields: Any) -> None:
        said = json.dumps({"type": kind, "sequence_number": 0, **fields})
        self.put(f"event: {kind}\ndata: {said}\n\n".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def response(model: str, output: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": model,
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "status": "completed",
        "usage": {
            "input_tokens": 1000,
            "output_tokens": 100,
            "total_tokens": 1100,
            "input_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 0},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
        **changes,
    }


def words(text: str) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "msg_1",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }


def asked(tool: str, arguments: str, call_id: str) -> dict[str, Any]:
    return {
        "type": "function_call",
        "id": f"fc_{call_id}",
        "call_id": call_id,
        "name": tool,
        "arguments": arguments,
        "status": "completed",
    }


def thought(text: str) -> dict[str, Any]:
    return {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": text}]}


def answers(*output: dict[str, Any]) -> Act:
    """A sound stream with this output."""

    def act(handler: Handler) -> None:
        handler.start()
        handler.event("response.completed", response=response(handler.body["model"], list(output)))

    return act


def says(text: str) -> Act:
    return answers(words(text))


def refuses(status: int, message: str = "no", *, code: str = "", **headers: str) -> Act:
    def act(handler: Handler) -> None:
        handler.start(status, Content_Type="application/json", **headers)
        handler.put(json.dumps({"error": {"message": message, "type": "t", "code": code}}).encode())

    return act


def only_for(model: str, act: Act, otherwise: Act) -> Act:
    return lambda handler: act(handler) if handler.body["model"] == model else otherwise(handler)


def deltas(texts: Iterator[str], kind: str = "response.output_text.delta") -> Act:
    """A stream that goes on as long as `texts` does, and never completes."""

    def act(handler: Handler) -> None:
        handler.start()
        for text in texts:
            handler.event(kind, item_id="msg_1", output_index=0, content_index=0, delta=text, logprobs=[])

    return act
