"""A model behind HTTP: a local server that speaks the Responses API and Chat Completions, streaming."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.contrib.auth.models import User

from agentdesk.runtime.thinking import Thinkers
from approvals.decide import decide
from approvals.models import Approval
from tasks.models import Task, TaskStatus
from tests.factories import AgentVersionFactory
from tests.scripted import drive, tell
from tools.store.models import Refund


class Server(ThreadingHTTPServer):
    """Asks for a refund first and answers in words once it has seen the call's output."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[dict[str, Any]] = []
        self.refund: dict[str, Any] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append({"path": self.path, **body})
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        chat = self.path.endswith("/chat/completions")
        for line in self._chat(body) if chat else self._responses(body):
            self.wfile.write(line.encode() + b"\n\n")
        if chat:
            self.wfile.write(b"data: [DONE]\n\n")

    def _responses(self, body: dict[str, Any]) -> Iterator[str]:
        answered = any(item.get("type") == "function_call_output" for item in body["input"])
        item: dict[str, Any] = (
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "It is refunded.", "annotations": []}],
            }
            if answered
            else {
                "type": "function_call",
                "id": "fc_1",
                "call_id": "call_1",
                "name": "issue_refund",
                "arguments": json.dumps(self.server.refund),
                "status": "completed",
            }
        )
        response = {
            "id": f"resp_{len(self.server.requests)}",
            "object": "response",
            "created_at": 1,
            "model": body["model"],
            "output": [item],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "status": "completed",
            "usage": {
                "input_tokens": 11,
                "output_tokens": 7,
                "total_tokens": 18,
                "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
                "output_tokens_details": {"reasoning_tokens": 0},
            },
        }
        events = [
            {"type": "response.created", "response": {**response, "output": [], "status": "in_progress"}},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": response},
        ]
        for number, event in enumerate(events):
            yield f"event: {event['type']}\ndata: {json.dumps({**event, 'sequence_number': number})}"

    def _chat(self, body: dict[str, Any]) -> Iterator[str]:
        answered = any(message["role"] == "tool" for message in body["messages"])
        call = {
            "index": 0,
            "id": "call_1",
            "type": "function",
            "function": {"name": "issue_refund", "arguments": json.dumps(self.server.refund)},
        }
        delta = {"content": "It is refunded."} if answered else {"tool_calls": [call]}
        finish = "stop" if answered else "tool_calls"
        base = {"id": "chat_1", "object": "chat.completion.chunk", "created": 1, "model": body["model"]}
        for choice in ({"delta": {"role": "assistant", **delta}}, {"delta": {}, "finish_reason": finish}):
            yield f"data: {json.dumps({**base, 'choices': [{'index': 0, **choice}]})}"
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        yield f"data: {json.dumps({**base, 'choices': [], 'usage': usage})}"

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(settings: Any) -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings.OPENAI_API_KEY = "sk-test-0000000000000000"
    settings.OPENAI_BASE_URL = server.url
    settings.MODEL = "some-model"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def task(transactional_db: None, server: Server) -> Task:
    AgentVersionFactory(model="")
    story = tell()
    server.refund = {
        "order": story.order.number,
        "charge": "",
        "amount_minor": 2900,
        "currency": "USD",
        "reason": "Charged twice.",
    }
    return story.task


@pytest.mark.parametrize(("api", "path"), [("responses", "/v1/responses"), ("chat", "/v1/chat/completions")])
def test_a_refund_through_a_model_server_waits_and_goes_on(
    task: Task, server: Server, settings: Any, lena: User, api: str, path: str
) -> None:
    settings.MODEL_API = api
    drive(Thinkers())
    approval = Approval.objects.open().get(task=task)
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    drive(Thinkers())

    task.refresh_from_db()
    assert (task.status, task.result) == (TaskStatus.DONE, "It is refunded.")
    assert Refund.objects.count() == 1
    assert [request["path"] for request in server.requests] == [path, path], "the resume asked nothing again"
    assert {request["model"] for request in server.requests} == {"some-model"}
    assert task.tokens_used == 36
    assert task.model_name == "some-model"


def test_a_version_may_choose_its_own_model_and_api(task: Task, server: Server) -> None:
    type(task.agent_version).objects.filter(pk=task.agent_version_id).update(model="other", model_api="chat")

    drive(Thinkers())

    assert (server.requests[0]["path"], server.requests[0]["model"]) == ("/v1/chat/completions", "other")


def test_the_schema_sent_is_strict_and_names_no_lengths(task: Task, server: Server) -> None:
    drive(Thinkers())

    tools = {tool["name"]: tool for tool in server.requests[0]["tools"]}
    refund = tools["issue_refund"]
    assert refund["strict"] is True
    assert refund["parameters"]["additionalProperties"] is False
    assert set(refund["parameters"]["required"]) == set(refund["parameters"]["properties"])
    assert "maxLength" not in json.dumps(list(tools.values()))


@pytest.mark.parametrize(("wanted", "sent"), [("", None), ("concise", {"summary": "concise"})])
def test_a_reasoning_summary_is_asked_for_only_where_the_settings_say_so(
    task: Task, server: Server, settings: Any, wanted: str, sent: dict[str, str] | None
) -> None:
    settings.REASONING_SUMMARY = wanted

    drive(Thinkers())

    assert server.requests[0].get("reasoning") == sent
