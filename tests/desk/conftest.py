"""Browsers of the people of the tests."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client

As = Callable[[User], Client]


@pytest.fixture
def as_() -> As:
    """A browser in which this person is signed in."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def htmx() -> Callable[[str], dict[str, str]]:
    """The headers of an htmx request that will replace this element."""
    return lambda target: {"HX-Request": "true", "HX-Target": target}
