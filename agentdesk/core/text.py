"""Text from outside: what cannot be stored is refused, what could deceive a reader is made visible."""

from __future__ import annotations

import re

from agentdesk.core.errors import Invalid

# Unicode's bidirectional controls and invisible characters (UAX #9, "Trojan Source" CVE-2021-42574).
# Joiners between non-ASCII characters stay: emoji and Persian words are written with them.
_DECEPTIVE = re.compile(
    "[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u061c\u00ad]|(?<![^\x00-\x7f])[\u200c\u200d]|[\u200c\u200d](?![^\x00-\x7f])"
)
_CONTROLS = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def refuse_unstorable(text: str) -> None:
    """Raises Invalid on NUL (PostgreSQL cannot store it) and on lone surrogates (UTF-8 has none)."""
    if _UNSTORABLE.search(text):
        raise Invalid("The text contains a NUL or a broken character. Remove it and send the text again.")


def storable(text: str) -> str:
    """Return `text` with NUL and lone surrogates replaced by U+FFFD, for records of what somebody else sent."""
    return _UNSTORABLE.sub("\ufffd", text)


def visible(text: str) -> str:
    """Return `text` with direction overrides, zero-width and control characters spelled out, e.g. `⟨U+202E⟩`."""
    spelled = _DECEPTIVE.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", text)
    return _CONTROLS.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", spelled)


def checked(text: str, *, field: str, max_length: int) -> str:
    """Return `text` stripped of outer white space and with uniform line ends.

    Raises Invalid when nothing is left, when it is longer than `max_length` characters, or when it cannot be stored.
    """
    refuse_unstorable(text)
    clean = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    if not clean:
        raise Invalid(f"The {field} is empty. Write something.", fields={field: "required"})
    if len(clean) > max_length:
        raise Invalid(
            f"The {field} is {len(clean):,} characters long; the limit is {max_length:,}. Shorten it.",
            fields={field: "too long"},
        )
    return clean


def shortened(text: str, limit: int) -> str:
    """Return at most `limit` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
