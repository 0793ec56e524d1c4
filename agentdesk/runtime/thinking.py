"""Which model thinks: the built-in offline one, or one behind the OpenAI API or a server that speaks it."""

from __future__ import annotations

from typing import Self

from agents import Model, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel
from django.conf import settings
from openai import AsyncOpenAI
from openai.types.shared import Reasoning

from agentdesk.roster.models import AgentVersion, ModelApi
from agentdesk.runtime.capped_http import capped_client
from agentdesk.runtime.failures import NoModel
from agentdesk.runtime.offline.model import OfflineModel
from tasks.models import Task

OFFLINE = "offline"


def instructions_for(task: Task, version: AgentVersion | None = None) -> str:
    """What an agent of the task is told, its own where none is named, with the day the task began: resumed and replayed turns
    are thought about as the first ones were.
    """
    return f"{(version or task.agent_version).instructions}\n\nToday is {task.created_at:%Y-%m-%d}."


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
        """Return the model of this agent version and its name. Raises NoModel when it needs a key that is not there."""
        return self._named(version.model or settings.MODEL, version)

    def choose_fallback(self, version: AgentVersion) -> tuple[Model, str]:
        """The same for the model that answers where the first one fails."""
        return self._named(version.fallback_model, version)

    def _named(self, name: str, version: AgentVersion) -> tuple[Model, str]:
        if name == OFFLINE:
            return OfflineModel(pace_ms=settings.OFFLINE_PACE_MS), OFFLINE
        client = self._connect(name)
        if (version.model_api or settings.MODEL_API) == ModelApi.CHAT:
            return OpenAIChatCompletionsModel(name, client), name
        return OpenAIResponsesModel(name, client), name

    def how(self, version: AgentVersion, *, falls_back: bool = False) -> ModelSettings:
        """What is asked of the model besides its input; of the fallback model nothing that it may not know."""
        if not settings.REASONING_SUMMARY or falls_back or (version.model or settings.MODEL) == OFFLINE:
            return ModelSettings()
        return ModelSettings(reasoning=Reasoning(summary=settings.REASONING_SUMMARY))

    def _connect(self, name: str) -> AsyncOpenAI:
        if self._client is None:
            if not (settings.OPENAI_API_KEY or settings.OPENAI_BASE_URL):
                raise NoModel(
                    f"The model {name!r} needs OPENAI_API_KEY (or OPENAI_BASE_URL). Set it and restart the workers, or choose the model “offline”"
                )
            self._client = AsyncOpenAI(
                api_key=settings.OPENAI_API_KEY
                or "none",  # servers of one's own often want no key, the client wants some
                base_url=settings.OPENAI_BASE_URL or None,
                timeout=settings.MODEL_SILENCE_SECONDS,
                max_retries=0,  # ours are the only ones (agentdesk/runtime/failures.py): two kinds would multiply
                http_client=capped_client(timeout_seconds=settings.MODEL_SILENCE_SECONDS),
            )
        return self._client
