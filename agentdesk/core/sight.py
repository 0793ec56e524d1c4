"""Who may see the desk, read fresh from the database: for connections that outlive the request that opened them."""

from __future__ import annotations

from importlib import import_module

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.utils.crypto import constant_time_compare

VIEW_DESK = "tasks.view_desk"
RECHECK_SECONDS = 3.0
"""How long a connection may rely on a right without looking again: a lost right ends it within five seconds."""


def person(user_id: int) -> User | None:
    """The user as the database has them now, with no cached permissions; None when they are not active."""
    return User.objects.filter(pk=user_id, is_active=True).first()


def session_viewer(session_key: str | None) -> User | None:
    """Who is logged in with this session and may see the desk now.

    None after a logout, an expiry, a change of the password or the loss of `tasks.view_desk`. Writes nothing.
    """
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key).load() if session_key else {}
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    user = person(session[SESSION_KEY])
    if user is None or not user.has_perm(VIEW_DESK):
        return None
    accepted = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    known = session.get(HASH_SESSION_KEY, "")
    return user if any(constant_time_compare(known, hashed) for hashed in accepted) else None
