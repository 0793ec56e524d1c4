from __future__ import annotations

from typing import Any

from tools.models import Effect
from tools.outcomes import Happened, Outcome
from tools.spec import Arguments, Context, Outside, ToolSpec


class SendCourier(Arguments):
    to: str


answers: list[Outcome | Exception] = []
"""What comes back from the calls to come; nothing in it: he goes."""
rung: list[str] = []
"""Where he was sent, by key."""
released: list[str] = []


def _perform(key: str, request: dict[str, Any]) -> Outcome:
    rung.append(key)
    answer = answers.pop(0) if answers else Happened(f"ride-{len(rung)}", {"to": request["to"]})
    if isinstance(answer, Exception):
        raise answer
    return answer


def _settle(
    context: Context, arguments: SendCourier, request: dict[str, Any], happened: Happened
) -> dict[str, Any]:
    return {"ride": happened.reference, "to": request["to"]}


TOOLS: list[ToolSpec[Any]] = [
    ToolSpec(
        name="send_courier",
        description="Send a courier.",
        arguments=SendCourier,
        effect=Effect.UNKEYED,
        label=lambda data: f"Send a courier to {data['to']}",
        outside=Outside(
            intend=lambda context, arguments: {"to": arguments.to},
            perform=_perform,
            settle=_settle,
            undo=lambda context, arguments, request: released.append(context.call.key),
        ),
    )
]
