"""Strict JSON in, canonical JSON (RFC 8785) and its SHA-256 out: what was seen is what is run."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import rfc8785

from agentdesk.core.errors import Invalid
from agentdesk.core.text import refuse_unstorable

MAX_BYTES = 100_000
MAX_DEPTH = 32


def parse_object(source: str) -> dict[str, Any]:
    """Parse one JSON object as its author must have meant it.

    Raises Invalid on malformed JSON, duplicate keys, NaN or infinities, anything but an object at the top, NUL
    or lone surrogates in text, over 100,000 bytes or 32 levels.
    """
    if len(source.encode("utf-8", "surrogatepass")) > MAX_BYTES:
        raise Invalid(f"The arguments are longer than {MAX_BYTES:,} bytes. Send less text.")
    try:
        value = json.loads(source, object_pairs_hook=_unique, parse_constant=_no_constant)
    except RecursionError:
        raise Invalid("The arguments are nested too deeply.") from None
    except ValueError as error:
        raise Invalid(f"The arguments are not valid JSON: {error}.") from None
    if not isinstance(value, dict):
        raise Invalid("The arguments must be one JSON object.")
    _check(value, depth=0)
    return value


def canonical(value: Any) -> bytes:
    """RFC 8785 bytes of a JSON value. Integers beyond 2**53 are refused by the standard: Invalid."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise Invalid(f"This value cannot be written as canonical JSON: {error}.") from None


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical form, 64 hex digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in pairs:
        if key in result:
            raise ValueError(f"the key {key!r} appears twice")
        result[key] = value
    return result


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _check(value: Any, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Invalid("The arguments are nested too deeply.")
    match value:
        case str():
            refuse_unstorable(value)
        case dict():
            for key, item in value.items():
                refuse_unstorable(key)
                _check(item, depth=depth + 1)
        case list():
            for item in value:
                _check(item, depth=depth + 1)
        case _:
            pass
