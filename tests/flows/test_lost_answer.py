"""A claim that its worker does not know of, because the answer to the commit was lost, is taken over like any other."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from django.utils import timezone

from agentdesk.runtime.drive import Driver
from tasks import transitions
from tasks.models import Task, TaskStatus
from tests.scripted import MakeStory, Scripted, say, tell


@pytest.fixture
def story(transactional_db: None) -> MakeStory:
    return tell


def test_a_worker_prolongs_only_the_claims_it_works_on(story: MakeStory) -> None:
    told = story()
    driver = Driver(thinkers=Scripted([[say("Done.")]]), linger_seconds=0.5, drive_seconds=12)
    transitions.claim(holder=driver.holder, limit=1)  # it was committed, and the driver never heard of it
    beats = transitions.HEARTBEAT_SECONDS
    Task.objects.update(lease_until=timezone.now() + timedelta(seconds=beats + 1))

    asyncio.run(driver.drive())

    assert Task.objects.get(pk=told.task.pk).status == TaskStatus.DONE
