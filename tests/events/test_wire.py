"""Rows of the channel layer are deleted once they are old."""

from __future__ import annotations

from datetime import timedelta

from agentdesk.core.clock import from_now
from agentdesk.events import wire
from agentdesk.events.models import Signal


def test_prune_deletes_old_messages_and_keeps_fresh_ones(db):
    wire.put([(["old"], {"type": "x"}), (["older"], {"type": "x"})])
    Signal.objects.update(at=from_now(timedelta(seconds=-61)))
    wire.put([(["fresh"], {"type": "x"})])

    assert wire.prune() == 2
    assert [signal.groups for signal in Signal.objects.all()] == ["fresh"]


def test_prune_takes_a_bounded_number_at_once(db, monkeypatch):
    monkeypatch.setattr(wire, "PRUNE_AT_MOST", 3)
    wire.put([([group], {"type": "x"}) for group in "abcde"])

    assert [wire.prune(older_than=timedelta(0)) for _ in range(3)] == [3, 2, 0]
