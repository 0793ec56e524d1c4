"""How well visitors' own words are understood."""

from __future__ import annotations

import pytest

from agentdesk.runtime.offline.words import classify
from tests.runtime.offline.wordings import HELD_OUT, TUNED


@pytest.mark.parametrize(("subject", "body", "kind"), TUNED)
def test_a_known_wording_is_understood(subject, body, kind):
    assert classify(subject, body).kind == kind


def test_nine_of_ten_wordings_that_nobody_tuned_on_are_understood():
    right = [classify(subject, body).kind == kind for subject, body, kind in HELD_OUT]

    assert sum(right) / len(right) >= 0.9


def test_no_held_out_wording_is_among_the_tuned():
    assert not {(subject, body) for subject, body, _ in HELD_OUT} & {
        (subject, body) for subject, body, _ in TUNED
    }
