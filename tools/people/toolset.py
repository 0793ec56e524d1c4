"""ask_person: the agent asks staff, and the task waits for the answer."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from agentdesk.core.text import shortened
from tools.models import Effect
from tools.spec import Arguments, Context, ToolSpec


class AskPerson(Arguments):
    question: Annotated[
        str,
        Field(
            min_length=5,
            max_length=2_000,
            description="One question with what the reader must know to answer it",
        ),
    ]


def ask_person(context: Context, _: AskPerson) -> dict[str, Any]:
    raise AssertionError(f"{context.call} is answered by a person, never run")


TOOLS = [
    ToolSpec(
        name="ask_person",
        description=(
            "Ask the support staff one question and get their answer. Only when the tools cannot tell you what you need, "
            "the case is outside the runbooks, or the customer's wish is unclear."
        ),
        arguments=AskPerson,
        effect=Effect.READ,
        handler=ask_person,
        label=lambda data: f"Ask staff: {shortened(data['question'], 90)}",
        asks_question=lambda arguments: arguments.question,
    )
]
