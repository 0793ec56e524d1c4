"""The checker finds each kind of bad history, and nothing in a good one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentdesk.events.models import Kind
from tests.crash import history as h
from tests.crash.history import Finding, History, check

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
ARGUMENTS = {
    "order": "A-1",
    "charge": "",
    "amount_minor": 2900,
    "currency": "USD",
    "reason": "Charged twice – für Zoë.",
}
BAND = {"up_to": 25_000, "groups": ["lead", "finance"], "signatures": 1, "of_whom": None}
ADA, LENA, FINN, VERA = 1, 2, 3, 4


def told(*kinds: str | tuple[str, dict[str, Any]]) -> list[h.Event]:
    events = []
    for number, kind in enumerate(kinds, start=1):
        name, data = kind if isinstance(kind, tuple) else (kind, {})
        events.append(h.Event(1, number, name, data))
    return events


GOOD = told(
    "task.queued",
    ("task.claimed", {"fence": 1, "holder": "here:100:aa"}),
    ("turn.recorded", {"turn": 1}),
    ("approval.opened", {"approval": "apr", "call": "call"}),
    "task.waiting",
    ("approval.approved", {"approval": "apr", "call": "call"}),
    "task.queued",
    ("task.claimed", {"fence": 2, "holder": "here:200:bb"}),
    ("call.done", {"call": "call"}),
    ("turn.recorded", {"turn": 2}),
    "task.done",
)
WORKER = {
    1: "0",
    2: "100",
    3: "100",
    4: "100",
    5: "100",
    6: "7",
    7: "7",
    8: "200",
    9: "200",
    10: "200",
    11: "200",
}


def good() -> History:
    """A refund of 29.00 that Lena signed for Ada, told by two workers one after the other."""
    return History(
        tasks=[h.Task(1, "done", fence=2, last_event=11, turns_used=2, calls_used=1, requested_by=ADA)],
        events=list(GOOD),
        turns=[h.Turn(1, "", 1, 1), h.Turn(1, "", 2, 2)],
        calls=[h.Call("call", 1, "issue_refund", "done", ARGUMENTS, h.digest(ARGUMENTS))],
        approvals=[h.Approval("apr", "call", "approved", "seen", BAND, NOON + timedelta(hours=72))],
        decisions=[h.Decision("apr", LENA, "approve", "seen", frozenset(["lead"]), NOON)],
        effects=[
            h.Effect("refund", "call", 2900, "A-1", NOON + timedelta(minutes=1)),
            h.Effect("provider", "call", 2900, "ch_1"),
        ],
        orders=[h.Order("A-1", 5800, 2900)],
        expected={1: h.Expected(effects={"refund": 1})},
        accepted=[("ticket 1", True)],
        writers={(1, number): process for number, process in WORKER.items()},
        quiet_after_seconds=3,
    )


def found(history: History) -> set[tuple[str, str]]:
    return {(finding.invariant, finding.kind) for finding in check(history)}


def test_nothing_is_found_in_a_good_history() -> None:
    assert check(good()) == []


def test_every_kind_of_event_is_known_to_the_checker() -> None:
    known = {*h.MOVES, *h.ONLY_WHILE_RUNNING, *h.CALL_ENDS, *h.APPROVAL_CLOSES, *h.OTHER_KINDS}
    assert set(Kind.values) - known == set()


@pytest.mark.parametrize("kind", ["refund", "provider"])
def test_an_effect_that_happened_twice_is_doubled(kind: str) -> None:
    history = good()
    again = next(effect for effect in history.effects if effect.kind == kind)
    history.effects = [*history.effects, again]
    assert ("I1", "doubled") in found(history)


def test_two_calls_that_give_back_the_same_order_are_a_doubled_refund() -> None:
    history = good()
    history.calls = [*history.calls, replace(history.calls[0], key="other")]
    history.effects = [*history.effects, replace(history.effects[0], key="other")]
    assert ("I1", "doubled") in found(history)


def test_a_key_that_no_call_has_is_unauthorised() -> None:
    history = good()
    history.effects = [*history.effects, h.Effect("provider", "made up", 2900, "ch_2")]
    assert ("I1", "unauthorised") in found(history)


def test_a_done_call_without_its_effect_is_lost() -> None:
    history = good()
    history.effects = []
    history.orders = [h.Order("A-1", 5800, 0)]
    assert ("I1", "lost") in found(history)


@pytest.mark.parametrize("status", ["refused", "failed"])
def test_an_effect_of_a_call_that_was_refused_is_unauthorised(status: str) -> None:
    history = good()
    history.calls = [replace(history.calls[0], status=status)]
    assert ("I1", "unauthorised") in found(history)


@pytest.mark.parametrize(
    "decision",
    [
        {"by": ADA},
        {"seen": "something else"},
        {"groups": frozenset(["viewer"])},
        {"entitled": False},
        {"verdict": "reject"},
        {"at": NOON + timedelta(hours=73)},
    ],
    ids=["the requester", "another hash", "another group", "not entitled", "a no", "too late"],
)
def test_a_signature_that_does_not_count_leaves_the_refund_unauthorised(decision: dict[str, Any]) -> None:
    history = good()
    history.decisions = [replace(history.decisions[0], **decision)]
    assert ("I2", "unauthorised") in found(history)


@pytest.mark.parametrize(
    ("signers", "enough"),
    [
        ([(LENA, "lead")], False),
        ([(LENA, "lead"), (LENA, "lead")], False),
        ([(LENA, "lead"), (VERA, "lead")], False),
        ([(LENA, "lead"), (FINN, "finance")], True),
    ],
    ids=["one", "one twice", "nobody of finance", "two"],
)
def test_two_signatures_are_of_two_people_one_of_them_finance(
    signers: list[tuple[int, str]], enough: bool
) -> None:
    history = good()
    history.approvals = [replace(history.approvals[0], band={**BAND, "signatures": 2, "of_whom": "finance"})]
    history.decisions = [
        h.Decision("apr", by, "approve", "seen", frozenset([group]), NOON) for by, group in signers
    ]
    assert (("I2", "unauthorised") not in found(history)) is enough


def test_money_that_is_not_what_was_signed_is_unauthorised() -> None:
    history = good()
    history.effects = [replace(history.effects[0], amount=2901), history.effects[1]]
    assert ("I2", "unauthorised") in found(history)


def test_arguments_changed_after_they_were_hashed_are_unauthorised() -> None:
    history = good()
    history.calls = [replace(history.calls[0], arguments={**ARGUMENTS, "reason": "Another one."})]
    assert ("I2", "unauthorised") in found(history)


def test_a_refund_after_its_sign_off_ran_out_is_unauthorised() -> None:
    history = good()
    history.effects = [replace(history.effects[0], at=NOON + timedelta(hours=73)), history.effects[1]]
    assert ("I2", "unauthorised") in found(history)


@pytest.mark.parametrize(("status", "last"), [("queued", 7), ("running", 8)])
def test_a_task_that_never_ends_is_lost(status: str, last: int) -> None:
    history = good()
    history.tasks = [replace(history.tasks[0], status=status, last_event=last)]
    history.events = GOOD[:last]
    assert ("I3", "lost") in found(history)


def test_a_task_that_waits_and_nobody_is_asked_is_lost_and_one_that_says_why_is_not() -> None:
    history = good()
    history.tasks = [replace(history.tasks[0], status="waiting", waiting_for="approval", last_event=5)]
    history.events, history.effects = GOOD[:5], []
    history.calls = [replace(history.calls[0], status="proposed")]
    assert ("I3", "lost") in found(history)
    history.approvals = [replace(history.approvals[0], status="open")]
    assert ("I3", "lost") not in found(history)


def test_a_task_that_failed_though_nothing_but_a_fault_happened_is_lost() -> None:
    history = good()
    history.tasks = [replace(history.tasks[0], status="failed")]
    history.events = [*GOOD[:-1], h.Event(1, 11, "task.failed")]
    assert found(history) == {("I3", "lost")}


def test_a_call_left_open_by_a_task_that_ended_is_lost() -> None:
    history = good()
    history.calls = [*history.calls, h.Call("left", 1, "notify_user", "proposed")]
    assert ("I3", "lost") in found(history)


def test_what_a_person_was_told_is_taken_and_is_not_there_is_lost() -> None:
    history = good()
    history.accepted = [("ticket 1", True), ("ticket 2", False)]
    assert check(history) == [Finding("I3", "lost", "ticket 2 was taken and is not there")]


def test_unrest_longer_than_30_seconds_after_the_last_fault_is_found() -> None:
    history = good()
    history.quiet_after_seconds = 31
    assert found(history) == {("I8", "lost")}


@pytest.mark.parametrize("missing", [3, 11])
def test_a_gap_in_the_numbers_is_found(missing: int) -> None:
    history = good()
    history.events = [event for event in GOOD if event.number != missing]
    assert ("I5", "illegal") in found(history)


@pytest.mark.parametrize(
    "kinds",
    [
        ["task.queued", "task.done"],
        ["task.queued", "task.queued"],
        ["task.queued", "task.claimed", "task.done", "task.claimed"],
        ["task.queued", "task.claimed", "task.done", "turn.recorded"],
        ["task.queued", "task.claimed", "task.waiting", "task.claimed"],
        ["task.queued", "task.waiting"],
    ],
    ids=str,
)
def test_a_move_that_is_not_drawn_is_illegal(kinds: list[str]) -> None:
    history = History(
        tasks=[h.Task(1, h.MOVES.get(kinds[-1], ("", "done"))[1], last_event=len(kinds))], events=told(*kinds)
    )
    assert ("I4", "illegal") in found(history)


def test_a_row_that_is_not_what_its_events_say_is_illegal() -> None:
    history = good()
    history.tasks = [replace(history.tasks[0], status="cancelled")]
    assert ("I4", "illegal") in found(history)


def test_a_call_that_ended_twice_is_doubled() -> None:
    history = good()
    history.tasks = [replace(history.tasks[0], last_event=12)]
    history.events = [
        *GOOD[:9],
        h.Event(1, 10, "call.done", {"call": "call"}),
        *(replace(event, number=event.number + 1) for event in GOOD[9:]),
    ]
    assert ("I4", "doubled") in found(history)


def test_an_approval_that_closed_without_an_event_is_illegal() -> None:
    history = good()
    history.approvals = [*history.approvals, replace(history.approvals[0], id="silent", call="call")]
    assert ("I4", "illegal") in found(history)


def test_more_back_than_was_taken_is_found() -> None:
    history = good()
    history.orders = [h.Order("A-1", 2800, 2900)]
    assert ("I6", "doubled") in found(history)


def test_a_total_that_is_not_the_sum_of_the_refunds_is_found() -> None:
    history = good()
    history.orders = [h.Order("A-1", 5800, 0)]
    assert ("I6", "illegal") in found(history)


def test_counters_that_do_not_count_and_limits_that_do_not_limit_are_found() -> None:
    for change in ({"turns_used": 3}, {"calls_used": 0}, {"max_turns": 1}, {"max_calls": 0}):
        history = good()
        history.tasks = [replace(history.tasks[0], **change)]
        assert ("I9", "illegal") in found(history), change


def test_a_turn_under_an_old_fence_was_written_by_who_lost_the_claim() -> None:
    history = good()
    history.turns = [h.Turn(1, "", 1, 1), h.Turn(1, "", 2, 1)]
    assert found(history) == {("I7", "illegal")}


@pytest.mark.parametrize("number", [9, 10, 11])
def test_work_written_by_another_process_than_the_one_that_claimed_is_found(number: int) -> None:
    history = good()
    history.writers[1, number] = "100"
    assert found(history) == {("I7", "illegal")}


def test_an_answer_to_a_question_is_written_by_the_one_who_answers() -> None:
    history = good()
    history.approvals = [replace(history.approvals[0], kind="question")]
    history.writers[1, 9] = "7"
    assert ("I7", "illegal") not in found(history)
