"""`python -m tests.crash.hanging.work TOOL`: the worker command, with a model that calls TOOL and repeats what it was told."""

from __future__ import annotations

import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
django.setup()

from agents.testing import ModelStep  # noqa: E402 -- Django first

from agentdesk.runtime import drive, tree  # noqa: E402
from tests.scripted import Scripted, call, say  # noqa: E402


def answer(request: Any) -> list[Any]:
    told = [item["output"] for item in request.input if item.get("type") == "function_call_output"]
    return [say(f"It said: {told[-1]}")] if told else [call(sys.argv[1], "c1")]


def script() -> Scripted:
    return Scripted([ModelStep.respond(answer) for _ in range(20)])  # type: ignore[misc]


if __name__ == "__main__":
    drive.Thinkers = script  # type: ignore[misc,assignment]
    os._exit(tree.run())
