"""What follows an answer from outside: nothing is repeated blindly, and nothing is asked for ever."""

from __future__ import annotations

import pytest

from tools.carry import MAX_ACTS, MAX_ASKS, Progress, Step, after
from tools.models import AttemptKind
from tools.outcomes import Found, Happened, Refused, Unclear

ACT, ASK = AttemptKind.ACT, AttemptKind.ASK
SILENCE, TURNED_AWAY, NO = Unclear("No answer."), Unclear("Too many.", began=False), Refused("No.")


def steps(*answers: tuple[AttemptKind, Found], can_ask: bool, kept: bool = True, found: bool = False) -> Step:
    progress = Progress(can_ask=can_ask, unsure=found)
    step = Step.ACT
    for kind, answer in answers:
        step = after(progress, kind, answer, key_kept=lambda: kept)
    return step


@pytest.mark.parametrize(
    ("answers", "keyed", "unkeyed"),
    [
        ([(ACT, Happened("re_1"))], Step.SETTLE, Step.SETTLE),
        ([(ACT, NO)], Step.FAIL, Step.FAIL),
        ([(ACT, SILENCE)], Step.ASK, Step.DOUBT),
        ([(ACT, TURNED_AWAY)], Step.ACT, Step.ACT),
        ([(ACT, TURNED_AWAY)] * MAX_ACTS, Step.FAIL, Step.FAIL),
    ],
)
def test_what_follows_the_first_attempts(
    answers: list[tuple[AttemptKind, Found]], keyed: Step, unkeyed: Step
) -> None:
    assert steps(*answers, can_ask=True) is keyed
    assert steps(*answers, can_ask=False) is unkeyed


@pytest.mark.parametrize(
    ("answers", "next_step"),
    [
        ([(ASK, Happened("re_1"))], Step.SETTLE),
        ([(ASK, None)], Step.ACT),
        ([(ASK, SILENCE)], Step.ASK),
        ([(ASK, NO)], Step.FAIL),
        ([(ASK, SILENCE)] * MAX_ASKS, Step.DOUBT),
        ([(ASK, None), (ACT, TURNED_AWAY)], Step.ASK),
        # a refusal after an attempt that nobody knows about may only mean that the first one went through
        ([(ASK, None), (ACT, NO)], Step.ASK),
        ([(ASK, None), (ACT, NO), (ASK, Happened("re_1"))], Step.SETTLE),
        ([(ASK, None), (ACT, NO), (ASK, None)], Step.FAIL),
        ([(ASK, None), (ACT, SILENCE)] * MAX_ACTS + [(ASK, None)], Step.DOUBT),
    ],
)
def test_what_follows_for_a_call_that_a_lost_worker_began(
    answers: list[tuple[AttemptKind, Found]], next_step: Step
) -> None:
    assert steps(*answers, can_ask=True, found=True) is next_step


def test_nothing_is_repeated_when_the_key_may_be_forgotten() -> None:
    assert steps((ASK, None), can_ask=True, found=True, kept=False) is Step.DOUBT
    assert steps((ASK, Happened("re_1")), can_ask=True, found=True, kept=False) is Step.SETTLE
