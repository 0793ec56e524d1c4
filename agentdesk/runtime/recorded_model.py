"""A model around the model: records each answer before the run sees it, and answers from the journal on a resume."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, TypeAlias, cast

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
    ResponseUsage,
)
from openai.types.responses.response_prompt_param import ResponsePromptParam
from pydantic import TypeAdapter

from agentdesk.core.canonical import canonical, parse_object
from agentdesk.core.errors import Invalid
from agentdesk.core.logs import blotted
from agentdesk.core.text import shortened, storable
from agentdesk.runtime.caps import Meter, UnusableAnswer, check_whole
from agentdesk.runtime.journal import Answer
from tasks.models import Turn
from tools.calls import Requested

_OUTPUT: TypeAdapter[list[TResponseOutputItem]] = TypeAdapter(list[ResponseOutputItem])
MAX_TEXT = 200_000
_MALFORMED = (ValueError, TypeError, KeyError, AttributeError, IndexError)
"""What the clients raise on bytes that are no answer: broken JSON, fields that are missing or of another kind."""

_Request: TypeAlias = tuple[
    str | None,
    str | list[TResponseInputItem],
    ModelSettings,
    list[Tool],
    AgentOutputSchemaBase | None,
    list[Handoff],
    ModelTracing,
]
"""The arguments of a model call by position, in the order of the interface."""

logger = logging.getLogger(__name__)


class RecordedModel(Model):
    """Wraps the model of one run of one task.

    `before` is awaited before each real call (limits), `record` with each completed answer, `delta` gets text as it
    streams. An answer may take `call_seconds`, and its stream may be silent for `silence_seconds`. `taken` tells whether
    an id belongs to an earlier call of the task; `foreign` that another model gave some of its earlier answers.
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
        call_seconds: float = 120,
        silence_seconds: float = 60,
        taken: Callable[[str], bool] = lambda _: False,
        foreign: bool = False,
    ) -> None:
        self._inner = inner
        self._agent_name = agent_name
        self._model_name = model_name
        self._replay = replay
        self._before = before
        self._record = record
        self._delta = delta
        self._call_seconds = call_seconds
        self._silence_seconds = silence_seconds
        self._taken = taken
        self._foreign = foreign

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
        response, said = await self._ask(
            (
                system_instructions,
                spoken_to_another(input) if self._foreign else input,
                model_settings,
                tools,
                output_schema,
                handoffs,
                tracing,
            ),
            previous_response_id=previous_response_id,
            conversation_id=conversation_id,
            prompt=prompt,
        )
        duration_ms = int((time.monotonic() - started) * 1000)
        await self._record(self._answer(response, said, duration_ms=duration_ms))
        yield _completed(response)

    async def _ask(self, request: _Request, **keywords: Any) -> tuple[Response, list[TResponseOutputItem]]:
        """A whole, sound answer; where the model can mend an unusable one, it is told what was wrong and asked once more."""
        try:
            return await self._listen(request, keywords)
        except UnusableAnswer as error:
            if not error.hint:
                raise
            instructions, heard, *rest = request
            note = f"(The desk could not use your last answer: {error.hint}.)"
            items: list[TResponseInputItem] = (
                [{"role": "user", "content": heard}] if isinstance(heard, str) else list(heard)
            )
            told = (instructions, [*items, {"role": "user", "content": note}], *rest)
            return await self._listen(cast("_Request", told), keywords)

    async def _listen(
        self, request: _Request, keywords: dict[str, Any]
    ) -> tuple[Response, list[TResponseOutputItem]]:
        """Read one answer to its end. Raises UnusableAnswer when it takes too long, is too much, or says nothing."""
        stream = self._inner.stream_response(*request, **keywords)
        try:
            async with asyncio.timeout(self._call_seconds) as whole:
                async with asyncio.timeout(self._silence_seconds) as silence:
                    return await self._read(stream, silence)
        except TimeoutError:
            if whole.expired():
                raise UnusableAnswer(
                    f"The model’s answer was not complete after {self._call_seconds} seconds and was cut off"
                ) from None
            if silence.expired():
                raise UnusableAnswer(
                    f"The model’s server was silent for {self._silence_seconds} seconds"
                ) from None
            raise
        finally:
            await _close(stream)

    async def _read(
        self, stream: AsyncIterator[TResponseStreamEvent], silence: asyncio.Timeout
    ) -> tuple[Response, list[TResponseOutputItem]]:
        meter, finished = Meter(), list[TResponseOutputItem]()
        now = asyncio.get_running_loop().time
        try:
            async for event in stream:
                silence.reschedule(now() + self._silence_seconds)
                meter.see(event)
                if isinstance(event, ResponseTextDeltaEvent):
                    self._delta(event.delta)
                elif event.type == "response.output_item.done":
                    finished.append(event.item)
                elif isinstance(event, ResponseCompletedEvent):
                    said = (
                        event.response.output or finished
                    )  # some servers leave the last event's output empty
                    check_whole(said, taken=self._taken)
                    runnable = [_runnable(item) for item in said]
                    return event.response.model_copy(update={"output": runnable}), said
                elif event.type in {"response.failed", "response.incomplete", "error"}:
                    raise UnusableAnswer(f"The model’s server gave up: {_reason(event)}")
        except _MALFORMED as error:
            logger.warning("A model's answer cannot be read.", exc_info=error)
            raise UnusableAnswer("The model’s server sent something that is no answer") from error
        raise UnusableAnswer("The model’s answer broke off")

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
            cached_tokens=_cached(usage),
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


def spoken_to_another(heard: str | list[TResponseInputItem]) -> str | list[TResponseInputItem]:
    """The conversation without what only the server that gave an answer can read: its reasoning and its items' ids."""
    if isinstance(heard, str):
        return heard
    kept: list[Any] = [
        {key: value for key, value in item.items() if key != "id"}
        for item in heard
        if item.get("type") != "reasoning"
    ]
    return kept


def _reason(event: TResponseStreamEvent) -> str:
    response = getattr(event, "response", None)
    error = getattr(response, "error", None) or getattr(response, "incomplete_details", None)
    words = (
        getattr(error, "message", None) or getattr(error, "reason", None) or getattr(event, "message", None)
    )
    return shortened(blotted(" ".join(str(words or "it did not say why").split())), 300)


def _cached(usage: ResponseUsage | None) -> int:
    details = usage.input_tokens_details if usage else None
    return (getattr(details, "cached_tokens", None) or 0) if details else 0


async def _close(stream: AsyncIterator[TResponseStreamEvent]) -> None:
    """Close the connection now, not when the garbage is collected: a server may have much more to say."""
    if isinstance(stream, AsyncGenerator):
        await stream.aclose()


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
