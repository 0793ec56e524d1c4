"""The story every flow starts from."""

from __future__ import annotations

import pytest

from tests.scripted import MakeStory, tell


@pytest.fixture
def story(transactional_db: None) -> MakeStory:
    """Make a ticket of a customer who was charged twice, committed for real."""
    return tell
