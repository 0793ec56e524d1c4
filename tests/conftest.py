"""The people of the tests, one a role, and a database that needs no server."""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from pytest_django.plugin import blocking_manager_key

from tests.factories import person, what_migrations_made

if django_settings.REDIS_URL:  # the two halves of a parallel run must not hear each other
    prefix = f"agentdesk-test-{os.getpid()}"
    os.environ["AGENTDESK_REDIS_PREFIX"] = prefix  # for the processes that tests start
    django_settings.CHANNEL_LAYERS["default"]["CONFIG"]["prefix"] = prefix

hypothesis.settings.register_profile(
    "desk", deadline=None
)  # a database's first answer takes as long as it takes
hypothesis.settings.load_profile("desk")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """SQLite tests use a real file: threads and processes lock it as in production, and `var/` stays untouched."""
    database = django_settings.DATABASES["default"]
    if database["ENGINE"].endswith("sqlite3"):
        database.setdefault("TEST", {})["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")


def empties_the_database(item: pytest.Item) -> bool:
    marker = item.get_closest_marker("django_db")
    return "transactional_db" in getattr(item, "fixturenames", ()) or bool(
        marker and marker.kwargs.get("transaction")
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Any:
    """A test with real commits ends by emptying the database; the next one finds what migrations put there."""
    result = yield
    if nextitem is not None and empties_the_database(item) and not empties_the_database(nextitem):
        with item.config.stash[blocking_manager_key].unblock():
            what_migrations_made()
    return result


@pytest.fixture(autouse=True)
def quick_passwords(settings: Any) -> None:
    """Argon2 is slow on purpose; logging in is not what most tests are about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def vera(db: None) -> User:
    """Looks on."""
    return person("vera", "viewer")


@pytest.fixture
def ada(db: None) -> User:
    """A support agent: starts and cancels tasks, answers questions."""
    return person("ada", "agent")


@pytest.fixture
def lena(db: None) -> User:
    """A lead: signs up to 250.00."""
    return person("lena", "lead")


@pytest.fixture
def finn(db: None) -> User:
    """Finance: signs up to 1,000.00, and is one of two above."""
    return person("finn", "finance")


@pytest.fixture
def audrey(db: None) -> User:
    """Audits: sees everything, changes nothing."""
    return person("audrey", "auditor")


@pytest.fixture
def adam(db: None) -> User:
    """Administers agents, policies, people; signs nothing."""
    return person("adam", "admin")
