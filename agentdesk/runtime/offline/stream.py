"""One answer as the events a Responses server streams: deltas in small pieces, then the completed response."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

from openai.types.responses import (
    Response,
    ResponseCompletedEvent,
    ResponseContentPartAddedEvent,
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseFunctionCallArgumentsDeltaEvent,
    ResponseFunctionCallArgumentsDoneEvent,
    ResponseFunctionToolCall,
    ResponseInProgressEvent,
    ResponseOutputItem,
    ResponseOutputItemAddedEvent,
    ResponseOutputItemDoneEvent,
    ResponseOutputMessage,
    ResponseOutputText,
    ResponseReasoningItem,
    ResponseReasoningSummaryPartAddedEvent,
    ResponseReasoningSummaryPartDoneEvent,
    ResponseReasoningSummaryTextDeltaEvent,
    ResponseReasoningSummaryTextDoneEvent,
    ResponseStreamEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
    ResponseUsage,
)
from openai.types.responses.response_reasoning_item import Summary
from openai.types.responses.response_reasoning_summary_part_added_event import Part as AddedPart
from openai.types.responses.response_reasoning_summary_part_done_event import Part as DonePart
from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

from agentdesk.runtime.offline.answer import Answer

MODEL = "offline"
ARGUMENT_PIECE = 24
_PIECES = re.compile(r"\S+\s*|\s+")
_TOKENS = re.compile(r"\w{1,6}|[^\w\s]")


def count_tokens(text: str) -> int:
    """A rough count, within some 20 % of what a real tokenizer gives for English prose."""
    return sum(1 for _ in _TOKENS.finditer(text))


def response_of(answer: Answer, *, input_tokens: int) -> Response:
    """The completed response; ids are random, because equal conversations of two tasks are still two answers."""
    output: list[ResponseOutputItem] = []
    reasoning_tokens = count_tokens(answer.thought)
    output_tokens = reasoning_tokens
    if answer.thought:
        output.append(
            ResponseReasoningItem(
                id=_new_id("rs"),
                type="reasoning",
                summary=[Summary(text=answer.thought, type="summary_text")],
            )
        )
    if answer.text:
        output_tokens += count_tokens(answer.text)
        part = ResponseOutputText(text=answer.text, type="output_text", annotations=[], logprobs=[])
        output.append(
            ResponseOutputMessage(
                id=_new_id("msg"), type="message", role="assistant", status="completed", content=[part]
            )
        )
    for wish in answer.calls:
        arguments = json.dumps(wish.arguments, ensure_ascii=False, separators=(",", ":"))
        output_tokens += count_tokens(arguments) + count_tokens(wish.tool)
        output.append(
            ResponseFunctionToolCall(
                id=_new_id("fc"),
                call_id=_new_id("call"),
                type="function_call",
                name=wish.tool,
                arguments=arguments,
                status="completed",
            )
        )
    return Response(
        id=_new_id("resp"),
        created_at=time.time(),
        model=MODEL,
        object="response",
        output=output,
        tool_choice="auto",
        tools=[],
        parallel_tool_calls=True,
        status="completed",
        usage=ResponseUsage(
            input_tokens=input_tokens,
            input_tokens_details=InputTokensDetails(cache_write_tokens=0, cached_tokens=0),
            output_tokens=output_tokens,
            output_tokens_details=OutputTokensDetails(reasoning_tokens=reasoning_tokens),
            total_tokens=input_tokens + output_tokens,
        ),
    )


def events_of(response: Response) -> Iterator[ResponseStreamEvent]:
    """The events of `response` in the order and with the numbering of the Responses API."""
    return (_numbered(event, number) for number, event in enumerate(_events(response)))


def _events(response: Response) -> Iterator[ResponseStreamEvent]:
    started = response.model_copy(update={"status": "in_progress", "output": [], "usage": None})
    yield ResponseCreatedEvent(type="response.created", response=started, sequence_number=0)
    yield ResponseInProgressEvent(type="response.in_progress", response=started, sequence_number=0)
    for index, item in enumerate(response.output):
        yield ResponseOutputItemAddedEvent(
            type="response.output_item.added", item=_begun(item), output_index=index, sequence_number=0
        )
        match item:
            case ResponseReasoningItem():
                yield from _reasoning_events(item, index)
            case ResponseOutputMessage():
                yield from _message_events(item, index)
            case ResponseFunctionToolCall():
                yield from _call_events(item, index)
            case _:
                raise TypeError(f"The offline model never produces {item.type}.")
        yield ResponseOutputItemDoneEvent(
            type="response.output_item.done", item=item, output_index=index, sequence_number=0
        )
    yield ResponseCompletedEvent(type="response.completed", response=response, sequence_number=0)


def _reasoning_events(item: ResponseReasoningItem, index: int) -> Iterator[ResponseStreamEvent]:
    for number, summary in enumerate(item.summary):
        place: dict[str, Any] = {
            "item_id": item.id, "output_index": index, "summary_index": number, "sequence_number": 0
        }  # fmt: skip
        yield ResponseReasoningSummaryPartAddedEvent(
            type="response.reasoning_summary_part.added",
            part=AddedPart(text="", type="summary_text"),
            **place,
        )
        for piece in _PIECES.findall(summary.text):
            yield ResponseReasoningSummaryTextDeltaEvent(
                type="response.reasoning_summary_text.delta", delta=piece, **place
            )
        yield ResponseReasoningSummaryTextDoneEvent(
            type="response.reasoning_summary_text.done", text=summary.text, **place
        )
        yield ResponseReasoningSummaryPartDoneEvent(
            type="response.reasoning_summary_part.done",
            part=DonePart(text=summary.text, type="summary_text"),
            **place,
        )


def _message_events(item: ResponseOutputMessage, index: int) -> Iterator[ResponseStreamEvent]:
    for number, part in enumerate(item.content):
        if not isinstance(part, ResponseOutputText):
            raise TypeError("The offline model answers with text only.")
        place: dict[str, Any] = {
            "item_id": item.id, "output_index": index, "content_index": number, "sequence_number": 0
        }  # fmt: skip
        empty = part.model_copy(update={"text": ""})
        yield ResponseContentPartAddedEvent(type="response.content_part.added", part=empty, **place)
        for piece in _PIECES.findall(part.text):
            yield ResponseTextDeltaEvent(type="response.output_text.delta", delta=piece, logprobs=[], **place)
        yield ResponseTextDoneEvent(type="response.output_text.done", text=part.text, logprobs=[], **place)
        yield ResponseContentPartDoneEvent(type="response.content_part.done", part=part, **place)


def _call_events(item: ResponseFunctionToolCall, index: int) -> Iterator[ResponseStreamEvent]:
    place: dict[str, Any] = {"item_id": item.id, "output_index": index, "sequence_number": 0}
    for start in range(0, len(item.arguments), ARGUMENT_PIECE):
        yield ResponseFunctionCallArgumentsDeltaEvent(
            type="response.function_call_arguments.delta",
            delta=item.arguments[start : start + ARGUMENT_PIECE],
            **place,
        )
    yield ResponseFunctionCallArgumentsDoneEvent(
        type="response.function_call_arguments.done", arguments=item.arguments, name=item.name, **place
    )


def _begun(item: ResponseOutputItem) -> ResponseOutputItem:
    match item:
        case ResponseReasoningItem():
            return item.model_copy(update={"summary": [], "status": "in_progress"})
        case ResponseOutputMessage():
            return item.model_copy(update={"content": [], "status": "in_progress"})
        case ResponseFunctionToolCall():
            return item.model_copy(update={"arguments": "", "status": "in_progress"})
        case _:
            return item


def _numbered(event: ResponseStreamEvent, number: int) -> ResponseStreamEvent:
    if hasattr(event, "sequence_number"):
        event.sequence_number = number
    return event


def _new_id(prefix: str) -> str:
    return f"{prefix}_{uuid.uuid4().hex}"
