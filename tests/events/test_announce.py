"""Announcements on another layer (Redis) leave after the commit, and its failure is not the change's failure."""

from __future__ import annotations

import os
import socket
from urllib.parse import urlparse

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import channel_layers
from channels_redis.pubsub import RedisPubSubChannelLayer
from django.db import transaction

from agentdesk.events.announce import announce, send_all, task_group
from agentdesk.events.channel_layer import DatabaseChannelLayer
from agentdesk.events.models import Signal
from tasks.models import Task
from tests.factories import TaskFactory

REDIS_URL = os.environ.get("AGENTDESK_TEST_REDIS_URL", "redis://127.0.0.1:6379")


@pytest.fixture
def use_layer():
    before = channel_layers.backends.get("default")

    def use(layer):
        channel_layers.set("default", layer)
        return layer

    yield use
    channel_layers.backends.pop("default", None)
    if before is not None:
        channel_layers.set("default", before)


@pytest.fixture
def redis_layer(use_layer):
    address = urlparse(REDIS_URL)
    try:
        socket.create_connection((address.hostname, address.port or 6379), timeout=1).close()
    except OSError as error:
        pytest.skip(f"No Redis at {REDIS_URL}: {error}")
    return use_layer(RedisPubSubChannelLayer(hosts=[REDIS_URL], prefix="agentdesk-test"))


def test_an_announcement_names_the_task_and_its_number_for_its_page_and_for_lists(db, use_layer):
    use_layer(DatabaseChannelLayer())
    task = TaskFactory()
    task.last_event = 7
    announce([task])

    message = {"type": "task.at", "task": task.public_id, "at": 7}
    rows = Signal.objects.order_by("id").values_list("groups", "payload")
    assert list(rows) == [(f"tasks {task_group(task.public_id)}", message)]


@pytest.mark.redis
def test_redis_carries_what_committed_and_nothing_else(redis_layer, transactional_db):
    async def listen_while_sending():
        name = await redis_layer.new_channel()
        await redis_layer.group_add("tasks", name)
        await sync_to_async(send_one_of_two)()
        return await redis_layer.receive(name)

    def send_one_of_two():
        with transaction.atomic():
            send_all([(["tasks"], {"type": "x", "number": 1})])
            transaction.set_rollback(True)
        with transaction.atomic():
            send_all([(["tasks"], {"type": "x", "number": 2})])

    assert async_to_sync(listen_while_sending)() == {"type": "x", "number": 2}
    assert not Signal.objects.exists()


def test_a_layer_that_is_down_does_not_fail_what_was_committed(use_layer, transactional_db):
    use_layer(RedisPubSubChannelLayer(hosts=["redis://127.0.0.1:1"]))

    with transaction.atomic():
        task = TaskFactory()
        announce([task])

    assert Task.objects.filter(pk=task.pk).exists()
