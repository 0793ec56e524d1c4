"""People's browsers and the scripted story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.scripted import MakeStory, tell


@pytest.fixture
def as_() -> Callable[[User], Client]:
    def browser(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return browser


@pytest.fixture
def story(transactional_db: Any) -> MakeStory:
    return tell
