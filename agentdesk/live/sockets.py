"""Where sockets go. An address that does not exist is refused without a traceback in the log."""

from __future__ import annotations

from typing import Any

from channels.routing import URLRouter
from django.urls import path, re_path

from agentdesk.live.consumer import LiveConsumer


async def refuse(_scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "websocket.close"})


sockets = URLRouter([path("ws/live/", LiveConsumer.as_asgi()), re_path(r"", refuse)])  # type: ignore[arg-type]  # Django types views, not ASGI applications
