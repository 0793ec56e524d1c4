"""The ASGI application: pages and API over HTTP, the live socket beside them."""

from __future__ import annotations

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application

from agentdesk.core.lifeline import end_with_supervisor

end_with_supervisor()  # one that dies must not leave a web process that keeps the port
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "agentdesk.settings")
http = get_asgi_application()

from agentdesk.live.sockets import sockets  # noqa: E402 -- models can be imported only once Django is set up

application = ProtocolTypeRouter(
    {"http": http, "websocket": AllowedHostsOriginValidator(AuthMiddlewareStack(sockets))}
)
