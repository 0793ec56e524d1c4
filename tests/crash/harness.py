"""A database with one ticket that waits for a worker: where the tests of worker trees begin."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 -- Django first
from django.db import connection  # noqa: E402

from tests.factories import person  # noqa: E402
from tests.scripted import tell  # noqa: E402


def prepare() -> None:
    call_command("migrate", verbosity=0)
    person("lena", "lead")
    tell()
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
