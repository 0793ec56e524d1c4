"""The tests of this folder once more, on PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.conf import settings

URL = os.environ.get("AGENTDESK_TEST_POSTGRES_URL", "postgresql://postgres@127.0.0.1:5432/postgres")


@pytest.mark.postgres
def test_the_channel_layer_keeps_its_promises_on_postgresql():
    if settings.DATABASE_URL:
        pytest.skip("The whole run is on PostgreSQL already.")
    try:
        psycopg.connect(URL, connect_timeout=2).close()
    except psycopg.OperationalError as error:
        pytest.skip(f"No PostgreSQL at {URL}: {error}")

    run = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:xdist",
            str(Path(__file__).parent),
        ],
        env={**os.environ, "DATABASE_URL": URL.rsplit("/", 1)[0] + f"/agentdesk_events_{os.getpid()}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert run.returncode == 0, run.stdout[-5000:]
