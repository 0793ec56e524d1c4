"""A tool call's one line for people."""

from __future__ import annotations

from tools.registry import label


def test_a_call_with_the_present_arguments_says_what_it_does() -> None:
    assert label("write_document", {"title": "Duplicate charge", "body": "…"}) == "Write “Duplicate charge”"


def test_a_call_from_before_the_tool_changed_still_has_a_line() -> None:
    assert label("write_document", {"heading": "Duplicate charge"}) == "Write document"
