"""A model around the model: records each answer before the run sees it, and answers from the journal on a resume."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from agents import (
    AgentOutputSchemaBase,
    Handoff,
    Model,
    ModelBehaviorError,
    ModelResponse,
    ModelSettings,
    ModelTracing,
    Tool,
    TResponseInputItem,
)
from agents.items import TResponseOutputItem, TResponseStreamEvent
from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseFunctionToolCall,
    ResponseOutputItem,
    ResponseOutputMessage,
    ResponseReasoningItem,
    ResponseTextDeltaEvent,
)
from openai.types.responses.response_prompt_param import ResponsePromptParam
from pydantic import TypeAdapter

from agentdesk.core.canonical import canonical, parse_object
from agentdesk.core.errors import Invalid
from agentdesk.core.text import storable
from agentdesk.runtime.journal import Answer
from tasks.models import Turn
from tools.calls import Requested

_OUTPUT: TypeAdapter[list[TResponseOutputItem]] = TypeAdapter(list[ResponseOutputItem])
MAX_TEXT = 200_000


class RecordedModel(Model):
    """Wraps the model of one run of one task.

    `before` is awaited before each real call (limits), `record` with each completed answer, `delta` gets text as it streams.
    """

    def __init__(
        self,
        inner: Model,
        *,
        agent_name: str,
        model_name: str,
        replay: Turn | None,
        before: Callable[[], Awaitable[None]],
        record: Callable[[Answer], Awaitable[None]],
        delta: Callable[[str], None],
    ) -> None:
        self._inner = inner
        self._agent_name = agent_name
        self._model_name = model_name
        self._replay = replay
        self._before = before
        self._record = record
        self._delta = delta

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002 -- the interface's name: nested runs pass it by keyword
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> ModelResponse:
        raise ModelBehaviorError("Tasks are streamed; nothing in AgentDesk asks for a whole answer at once.")

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002 -- the interface's name
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        if self._replay is not None:
            turn, self._replay = self._replay, None
            yield _completed(
                _response(turn.response_id, turn.model_name, _OUTPUT.validate_python(turn.items))
            )
            return
        await self._before()
        started = time.monotonic()
        stream = self._inner.stream_response(
            system_instructions,
            input,
            model_settings,
            tools,
            output_schema,
            handoffs,
            tracing,
            previous_response_id=previous_response_id,
            conversation_id=conversation_id,
            prompt=prompt,
        )
        finished: list[TResponseOutputItem] = []
        async for event in stream:
            if isinstance(event, ResponseTextDeltaEvent):
                self._delta(event.delta)
            elif event.type == "response.output_item.done":
                finished.append(event.item)
            if isinstance(event, ResponseCompletedEvent):
                output = event.response.output or finished  # some servers leave the last event's output empty
                response = event.response.model_copy(update={"output": [_runnable(item) for item in output]})
                duration_ms = int((time.monotonic() - started) * 1000)
                await self._record(self._answer(response, output, duration_ms=duration_ms))
                yield _completed(response)
                return
            if event.type in {"response.failed", "response.incomplete", "error"}:
                yield event  # the SDK turns these into an error of the run
                return
        raise ModelBehaviorError("The model's stream ended without a complete answer.")

    def _answer(self, response: Response, said: list[TResponseOutputItem], *, duration_ms: int) -> Answer:
        usage = response.usage
        return Answer(
            agent_name=self._agent_name,
            model_name=self._model_name,
            response_id=response.id or "",
            items=[_storable_item(item) for item in response.output],
            text=storable("".join(_texts(response.output)))[:MAX_TEXT],
            reasoning=storable("\n\n".join(_summaries(response.output)))[:MAX_TEXT],
            input_tokens=usage.input_tokens if usage else 0,
            output_tokens=usage.output_tokens if usage else 0,
            duration_ms=duration_ms,
            requested=[
                Requested(call_id=item.call_id, tool=item.name, raw_arguments=item.arguments)
                for item in said
                if isinstance(item, ResponseFunctionToolCall)
            ],
        )


def _runnable(item: TResponseOutputItem) -> TResponseOutputItem:
    """The item as the SDK gets it: a call's arguments become canonical JSON, or `{}` where they are not valid.

    The tool wrapper runs what the journal holds, never what the SDK parsed; and the SDK asks a person about malformed
    JSON, which nobody could decide.
    """
    if not isinstance(item, ResponseFunctionToolCall):
        return item
    try:
        arguments = canonical(parse_object(item.arguments)).decode()
    except Invalid:
        arguments = "{}"
    return item.model_copy(update={"arguments": arguments})


def _storable_item(item: TResponseOutputItem) -> dict[str, Any]:
    dumped: dict[str, Any] = item.model_dump(mode="json", exclude_unset=True)
    return _clean(dumped)  # type: ignore[no-any-return]


def _clean(value: Any) -> Any:
    match value:
        case str():
            return storable(value)
        case list():
            return [_clean(item) for item in value]
        case dict():
            return {key: _clean(item) for key, item in value.items()}
        case _:
            return value


def _texts(output: list[TResponseOutputItem]) -> list[str]:
    return [
        part.text if part.type == "output_text" else part.refusal
        for item in output
        if isinstance(item, ResponseOutputMessage)
        for part in item.content
    ]


def _summaries(output: list[TResponseOutputItem]) -> list[str]:
    return [part.text for item in output if isinstance(item, ResponseReasoningItem) for part in item.summary]


def _response(response_id: str, model: str, output: list[TResponseOutputItem]) -> Response:
    return Response(
        id=response_id,
        created_at=0,
        model=model,
        object="response",
        output=output,
        parallel_tool_calls=True,
        tool_choice="auto",
        tools=[],
    )


def _completed(response: Response) -> ResponseCompletedEvent:
    return ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)
