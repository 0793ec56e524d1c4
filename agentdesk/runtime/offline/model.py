"""The offline model as the SDK sees it: reads the conversation, lets the brain decide, streams the answer."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from agents import (
    AgentOutputSchemaBase,
    Handoff,
    Model,
    ModelResponse,
    ModelSettings,
    ModelTracing,
    Tool,
    TResponseInputItem,
    Usage,
    generation_span,
)
from agents.items import TResponseStreamEvent
from openai.types.responses import Response
from openai.types.responses.response_prompt_param import ResponsePromptParam

from agentdesk.runtime.offline.conversation import read
from agentdesk.runtime.offline.stream import MODEL, count_tokens, events_of, response_of
from agentdesk.runtime.offline.work import next_answer

_PACED = {
    "response.reasoning_summary_text.delta",
    "response.output_text.delta",
    "response.function_call_arguments.delta",
}


def today_utc() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


class OfflineModel(Model):
    """Answers without any network, the same for the same conversation and day.

    `pace_ms` is the pause after each streamed piece; 0 streams as fast as the reader takes it. `today` is used
    only where neither the instructions nor the goal name the day.
    """

    def __init__(self, *, pace_ms: int = 0, today: Callable[[], dt.date] = today_utc) -> None:
        if pace_ms < 0:
            raise ValueError("pace_ms is a number of milliseconds, 0 or more.")
        self._pace_ms = pace_ms
        self._today = today

    async def get_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002 - the interface's name; nested runs call by keyword
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff[Any]],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> ModelResponse:
        del model_settings, output_schema, handoffs, previous_response_id, conversation_id, prompt
        response = self._think(system_instructions, input, tools, tracing)
        usage = response.usage
        assert usage is not None
        return ModelResponse(
            output=response.output,
            usage=Usage(
                requests=1,
                input_tokens=usage.input_tokens,
                output_tokens=usage.output_tokens,
                total_tokens=usage.total_tokens,
                input_tokens_details=usage.input_tokens_details,
                output_tokens_details=usage.output_tokens_details,
            ),
            response_id=response.id,
        )

    async def stream_response(
        self,
        system_instructions: str | None,
        input: str | list[TResponseInputItem],  # noqa: A002 - the interface's name; nested runs call by keyword
        model_settings: ModelSettings,
        tools: list[Tool],
        output_schema: AgentOutputSchemaBase | None,
        handoffs: list[Handoff[Any]],
        tracing: ModelTracing,
        *,
        previous_response_id: str | None,
        conversation_id: str | None,
        prompt: ResponsePromptParam | None,
    ) -> AsyncIterator[TResponseStreamEvent]:
        del model_settings, output_schema, handoffs, previous_response_id, conversation_id, prompt
        response = self._think(system_instructions, input, tools, tracing)
        for event in events_of(response):
            yield event
            if self._pace_ms and event.type in _PACED:
                await asyncio.sleep(self._pace_ms / 1000)

    def _think(
        self,
        instructions: str | None,
        given: str | list[TResponseInputItem],
        tools: list[Tool],
        tracing: ModelTracing,
    ) -> Response:
        items: list[Any] = [{"role": "user", "content": given}] if isinstance(given, str) else list(given)
        span = generation_span(model=MODEL, disabled=tracing.is_disabled())
        span.start(mark_as_current=False)
        try:
            conversation = read(
                instructions=instructions or "",
                items=items,
                tools=frozenset(tool.name for tool in tools),
                today=self._today(),
            )
            answer = next_answer(conversation)
            seen = count_tokens(instructions or "") + count_tokens(json.dumps(items, default=str))
            response = response_of(answer, input_tokens=seen)
            assert response.usage is not None
            span.span_data.usage = {
                "input_tokens": response.usage.input_tokens,
                "output_tokens": response.usage.output_tokens,
            }
            return response
        finally:
            span.finish(reset_current=False)
