"""Wake-ups: one is enough until a worker takes it, and none outlives a change that was undone."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import transaction
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from tasks import queue
from tasks.intake import start_task
from tests.factories import support_version

pytestmark = pytest.mark.django_db


def wake() -> None:
    with transaction.atomic():
        queue.wake()


def test_one_wake_up_that_nobody_took_is_enough() -> None:
    for _ in range(3):
        wake()
    assert [row.func() for row in OrmQ.objects.all()] == [queue.JOB]


def test_a_wake_up_that_a_worker_took_is_followed_by_another() -> None:
    wake()
    OrmQ.objects.update(lock=timezone.now() + timedelta(minutes=5))
    wake()
    assert OrmQ.objects.count() == 2


def test_another_job_in_the_queue_is_no_wake_up() -> None:
    async_task("builtins.len", "x")
    wake()
    assert sorted(row.func() for row in OrmQ.objects.all()) == [queue.JOB, "builtins.len"]


def test_a_change_that_is_undone_leaves_no_wake_up() -> None:
    support_version()
    with transaction.atomic():
        start_task(goal="Find the parcel.")
        assert OrmQ.objects.exists()
        transaction.set_rollback(True)
    assert not OrmQ.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_wake_up_belongs_to_a_transaction() -> None:
    with pytest.raises(AssertionError, match="belongs to the transaction"):
        queue.wake()
    assert not OrmQ.objects.exists()


def test_the_job_is_there_under_the_name_that_is_queued() -> None:
    module, name = queue.JOB.rsplit(".", 1)
    source = Path(__file__).resolve().parents[2] / (module.replace(".", "/") + ".py")
    assert f"def {name}(" in source.read_text()


def test_a_wake_up_signed_with_a_rotated_key_counts_for_nothing_and_stops_nothing() -> None:
    wake()
    OrmQ.objects.update(payload="signed:with:another-key")

    wake()

    assert OrmQ.objects.count() == 2, "the workers drop the old one, so a new one is needed"
