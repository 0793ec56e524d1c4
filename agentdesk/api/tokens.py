"""Bearer tokens: made and shown once, recognised by their hash, revoked."""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.db.models import Q
from django.db.models.functions import Now

from agentdesk.api.models import Token
from agentdesk.core.clock import database_now, from_now
from agentdesk.core.errors import Forbidden, Invalid, Missing
from agentdesk.core.text import checked

USE_API = "tasks.use_api"
PREFIX = "adk_"
MAX_DAYS = 3650
NOTED_EVERY = timedelta(minutes=1)


def create(user: User, *, name: str, days: int | None = None) -> tuple[Token, str]:
    """Return the row and the secret, which is not kept. Without `days` it does not expire.

    Raises Forbidden when the user may not use the API, Invalid on an unusable name or number of days.
    """
    name = checked(name, field="name", max_length=80)
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise Invalid(f"A token lives from 1 to {MAX_DAYS:,} days.", fields={"days": "out of range"})
    if not user.is_active or not user.has_perm(USE_API):
        raise Forbidden(
            f"{user.get_username()} may not use the API. Give them a role that may: agent, lead, finance or auditor."
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    expires_at = database_now() + timedelta(days=days) if days is not None else None
    return Token.objects.create(user=user, name=name, digest=_digest(secret), expires_at=expires_at), secret


def find(secret: str) -> Token | None:
    """The valid token with this secret and its user, or None. Notes the use, at most once a minute."""
    # looked up by the hash of 256 random bits: how long that takes says nothing about any stored token
    token = Token.objects.valid().filter(digest=_digest(secret)).first()
    if token is not None:
        unnoted = Q(last_used_at__isnull=True) | Q(last_used_at__lt=from_now(-NOTED_EVERY))
        if token.last_used_at is None or database_now() - token.last_used_at > NOTED_EVERY:
            Token.objects.filter(unnoted, pk=token.pk).update(last_used_at=Now())
    return token


def revoke(token_id: int) -> Token:
    """Raises Missing when there is no such token, Invalid when it is revoked already."""
    token = Token.objects.filter(pk=token_id).first()
    if token is None:
        raise Missing(f"There is no token {token_id}. “manage.py token list” shows them.")
    if not Token.objects.filter(pk=token_id, revoked_at__isnull=True).update(revoked_at=Now()):
        raise Invalid(f"The token {token_id} is revoked already.")
    token.refresh_from_db()
    return token


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
