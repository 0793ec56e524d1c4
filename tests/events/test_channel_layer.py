"""The database channel layer: what commits arrives, in order, everywhere; what rolls back never does."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import OperationalError, connection, transaction

from agentdesk.events import channel_layer, wire
from agentdesk.events.channel_layer import LOST


def in_thread(work):
    """Run in a thread of its own with a connection of its own, as another request does."""

    def run():
        try:
            return work()
        finally:
            connection.close()

    return asyncio.to_thread(run)


def put_numbers(*numbers, group="g"):
    for number in numbers:
        wire.put([([group], {"type": "x", "number": number})])


async def test_a_message_reaches_every_member_of_its_group_and_nobody_else(layer, listen):
    first, second, other = await listen("g"), await listen("g", "h"), await listen("h")

    await layer.group_send("g", {"type": "x", "number": 1})
    await layer.group_send("h", {"type": "x", "number": 2})

    assert await first.numbers(1) == [1]
    assert await second.numbers(2) == [1, 2]
    assert await other.numbers(1) == [2]


async def test_messages_of_several_groups_in_one_transaction_arrive_together_and_in_order(layer, listen):
    listener = await listen("a", "b")

    def change():
        with transaction.atomic():
            for number in range(20):
                wire.put([(["a" if number % 3 else "b"], {"type": "x", "number": number})])

    await in_thread(change)

    assert await listener.numbers(20) == list(range(20))


async def test_what_rolls_back_is_never_sent(layer, listen):
    listener = await listen("g")

    def change_and_fail():
        with transaction.atomic():
            put_numbers(1)
            transaction.set_rollback(True)

    await in_thread(change_and_fail)
    await in_thread(lambda: put_numbers(2))

    assert await listener.numbers(1) == [2]


async def test_a_message_is_not_seen_before_its_transaction_commits(layer, listen):
    listener = await listen("g")
    written, go_on = threading.Event(), threading.Event()

    def slow_change():
        with transaction.atomic():
            put_numbers(1)
            written.set()
            assert go_on.wait(10)

    change = asyncio.create_task(in_thread(slow_change))
    await asyncio.to_thread(written.wait, 10)
    waiting = asyncio.create_task(listener.next())
    done, _ = await asyncio.wait([waiting], timeout=0.2)
    assert not done
    go_on.set()

    await change
    assert (await waiting)["number"] == 1


async def test_a_lower_id_that_commits_after_a_higher_one_still_arrives(layer, listen):
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer: ids are in commit order.")
    listener = await listen("g")
    written, go_on = threading.Event(), threading.Event()

    def slow_change():
        with transaction.atomic():
            put_numbers(1)
            written.set()
            assert go_on.wait(10)

    change = asyncio.create_task(in_thread(slow_change))
    await asyncio.to_thread(written.wait, 10)
    await in_thread(lambda: put_numbers(*range(2, 40)))
    assert await listener.numbers(38) == list(range(2, 40))
    go_on.set()

    await change
    assert await listener.numbers(1) == [1]


async def test_threads_that_write_at_once_lose_nothing_and_keep_their_own_order(layer, listen):
    layer.capacity = 1000
    listener = await listen("g")

    def writer(name):
        for number in range(50):
            wire.put([(["g"], {"type": "x", "writer": name, "number": number})])

    await asyncio.gather(*(in_thread(lambda name=name: writer(name)) for name in "abcd"))

    heard = [await listener.next() for _ in range(200)]
    for name in "abcd":
        assert [message["number"] for message in heard if message["writer"] == name] == list(range(50))


@pytest.mark.crash
async def test_what_another_process_commits_arrives_in_order(layer, listen, elsewhere):
    layer.capacity = 1000
    listener = await listen("g")

    process = elsewhere("for n in range(200): put([(['g'], {'type': 'x', 'number': n})])")

    assert await listener.numbers(200) == list(range(200))
    assert await asyncio.to_thread(process.wait, 10) == 0


@pytest.mark.crash
async def test_a_process_killed_before_its_commit_has_sent_nothing(layer, listen, elsewhere):
    listener = await listen("g")
    process = elsewhere(
        "with transaction.atomic():\n put([(['g'], {'type': 'x', 'number': 1})]); print('written', flush=True); time.sleep(60)"
    )
    assert await asyncio.to_thread(process.stdout.readline) == "written\n"

    process.kill()
    await asyncio.to_thread(process.wait)
    await in_thread(lambda: put_numbers(2))

    assert await listener.numbers(1) == [2]


async def test_what_was_sent_before_somebody_listened_is_not_repeated_to_them(layer, listen):
    await in_thread(lambda: put_numbers(1, 2, 3))
    listener = await listen("g")

    await in_thread(lambda: put_numbers(4))

    assert await listener.numbers(1) == [4]


async def test_a_slow_listener_is_told_that_it_lost_messages_and_others_lose_none(layer, listen):
    quick = await listen("g")
    slow = await listen("g")

    for start in (0, 30):
        await in_thread(lambda start=start: put_numbers(*range(start, start + 30)))
        assert await quick.numbers(30) == list(range(start, start + 30))

    assert await slow.next() is LOST
    rest = [(await slow.next())["number"]]
    while rest[-1] != 59:
        rest.append((await slow.next())["number"])
    assert rest == list(range(rest[0], 60))
    assert len(rest) < layer.capacity


async def test_a_listener_that_leaves_is_forgotten_and_the_reader_ends_with_the_last(layer, listen):
    first, second = await listen("g"), await listen("g", "h")
    reader = next(thread for thread in threading.enumerate() if thread.name == "channel-layer-reader")

    await first.leave()
    assert layer._groups == {"g": {second.name}, "h": {second.name}}
    await second.leave()

    await asyncio.to_thread(reader.join, 5)
    assert not reader.is_alive()
    assert (layer._groups, layer._inboxes) == ({}, {})


async def test_listening_again_after_everybody_left_works(layer, listen):
    await (await listen("g")).leave()
    listener = await listen("g")

    await layer.group_send("g", {"type": "x", "number": 1})

    assert await listener.numbers(1) == [1]


async def test_a_discarded_member_hears_nothing_more(layer, listen):
    listener = await listen("g", "h")
    await layer.group_discard("g", listener.name)

    await in_thread(lambda: (put_numbers(1, group="g"), put_numbers(2, group="h")))

    assert await listener.numbers(1) == [2]


async def test_a_message_to_one_channel_of_this_process_arrives(layer, listen):
    listener = await listen()

    await layer.send(listener.name, {"type": "x", "number": 1})

    assert await listener.numbers(1) == [1]


async def test_after_the_database_was_away_listeners_are_told_that_messages_may_be_lost(
    layer, listen, monkeypatch
):
    listener = await listen("g")
    monkeypatch.setattr(channel_layer, "RETRY_SECONDS", 0.01)
    real, broken = wire._rows, threading.Event()

    def fail_once():
        if broken.is_set():
            return real()
        broken.set()
        raise OperationalError("gone")

    monkeypatch.setattr(wire, "_rows", fail_once)
    await in_thread(lambda: put_numbers(1))
    assert await listener.next() is LOST

    await in_thread(lambda: put_numbers(2))
    while (await listener.next())["number"] != 2:
        pass  # the first one, where the failure came before it


async def test_a_listener_on_a_closed_event_loop_is_dropped(layer, listen):
    def listen_and_close():
        async def go():
            name = await layer.new_channel()
            await layer.group_add("g", name)

        asyncio.run(go())

    await asyncio.to_thread(listen_and_close)
    here = await listen("g")

    await in_thread(lambda: put_numbers(1))
    assert await here.numbers(1) == [1]
    await in_thread(lambda: put_numbers(2))
    assert await here.numbers(1) == [2], "the round that found the loop closed is over"

    assert set(layer._inboxes) == {here.name}
