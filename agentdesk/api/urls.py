"""The API, its OpenAPI document and the page that shows it."""

from __future__ import annotations

from django.urls import path
from ninja import NinjaAPI

from agentdesk import __version__
from agentdesk.api import errors
from agentdesk.api.auth import BearerToken, Session
from agentdesk.api.v1 import router

api = NinjaAPI(
    title="AgentDesk",
    version=__version__,
    description="Give agents tasks, read them and follow their events. People decide on the desk, never through here.",
    urls_namespace="api",
    auth=[BearerToken(), Session()],
    parser=errors.StrictParser(),
)
errors.register(api)
api.add_router("/v1", router)

urlpatterns = [path("api/", api.urls)]
