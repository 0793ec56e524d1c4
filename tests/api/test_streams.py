"""Event streams of a served desk: resumed without gap or repetition, ended with the task or with the right."""

from __future__ import annotations

import asyncio
import http.client
import json
import time

import pytest
from django.contrib.sessions.models import Session
from django.db import transaction

from agentdesk.api import streams, tokens
from agentdesk.api.auth import Caller
from agentdesk.events import cursor
from agentdesk.events.models import Event, Kind
from agentdesk.events.record import Fact, record
from tasks.models import Task
from tests.api.conftest import Program
from tests.factories import TaskFactory
from tests.serving import session_of, settle

pytestmark = pytest.mark.crash


@pytest.fixture
def program(web, ada):
    return Program(ada)


def move(task, *kinds, by=None):
    for kind in kinds or [Kind.TODOS_ADDED]:
        with transaction.atomic():
            record(task, Fact(kind, {"count": 1}, by=by))
    if not transaction.get_connection().in_atomic_block:
        settle()


def events_of(task):
    return f"/api/v1/tasks/{task.public_id}/events"


def numbers(stream, count):
    return [stream.event()[2]["number"] for _ in range(count)]


def test_a_task_is_followed_from_its_first_event(program, follow, ada):
    task = TaskFactory()
    move(task, Kind.TASK_QUEUED, by=ada)
    stream = follow(events_of(task), program)

    assert stream.response.headers["Content-Type"] == "text/event-stream"
    event_id, kind, data = stream.event()
    assert (event_id, kind) == ("1", "task.queued")
    assert (data["task"], data["number"], data["by"], data["data"]) == (
        task.public_id,
        1,
        "ada",
        {"count": 1},
    )

    move(task)
    assert numbers(stream, 1) == [2]


def test_a_stream_goes_on_behind_the_last_event_that_was_read(program, follow):
    task = TaskFactory()
    move(task, *[Kind.TODOS_ADDED] * 7)

    by_header = follow(events_of(task), program, **{"Last-Event-ID": "5"})
    by_query = follow(f"{events_of(task)}?last_event_id=4", program)
    both = follow(f"{events_of(task)}?last_event_id=1", program, **{"Last-Event-ID": "6"})

    assert numbers(by_header, 2) == [6, 7]
    assert numbers(by_query, 3) == [5, 6, 7]
    assert numbers(both, 1) == [7]


def test_a_stream_ends_with_its_task_and_there_is_nothing_to_come_back_for(program, follow):
    task = TaskFactory()
    move(task)
    stream = follow(events_of(task), program)
    assert numbers(stream, 1) == [1]

    with transaction.atomic():
        Task.objects.filter(pk=task.pk).update(status="cancelled", finished_at=task.created_at)
        record(task, Fact(Kind.TASK_CANCELLED))

    assert stream.event()[1] == "task.cancelled"
    assert stream.event() is None
    assert follow(events_of(task), program, **{"Last-Event-ID": "2"}).response.status == 204
    assert numbers(follow(events_of(task), program, **{"Last-Event-ID": "1"}), 1) == [2]


def test_readers_that_come_and_go_while_it_moves_read_every_event_once(program, follow, web):
    tasks = [TaskFactory() for _ in range(3)]
    read, last = [], cursor.newest()
    for round_ in range(6):
        for task in tasks:
            move(task, *[Kind.TODOS_ADDED] * 2)
        if round_ == 3:
            web.kill()
            web.start()
        stream = follow("/api/v1/events", program, **{"Last-Event-ID": last})
        for _ in range(5 if round_ < 5 else 36 - 25):
            last, _, data = stream.event()
            read.append((data["task"], data["number"]))
        stream.close()

    assert len(read) == len(set(read)) == 36
    for task in tasks:
        assert [number for public_id, number in read if public_id == task.public_id] == list(range(1, 13))


def test_everything_is_followed_from_now_on_or_from_the_beginning(program, follow):
    old, new = TaskFactory(), TaskFactory()
    move(old)
    from_now = follow("/api/v1/events", program)
    assert from_now.lines_of_frame() == ["retry: 2000"]
    move(new)

    assert from_now.event()[2]["task"] == new.public_id
    from_beginning = follow("/api/v1/events?last_event_id=0-0", program)
    assert [from_beginning.event()[2]["task"] for _ in range(2)] == [old.public_id, new.public_id]


def test_an_id_that_no_stream_gave_is_refused(program):
    task = TaskFactory()
    for path in (events_of(task), "/api/v1/events"):
        for last in ("x", "-1", "1e3", "٣", "9" * 40, "1-1; DROP"):
            response = program.client.get(path, {"last_event_id": last})
            assert response.status_code == 422
            assert list(response.json()["error"]["fields"]) == ["last_event_id"]


def test_an_unknown_task_has_no_stream(program):
    assert program.get("/api/v1/tasks/tsk_0/events").status_code == 404


def test_streams_end_within_five_seconds_when_the_right_is_lost(program, follow, ada, lena):
    task, of_lena = TaskFactory(), Program(lena)
    opened = [follow(path, one) for path in (events_of(task), "/api/v1/events") for one in (program, of_lena)]
    for stream in opened:
        assert stream.lines_of_frame() == ["retry: 2000"]

    tokens.revoke(program.token.pk)
    lena.groups.clear()
    started = time.monotonic()

    for stream in opened:
        assert stream.event() is None
    assert time.monotonic() - started < 5


def test_a_session_follows_too_and_ends_with_the_logout(web, follow, vera):
    task, session = TaskFactory(), session_of(vera)
    move(task)
    stream = follow(events_of(task), Cookie=f"sessionid={session}")
    assert numbers(stream, 1) == [1]

    Session.objects.filter(pk=session).delete()

    assert stream.event() is None


def test_a_large_body_is_refused_by_the_server_though_its_length_is_not_said(program, web):
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=10)
    headers = {"Authorization": f"Bearer {program.secret}", "Content-Type": "application/json"}
    pieces = [b'{"goal": "'] + [b"x" * 100_000] * 11 + [b'"}']
    connection.request("POST", "/api/v1/tasks", iter(pieces), headers, encode_chunked=True)
    response = connection.getresponse()

    assert response.status == 413
    assert json.loads(response.read())["error"]["code"] == "too_large"


async def collect(frames, until):
    heard = []
    async with asyncio.timeout(10):
        async for frame in frames:
            heard.append(frame)
            if until(frame):
                break
    await frames.aclose()
    return heard


def test_a_quiet_stream_says_that_it_is_still_there_and_leaves_nothing_behind(
    transactional_db, ada, monkeypatch
):
    monkeypatch.setattr(streams, "HEARTBEAT_SECONDS", 0.0)
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.05)
    program = Program(ada)
    caller = Caller(user=ada, token_id=program.token.pk)

    frames = streams.frames(streams.of_everything(), cursor.newest(), caller)
    heard = asyncio.run(collect(frames, lambda frame: frame.startswith(":")))

    assert heard[-1] == ": still here\n\n"
    assert not streams._open


def test_a_stream_ends_after_so_many_events_and_the_reader_resumes(transactional_db, ada, monkeypatch):
    monkeypatch.setattr(streams, "MAX_FRAMES", 3)
    monkeypatch.setattr(streams, "READ_AT_ONCE", 2)
    task, program = TaskFactory(), Program(ada)
    move(task, *[Kind.TODOS_ADDED] * 5)
    caller = Caller(user=ada, token_id=program.token.pk)

    heard = asyncio.run(collect(streams.frames(streams.of_task(task), "0", caller), lambda _: False))

    assert [frame.split("\n")[0] for frame in heard[1:]] == ["id: 1", "id: 2", "id: 3", "id: 4"]


def test_more_streams_than_a_process_serves_are_refused_kindly(program, monkeypatch):
    monkeypatch.setattr(streams, "MAX_OPEN", 0)
    response = program.get("/api/v1/events")

    assert (response.status_code, response.json()["error"]["code"]) == (503, "too_many_streams")
    assert Event.objects.count() == 0
