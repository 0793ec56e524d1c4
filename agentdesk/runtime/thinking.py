"""Which model thinks: the built-in offline one, or one behind the OpenAI API or a server that speaks it."""

from __future__ import annotations

from typing import Self

from agents import Model, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel
from django.conf import settings
from openai import AsyncOpenAI
from openai.types.shared import Reasoning

from agentdesk.core.errors import Invalid
from agentdesk.roster.models import AgentVersion, ModelApi
from agentdesk.runtime.offline.model import OfflineModel

OFFLINE = "offline"


class Thinkers:
    """The models of one event loop; they share one HTTP client. Use as an async context manager."""

    def __init__(self) -> None:
        self._client: AsyncOpenAI | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._client is not None:
            await self._client.close()

    def choose(self, version: AgentVersion) -> tuple[Model, str]:
        """Return the model of this agent version and its name. Raises Invalid when it needs a key that is not there."""
        name = version.model or settings.MODEL
        if name == OFFLINE:
            return OfflineModel(pace_ms=settings.OFFLINE_PACE_MS), OFFLINE
        client = self._connect(name)
        if (version.model_api or settings.MODEL_API) == ModelApi.CHAT:
            return OpenAIChatCompletionsModel(name, client), name
        return OpenAIResponsesModel(name, client), name

    def how(self, version: AgentVersion) -> ModelSettings:
        """What is asked of the model besides its input."""
        if not settings.REASONING_SUMMARY or (version.model or settings.MODEL) == OFFLINE:
            return ModelSettings()
        return ModelSettings(reasoning=Reasoning(summary=settings.REASONING_SUMMARY))

    def _connect(self, name: str) -> AsyncOpenAI:
        if self._client is None:
            if not (settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL):
                raise Invalid(
                    f"The model {name!r} needs OPENAI_API_KEY (or OPENAI_BASE_URL). Set it, or choose the model “offline”."
                )
            self._client = AsyncOpenAI(
                api_key=settings.OPENAI_API_KEY
                or "none",  # servers of one's own often want no key, the client wants some
                base_url=settings.OPENAI_BASE_URL or None,
                timeout=settings.MODEL_TIMEOUT_SECONDS,
                max_retries=2,
            )
        return self._client
