"""HTTP to a model's server that stops reading where no sensible answer goes on, before it fills the memory."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
from openai import DefaultAsyncHttpxClient

from agentdesk.runtime.caps import UnusableAnswer

MAX_EVENT_BYTES = 8_000_000
"""Of one event of a stream, which is held in memory until it is complete; also of a body without events."""
MAX_ANSWER_BYTES = 64_000_000
"""Of everything a server sends for one answer: a stream spends some 300 bytes on each few characters."""
MAX_ERROR_BYTES = 200_000


def capped_client(*, timeout_seconds: float) -> httpx2.AsyncClient:
    """A client as openai makes it, proxies of the environment included, whose reading raises UnusableAnswer at a cap."""
    return DefaultAsyncHttpxClient(
        timeout=timeout_seconds, event_hooks={"request": [_ask_unpacked], "response": [_cap]}
    )


async def _ask_unpacked(request: httpx2.Request) -> None:
    """A few packed bytes can unpack to gigabytes, and the caps count what travels."""
    request.headers["Accept-Encoding"] = "identity"


async def _cap(response: httpx2.Response) -> None:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise UnusableAnswer("The model’s server packs its answers although it was asked not to")
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    response.stream = _CappedStream(
        response.stream, MAX_ERROR_BYTES if response.is_error else MAX_ANSWER_BYTES
    )


class _CappedStream(httpx2.AsyncByteStream):
    def __init__(self, inner: httpx2.AsyncByteStream, max_bytes: int) -> None:
        self._inner = inner
        self._max_bytes = max_bytes

    async def __aiter__(self) -> AsyncIterator[bytes]:
        total = event = 0
        before = b""
        async for chunk in self._inner:
            total += len(chunk)
            end = _last_event_end(before, chunk)
            event = event + len(chunk) if end is None else len(chunk) - end
            if total > self._max_bytes or event > MAX_EVENT_BYTES:
                raise UnusableAnswer(
                    "The model’s server sends far more than an answer needs and was cut off",
                    hint="it was far too long. Be much shorter",
                )
            before = (before + chunk)[-3:]
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


def _last_event_end(before: bytes, chunk: bytes) -> int | None:
    """Where in `chunk` the last blank line ends, which ends an event; `before` are the last bytes ahead of it."""
    joined = before + chunk
    ends = [at + len(mark) for mark in (b"\n\n", b"\r\n\r\n", b"\r\r") if (at := joined.rfind(mark)) >= 0]
    end = max(ends, default=-1) - len(before)
    return end if end >= 0 else None
