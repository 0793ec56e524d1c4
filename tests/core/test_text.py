"""Text from outside: what cannot be stored is refused, what deceives is made visible."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agentdesk.core.errors import Invalid
from agentdesk.core.text import checked, refuse_unstorable, shortened, storable, visible

SURROGATE = "\ud800"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("\u2066x\u2069", "⟨U+2066⟩x⟨U+2069⟩"),
        ("pay\u200bpal", "pay⟨U+200B⟩pal"),
        ("\ufeffx", "⟨U+FEFF⟩x"),
        ("a\x1b[31mb", "a⟨U+001B⟩[31mb"),
        ("a\x9bb", "a⟨U+009B⟩b"),
        ("soft\u00adhyphen", "soft⟨U+00AD⟩hyphen"),
        ("\u061c", "⟨U+061C⟩"),
        ("tab\tand\nline\r", "tab\tand\nline\r"),
        ("مرحبا שלום 你好 e\u0301 👍", "مرحبا שלום 你好 e\u0301 👍"),
        ("<b>&amp;</b>", "<b>&amp;</b>"),
    ],
)
def test_deceptive_characters_are_spelled_out_and_languages_are_left_alone(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(some.text())
def test_what_is_visible_turns_no_line_around_and_stays_so(text: str) -> None:
    shown = visible(text)
    assert not {unicodedata.bidirectional(character) for character in shown} & {
        "LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI",
    }  # fmt: skip
    assert visible(shown) == shown


@pytest.mark.parametrize("text", ["\x00", "a\x00b", SURROGATE, "a\udfffb"])
def test_what_no_database_stores_is_refused_or_replaced(text: str) -> None:
    with pytest.raises(Invalid, match="NUL or a broken character"):
        refuse_unstorable(text)
    with pytest.raises(Invalid, match="NUL or a broken character"):
        checked(text, field="body", max_length=10)
    refuse_unstorable(storable(text))
    assert len(storable(text)) == len(text)


@pytest.mark.parametrize("text", ["", " ", "\n\r\n\t "])
def test_nothing_is_not_a_text_and_the_field_is_named(text: str) -> None:
    with pytest.raises(Invalid, match="The body is empty") as refused:
        checked(text, field="body", max_length=10)
    assert refused.value.fields == {"body": "required"}


def test_the_limit_counts_what_would_be_stored() -> None:
    assert checked("  " + "x" * 10 + "\r\n", field="body", max_length=10) == "x" * 10
    with pytest.raises(Invalid, match="11 characters long; the limit is 10") as refused:
        checked("x" * 11, field="body", max_length=10)
    assert refused.value.fields == {"body": "too long"}


def test_line_ends_become_one_kind() -> None:
    assert checked("a\r\nb\rc\nd", field="body", max_length=10) == "a\nb\nc\nd"


@given(some.text(), some.integers(1, 50))
def test_shortening_keeps_the_limit_and_marks_what_was_cut(text: str, limit: int) -> None:
    short = shortened(text, limit)
    assert len(short) <= limit
    assert short == text if len(text) <= limit else short.endswith("…")
