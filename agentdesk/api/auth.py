"""Who calls: a person's session (with CSRF protection) or a bearer token; and whether they still may."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.models import User
from django.http import HttpRequest
from ninja.security import APIKeyCookie, HttpBearer

from agentdesk.api import tokens
from agentdesk.api.models import Token
from agentdesk.core.errors import DeskError, Forbidden
from agentdesk.core.sight import VIEW_DESK, session_viewer

START_TASK = "tasks.start_task"
CANCEL_TASK = "tasks.cancel_task"


class Unauthenticated(DeskError):
    """The caller did not say who they are, or not so that it can be believed: log in, or send a valid token."""

    code = "unauthenticated"
    http_status = 401


@dataclass(frozen=True, slots=True)
class Caller:
    """`user` as at the start of the request; exactly one of the two others says how they came in."""

    user: User
    session_key: str | None = None
    token_id: int | None = None

    def require(self, permission: str) -> None:
        """Raises Forbidden with the sentence for the caller."""
        if not self.user.has_perm(permission):
            raise Forbidden(
                f"This needs the permission {permission}, which {self.user.get_username()} does not have."
            )

    def still_may_see(self) -> bool:
        """Ask the database, for requests that last: revoked, expired, logged out and demoted callers may not."""
        if self.token_id is None:
            return session_viewer(self.session_key) is not None
        token = Token.objects.valid().filter(pk=self.token_id).first()
        return token is not None and token.user.has_perms([tokens.USE_API, VIEW_DESK])


class BearerToken(HttpBearer):
    """`Authorization: Bearer …`, made with “manage.py token create”."""

    def __call__(self, request: HttpRequest) -> Caller | None:
        if "Authorization" not in request.headers:
            return None
        caller = super().__call__(request)
        if not isinstance(caller, Caller):
            raise Unauthenticated(
                "This token is unknown, expired or revoked. Send “Authorization: Bearer <token>”."
            )
        return caller

    def authenticate(self, request: HttpRequest, token: str) -> Caller | None:  # noqa: ARG002 -- ninja passes it
        found = tokens.find(token)
        if found is None:
            return None
        caller = Caller(user=found.user, token_id=found.pk)
        caller.require(tokens.USE_API)
        caller.require(VIEW_DESK)
        return caller


class Session(APIKeyCookie):
    """The cookie of somebody who logged in; changes need the CSRF token too, as on the pages."""

    param_name = settings.SESSION_COOKIE_NAME

    def authenticate(self, request: HttpRequest, key: str | None) -> Caller | None:
        if not isinstance(request.user, User):
            return None
        caller = Caller(user=request.user, session_key=key)
        caller.require(VIEW_DESK)
        return caller


class ApiRequest(HttpRequest):
    """A request that passed one of the two."""

    auth: Caller
