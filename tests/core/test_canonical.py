"""What a model wrote as JSON: read once and strictly, written in one way only."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from agentdesk.core.canonical import MAX_BYTES, MAX_DEPTH, canonical, digest, parse_object
from agentdesk.core.errors import Invalid


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        ("{'a': 1}", "not valid JSON"),
        ('{"a": 1,}', "not valid JSON"),
        ('{"a": 01}', "not valid JSON"),
        ('{"a": 1} {"a": 1}', "not valid JSON"),
        ('{"a": 1, "a": 1}', "the key 'a' appears twice"),
        ('{"a": {"b": 1, "\\u0062": 2}}', "the key 'b' appears twice"),
        ('{"a": NaN}', "NaN is not JSON"),
        ('{"a": [Infinity]}', "Infinity is not JSON"),
        ('{"a": -Infinity}', "-Infinity is not JSON"),
        ("[]", "one JSON object"),
        ('"text"', "one JSON object"),
        ("null", "one JSON object"),
        ("1", "one JSON object"),
        ('{"a": "x\\u0000y"}', "NUL"),
        ('{"\\u0000": 1}', "NUL"),
        ('{"a": ["\\ud800"]}', "broken character"),
        ('{"a": {"\\udfff": 1}}', "broken character"),
        ('{"a": "' + "x" * MAX_BYTES + '"}', "longer than 100,000 bytes"),
        ('{"a": "' + "ä" * (MAX_BYTES // 2) + '"}', "longer than 100,000 bytes"),
        ('{"a": "\ud800"}', "broken character"),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), "nested too deeply"),
        ('{"a":' + "[" * 20_000 + "]" * 20_000 + "}", "nested too deeply"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(source: str, words: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_object(source)
    assert words in refused.value.sentence


def test_the_deepest_and_longest_that_is_allowed_is_read() -> None:
    deep = '{"a":' * MAX_DEPTH + "1" + "}" * MAX_DEPTH
    assert json.dumps(parse_object(deep), separators=(",", ":")) == deep
    long = '{"a":"' + "x" * (MAX_BYTES - 8) + '"}'
    assert len(parse_object(long)["a"]) == MAX_BYTES - 8


def test_the_same_key_at_different_places_is_no_duplicate() -> None:
    assert parse_object('{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}')["b"][1] == {"a": 2}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ({"b": 1, "a": 2}, b'{"a":2,"b":1}'),
        ({"é": 1, "z": 2, "a": 3}, '{"a":3,"z":2,"é":1}'.encode()),
        # RFC 8785 sorts by UTF-16 code units: the emoji's surrogates come before U+FB33
        ({"\ufb33": 1, "\U0001f600": 2}, '{"\U0001f600":2,"\ufb33":1}'.encode()),
        ({"a": 1.0, "b": 1e21, "c": 0.000001}, b'{"a":1,"b":1e+21,"c":0.000001}'),
        ({"a": -0.0}, b'{"a":0}'),
        ({"a": '\n"\\\u001f€'}, '{"a":"\\n\\"\\\\\\u001f€"}'.encode()),
        ({"a": [True, False, None]}, b'{"a":[true,false,null]}'),
        ({"a": 2**53 - 1}, b'{"a":9007199254740991}'),
    ],
)
def test_the_canonical_form_is_that_of_rfc_8785(value: Any, written: bytes) -> None:
    assert canonical(value) == written


@pytest.mark.parametrize("value", [2**53 + 1, -(2**53) - 1, 10**30, float("nan"), float("inf")])
def test_numbers_that_other_readers_would_round_are_refused(value: float) -> None:
    with pytest.raises(Invalid, match="canonical JSON"):
        digest({"a": value})


values = some.recursive(
    some.none()
    | some.booleans()
    | some.integers(-(2**53) + 1, 2**53 - 1)
    | some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20),
    lambda inner: (
        some.lists(inner, max_size=4)
        | some.dictionaries(
            some.text(some.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(some.dictionaries(some.text("abcé\U0001f600", max_size=4), values, max_size=5), some.randoms())
def test_neither_order_nor_white_space_nor_escapes_change_the_hash(
    value: dict[str, Any], random: Any
) -> None:
    keys = list(value)
    random.shuffle(keys)
    other = json.dumps({key: value[key] for key in keys}, indent=random.choice([None, 3]))
    assert parse_object(other) == value
    assert digest(parse_object(other)) == digest(value)
    assert json.loads(canonical(value)) == value


@given(values, values)
def test_different_values_have_different_hashes(one: Any, two: Any) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(two, sort_keys=True)
    assert (digest({"a": one}) == digest({"a": two})) == same


@given(some.text(max_size=200))
def test_any_text_is_read_or_refused_never_a_crash(source: str) -> None:
    with suppress(Invalid):
        assert isinstance(parse_object(source), dict)
