"""Answers far too large: reading stops at the cap, the memory stays small, nothing is recorded, and people read why."""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from agentdesk.events.models import Kind
from agentdesk.runtime.thinking import Thinkers
from tasks.models import TaskStatus, Turn
from tests.runtime.bad_server import Act, Handler, Server, answers, asked, deltas, response, says, words
from tests.scripted import Story, drive
from tools.models import CallStatus

MB = 1_000_000
HUGE = 50 * MB
PIECE = b"x" * 100_000
BOMB = gzip.compress(b"data: " + b"x" * HUGE)


def a_huge_stream_of_text(handler: Handler) -> None:
    deltas(repeat("x" * 1000, HUGE // 1000))(handler)


def a_huge_stream_of_arguments(handler: Handler) -> None:
    deltas(repeat("x" * 1000, HUGE // 1000), "response.function_call_arguments.delta")(handler)


def one_huge_event(handler: Handler) -> None:
    handler.start()
    handler.put(b'event: response.output_text.delta\ndata: {"type": "response.output_text.delta", "delta": "')
    for _ in range(HUGE // len(PIECE)):
        handler.put(PIECE)


def one_huge_event_in_lines(handler: Handler) -> None:
    handler.start()
    for _ in range(HUGE // len(PIECE)):
        handler.put(b"data: " + PIECE + b"\n")


def a_huge_last_event(handler: Handler) -> None:
    """Not streamed at all: everything at once in the end."""
    handler.start()
    whole = response("first", [words("@@")])
    head, tail = json.dumps({"type": "response.completed", "sequence_number": 0, "response": whole}).split(
        "@@"
    )
    handler.put(f"event: response.completed\ndata: {head}".encode())
    for _ in range(HUGE // len(PIECE)):
        handler.put(PIECE)
    handler.put(f"{tail}\n\n".encode())


def many_events_that_say_nothing(handler: Handler) -> None:
    handler.start()
    for _ in range(200 * MB // len(PIECE)):
        handler.put(b": " + PIECE + b"\n\n")


def a_huge_refusal(handler: Handler) -> None:
    handler.start(500, Content_Type="application/json")
    for _ in range(HUGE // len(PIECE)):
        handler.put(PIECE)


def a_bomb(handler: Handler) -> None:
    handler.start(Content_Encoding="gzip")
    handler.put(BOMB)


def huge_text_in_chunks(handler: Handler) -> None:
    """The same through Chat Completions."""
    handler.start()
    base = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "first"}
    choice = {"index": 0, "delta": {"role": "assistant", "content": "x" * 1000}}
    line = f"data: {json.dumps({**base, 'choices': [choice]})}\n\n".encode()
    for _ in range(HUGE // 1000):
        handler.put(line)


class Memory:
    """The peak of this process since it was made, above what it held then (Linux)."""

    def __init__(self) -> None:
        Path("/proc/self/clear_refs").write_text("5")
        self.start = self._read("VmRSS")

    def growth(self) -> int:
        return self._read("VmHWM") - self.start

    @staticmethod
    def _read(name: str) -> int:
        found = re.search(rf"^{name}:\s+(\d+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
        assert found is not None
        return int(found[1]) * 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads the memory's peak from /proc")
@pytest.mark.parametrize(
    ("act", "said", "at_most"),
    [
        (a_huge_stream_of_text, "longer than 1,000,000 characters", 10 * MB),
        (a_huge_stream_of_arguments, "500,000 characters of arguments", 10 * MB),
        (one_huge_event, "far more than an answer needs", 20 * MB),
        (one_huge_event_in_lines, "far more than an answer needs", 20 * MB),
        (a_huge_last_event, "far more than an answer needs", 20 * MB),
        (many_events_that_say_nothing, "far more than an answer needs", 75 * MB),
        (a_huge_refusal, "far more than an answer needs", 15 * MB),
        (a_bomb, "packs its answers", MB),
        (huge_text_in_chunks, "longer than 1,000,000 characters", 10 * MB),
    ],
)
def test_reading_stops_at_the_cap(
    told: Story, bad_server: Server, settings: Any, act: Act, said: str, at_most: int
) -> None:
    once_more = says("I am back.")
    bad_server.acts = [answers(words("warm"))]  # what is loaded once is no growth
    drive(Thinkers())
    type(told.task).objects.filter(pk=told.task.pk).update(
        status=TaskStatus.QUEUED, finished_at=None, result="", fence=0
    )
    Turn.objects.all().delete()
    bad_server.requests.clear()
    bad_server.sent_bytes = 0
    bad_server.acts = [
        act,
        lambda handler: act(handler) if len(bad_server.requests) < 3 else once_more(handler),
    ]
    if act is huge_text_in_chunks:
        settings.MODEL_API = "chat"
    memory = Memory()

    drive(Thinkers())

    growth = memory.growth()
    told.task.refresh_from_db()
    assert (told.task.status, told.task.attempts) == (TaskStatus.QUEUED, 1)
    event = told.task.events.filter(kind=Kind.TASK_RELEASED).last()
    assert event is not None
    assert said in event.data["why"]
    assert not Turn.objects.exists()
    asked_for = len(bad_server.requests)
    assert asked_for <= 2
    assert bad_server.sent_bytes <= at_most * asked_for, f"{bad_server.sent_bytes:,} bytes went out"
    assert growth < 50 * MB, f"the process grew by {growth:,} bytes"


def look(order: str, number: int) -> dict[str, Any]:
    return asked("get_order_details", json.dumps({"order": order}), f"look{number}")


def test_of_a_thousand_calls_at_once_32_run_and_the_model_reads_why_the_others_did_not(
    told: Story, bad_server: Server
) -> None:
    bad_server.acts = [answers(*(look(told.order.number, n) for n in range(1000))), says("That is enough.")]

    drive(Thinkers())

    told.task.refresh_from_db()
    assert told.task.status == TaskStatus.DONE
    assert told.task.tool_calls_used == 32, "those that could not run anyway cost the limit nothing"
    calls = told.task.tool_calls.order_by("position")
    assert [call.status for call in calls] == [CallStatus.DONE] * 32 + [CallStatus.FAILED] * 968
    outputs = [i for i in bad_server.requests[1]["input"] if i.get("type") == "function_call_output"]
    assert "beyond the limit of tool calls" in outputs[-1]["output"]


def ten_thousand_begun(handler: Handler) -> None:
    handler.start()
    for n in range(10_000):
        handler.event("response.output_item.added", output_index=n, item=look("A-1", n))


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (answers(*(look("A-1", n) for n in range(1101))), "more than 1,100 things at once"),
        (ten_thousand_begun, "more than 1,100 things at once"),
        (
            answers(*(asked("write_document", "x" * 90_000, f"c{n}") for n in range(6))),
            "more than 500,000 characters of arguments",
        ),
    ],
)
def test_more_calls_or_arguments_than_anybody_means_are_no_answer(
    told: Story, bad_server: Server, act: Act, said: str
) -> None:
    bad_server.acts = [act, says("Sorry.")]

    drive(Thinkers())

    told.task.refresh_from_db()
    assert (told.task.status, told.task.result) == (TaskStatus.DONE, "Sorry.")
    assert [turn.text for turn in told.task.turns.all()] == ["Sorry."]
    note = str(bad_server.requests[1]["input"][-1])
    assert said.partition(" ")[0] in note


def test_an_answer_as_long_as_the_cap_is_taken(told: Story, bad_server: Server) -> None:
    bad_server.acts = [says("x" * 1_000_000)]
    drive(Thinkers())
    told.task.refresh_from_db()
    assert (told.task.status, len(told.task.result)) == (TaskStatus.DONE, 1_000_000)


def pieces(text: str) -> Iterator[bytes]:
    yield from (text[start : start + 7].encode() for start in range(0, len(text), 7))


@pytest.mark.parametrize("end", ["\n\n", "\r\n\r\n", "\r\r"])
def test_events_are_measured_one_by_one_whatever_ends_them_and_however_they_are_cut(end: str) -> None:
    from agentdesk.runtime.capped_http import _last_event_end

    left, before = 0, b""
    for piece in pieces(f"data: 12{end}" * 50 + "data: 3"):
        at = _last_event_end(before, piece)
        left = left + len(piece) if at is None else len(piece) - at
        before = (before + piece)[-3:]
    assert left == len("data: 3")
