"""How an environment variable becomes a setting, or a sentence that says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
_TRUE, _FALSE = {"1", "true", "yes", "on"}, {"0", "false", "no", "off", ""}


def read(environ: Mapping[str, str], name: str, default: T, parse: Callable[[str], T]) -> T:
    """Return `parse(value)`, or `default` where the variable is unset. Raises ImproperlyConfigured with the name."""
    raw = environ.get(name)
    if raw is None:
        return default
    try:
        return parse(raw.strip())
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}={raw!r} does not work: {error}") from None


def flag(raw: str) -> bool:
    if raw.lower() in _TRUE:
        return True
    if raw.lower() in _FALSE:
        return False
    raise ValueError("write 1 or 0")


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of integers from `low` to `high`."""

    def parse(raw: str) -> int:
        try:
            value = int(raw)
        except ValueError:
            raise ValueError("write a whole number") from None
        if not low <= value <= high:
            raise ValueError(f"write a whole number from {low:,} to {high:,}")
        return value

    return parse


def choice(*allowed: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if raw not in allowed:
            raise ValueError(f"write one of: {', '.join(allowed)}")
        return raw

    return parse


def url(*schemes: str) -> Callable[[str], str]:
    def parse(raw: str) -> str:
        if not any(raw.startswith(f"{scheme}://") for scheme in schemes):
            raise ValueError(f"it must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return raw

    return parse


def safe_url(raw: str) -> str:
    """An address that keys are sent to: HTTPS, or this machine itself."""
    parts = urlsplit(raw)
    if parts.scheme == "https" or (
        parts.scheme == "http" and parts.hostname in {"127.0.0.1", "localhost", "::1"}
    ):
        return raw
    raise ValueError("it must start with https://, or http:// and lead to this machine")


def time_zone(raw: str) -> str:
    try:
        return ZoneInfo(raw).key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("write a name of the time zone database, for example Europe/Berlin") from None


def names(raw: str) -> list[str]:
    return [part.strip() for part in raw.split(",") if part.strip()]
