"""What takes many minutes runs when it is asked for: AGENTDESK_FAULTS=1, or `make crash`."""

from __future__ import annotations

import os

import pytest

on_demand = pytest.mark.skipif(
    os.environ.get("AGENTDESK_FAULTS") != "1",
    reason="takes many minutes: set AGENTDESK_FAULTS=1, or run `make crash`",
)
