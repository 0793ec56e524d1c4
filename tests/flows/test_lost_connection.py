"""A worker whose connection to the database dies gets a new one by itself."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from django.db import connection

from agentdesk.runtime.drive import Driver
from tasks.models import Task, TaskStatus
from tests.scripted import MakeStory, Scripted, say, tell


@pytest.fixture
def story(transactional_db: None) -> MakeStory:
    return tell


def test_a_worker_whose_connection_is_cut_goes_on_with_a_new_one(story: MakeStory) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server that could cut a connection")
    thinkers = Scripted([[say("Done.")]])
    driver = Driver(thinkers=thinkers, linger_seconds=6, drive_seconds=15)
    worker = threading.Thread(target=lambda: asyncio.run(driver.drive()))
    worker.start()
    cut_everybody_else()

    told = story()
    worker.join(timeout=30)

    assert not worker.is_alive()
    assert Task.objects.get(pk=told.task.pk).status == TaskStatus.DONE


def cut_everybody_else() -> None:
    """As soon as the worker is connected."""
    until = time.monotonic() + 10
    cut = 0
    while not cut and time.monotonic() < until:
        time.sleep(0.2)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            (cut,) = cursor.fetchone()
    assert cut
