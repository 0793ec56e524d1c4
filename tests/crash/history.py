"""Decides from what a database and the outside books say whether the invariants I1 to I8 held: values in, findings out.

Nothing here reads a database or knows the product's code: what the product gets wrong, its checker must not get wrong
in the same way. `tests.crash.reading` makes the rows.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

LOST, DOUBLED, UNAUTHORISED, ILLEGAL = "lost", "doubled", "unauthorised", "illegal"

TERMINAL = {"done", "failed", "cancelled"}
CALL_ENDED = {"done", "failed", "refused"}
MOVES: dict[str, tuple[set[str], str]] = {
    "task.queued": ({"", "waiting"}, "queued"),
    "task.claimed": ({"queued", "running"}, "running"),
    "task.waiting": ({"running"}, "waiting"),
    "task.released": ({"running"}, "queued"),
    "task.done": ({"running"}, "done"),
    "task.failed": ({"running"}, "failed"),
    "task.cancelled": ({"queued", "running", "waiting"}, "cancelled"),
}
"""What an event of a task's life makes of it, and out of which states."""
ONLY_WHILE_RUNNING = {"turn.recorded", "todos.added", "todo.changed", "approval.opened"}
BY_WORKERS = {
    "turn.recorded",
    "todos.added",
    "todo.changed",
    "task.waiting",
    "task.released",
    "task.done",
    "task.failed",
    "call.started",
    "call.done",
}
"""What only the worker that holds the claim may write (what a person answers ends its call too, without a worker)."""
CALL_ENDS = {"call.done": "done", "call.failed": "failed", "call.refused": "refused"}
APPROVAL_CLOSES = {
    "approval.approved": "approved",
    "approval.rejected": "rejected",
    "approval.answered": "answered",
    "approval.expired": "expired",
    "approval.cancelled": "cancelled",
    "reconciliation.answered": "answered",
}
OTHER_KINDS = {
    "task.extended",
    "cap.lifted",
    "cap.upheld",
    "call.started",
    "call.unknown",
    "approval.signed",
    "approval.superseded",
    "reconciliation.opened",
}
QUIET_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Task:
    id: int
    status: str
    waiting_for: str = ""
    waiting_note: str = ""
    fence: int = 0
    last_event: int = 0
    turns_used: int = 0
    calls_used: int = 0
    max_turns: int = 100
    max_calls: int = 100
    requested_by: int | None = None


@dataclass(frozen=True, slots=True)
class Event:
    task: int
    number: int
    kind: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    task: int
    path: str
    number: int
    fence: int


@dataclass(frozen=True, slots=True)
class Call:
    key: str
    task: int
    tool: str
    status: str
    arguments: Any = None
    arguments_hash: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    id: str
    call: str
    status: str
    seen_hash: str
    band: dict[str, Any]
    expires_at: datetime | None
    """None for a reconciliation, which never runs out."""
    kind: str = "sign_off"


@dataclass(frozen=True, slots=True)
class Decision:
    approval: str
    by: int
    verdict: str
    seen: str
    groups: frozenset[str]
    at: datetime
    entitled: bool = True
    """Whether this person is active and may decide at all."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that truly happened: a row of a toolset, a line in a provider's book, a mail that left."""

    kind: str
    key: str
    """The key of the tool call it says it belongs to."""
    amount: int | None = None
    about: str = ""
    at: datetime | None = None

    @property
    def moves_money(self) -> bool:
        return self.kind in {"refund", "provider"}


@dataclass(frozen=True, slots=True)
class Order:
    number: str
    captured: int
    refunded: int


@dataclass(frozen=True, slots=True)
class Expected:
    """What a story must have come to once everything is quiet, and how many effects of each kind it must have had."""

    status: str = "done"
    effects: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    invariant: str
    kind: str
    """lost, doubled, unauthorised or illegal."""
    what: str


@dataclass(slots=True)
class History:
    tasks: Sequence[Task] = ()
    events: Sequence[Event] = ()
    turns: Sequence[Turn] = ()
    calls: Sequence[Call] = ()
    approvals: Sequence[Approval] = ()
    decisions: Sequence[Decision] = ()
    effects: Sequence[Effect] = ()
    orders: Sequence[Order] = ()
    expected: dict[int, Expected] = field(default_factory=dict)
    """By task: of stories that nothing but faults happened to."""
    accepted: Sequence[tuple[str, bool]] = ()
    """What a person was told is taken (a ticket, a decision), and whether the database has it."""
    writers: dict[tuple[int, int], str] = field(default_factory=dict)
    """Who committed the event (task, number), as the harness saw it: the process id."""
    quiet_after_seconds: float | None = None
    """From the last fault until nothing was queued or running; None where nobody measured it."""


def check(history: History) -> list[Finding]:
    """Every violation, in the order of the invariants."""
    return [finding for rule in RULES for finding in rule(history)]


def one_effect_for_each_call_that_may(history: History) -> Iterator[Finding]:
    """I1: an effect has its call, a call has at most one of each kind, and a done one that moves money has exactly one."""
    calls = {call.key: call for call in history.calls}
    counted = Counter((effect.kind, effect.key) for effect in history.effects)
    for (kind, key), count in counted.items():
        call = calls.get(key)
        if call is None:
            yield Finding("I1", UNAUTHORISED, f"{kind} under {key}: no such call")
        elif count > 1:
            yield Finding("I1", DOUBLED, f"{call.tool} {key}: {count} × {kind}")
        elif call.status in {"failed", "refused"}:
            yield Finding("I1", UNAUTHORISED, f"{call.tool} {key} is {call.status} and had its {kind}")
        elif call.status not in MAY_HAVE_ACTED.get(kind, {"done"}):
            yield Finding("I1", ILLEGAL, f"{call.tool} {key} is {call.status} and had its {kind}")
    for call in history.calls:
        owed = KIND_OF_TOOL.get(call.tool)
        if call.status == "done" and owed is not None and not counted[owed, call.key]:
            yield Finding("I1", LOST, f"{call.tool} {call.key} is done and had no {owed}")
    for task, expected in history.expected.items():
        yield from _as_expected(history, task, expected, counted)


def one_refund_for_each_order(history: History) -> Iterator[Finding]:
    """I1 again, past all keys: the stories give back each order, and each charge at the provider, at most once."""
    about = Counter((effect.kind, effect.about) for effect in history.effects if effect.moves_money)
    for (kind, order), count in about.items():
        if order and count > 1:
            yield Finding("I1", DOUBLED, f"{order}: {count} × {kind}")


MAY_HAVE_ACTED = {"provider": {"done", "executing", "unknown"}, "refund": {"done", "executing", "unknown"}}
"""What is reserved or done outside may be so before the call has ended."""
KIND_OF_TOOL = {
    "issue_refund": "refund",
    "refund_duplicate_charge": "refund",
    "write_document": "document",
    "notify_user": "message",
}


def _as_expected(
    history: History, task: int, expected: Expected, counted: Counter[tuple[str, str]]
) -> Iterator[Finding]:
    keys = [call.key for call in history.calls if call.task == task]
    for kind, wanted in expected.effects.items():
        found = sum(counted[kind, key] for key in keys)
        if found != wanted:
            yield Finding(
                "I1", DOUBLED if found > wanted else LOST, f"task {task}: {found} × {kind}, not {wanted}"
            )


def money_moves_only_when_signed(history: History) -> Iterator[Finding]:
    """I2: enough people, distinct, entitled, none of them who asked for it, for exactly these arguments, in time."""
    calls = {call.key: call for call in history.calls}
    requesters = {task.id: task.requested_by for task in history.tasks}
    by_call: dict[str, list[Approval]] = defaultdict(list)
    for approval in history.approvals:
        by_call[approval.call].append(approval)
    for effect in history.effects:
        call = calls.get(effect.key)
        if call is None or not effect.moves_money:
            continue
        asked = call.arguments.get("amount_minor") if isinstance(call.arguments, dict) else None
        if asked is not None and effect.amount != asked:
            yield Finding("I2", UNAUTHORISED, f"{call.key}: {effect.amount} moved, {asked} was signed")
        if digest(call.arguments) != call.arguments_hash:
            yield Finding("I2", UNAUTHORISED, f"{call.key}: its arguments are not the ones that were hashed")
        signed = [
            approval
            for approval in by_call[effect.key]
            if approval.status == "approved"
            and _in_time(effect.at, approval)
            and _enough(approval, history.decisions, requesters.get(call.task))
        ]
        if not signed:
            yield Finding("I2", UNAUTHORISED, f"{effect.kind} of {call.key} without a valid sign-off")


def _in_time(moment: datetime | None, approval: Approval) -> bool:
    return moment is None or approval.expires_at is None or moment < approval.expires_at


def _enough(approval: Approval, decisions: Sequence[Decision], requester: int | None) -> bool:
    groups = set(approval.band["groups"])
    valid = {
        decision.by: decision.groups
        for decision in decisions
        if decision.approval == approval.id
        and decision.verdict == "approve"
        and decision.seen == approval.seen_hash
        and _in_time(decision.at, approval)
        and decision.entitled
        and decision.by != requester
        and decision.groups & groups
    }
    of_whom = approval.band.get("of_whom")
    return len(valid) >= approval.band["signatures"] and (
        of_whom is None or any(of_whom in groups for groups in valid.values())
    )


def digest(value: Any) -> str:
    """SHA-256 of the JSON with sorted keys: what RFC 8785 gives for texts and whole numbers."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def nothing_accepted_is_lost(history: History) -> Iterator[Finding]:
    """I3 and I8: everything ends, or waits so that people see for what; and a fault fails nobody's task."""
    open_for = {approval.call for approval in history.approvals if approval.status == "open"}
    open_tasks = {call.task for call in history.calls if call.key in open_for}
    unknown = {call.task for call in history.calls if call.status == "unknown"}
    for task in history.tasks:
        if task.status == "waiting" and task.id not in open_tasks | unknown and not task.waiting_note:
            yield Finding("I3", LOST, f"task {task.id} waits for {task.waiting_for} and nobody is asked")
        elif task.status not in TERMINAL | {"waiting"}:
            yield Finding("I3", LOST, f"task {task.id} is still {task.status}")
        expected = history.expected.get(task.id)
        if expected is not None and task.status in TERMINAL and task.status != expected.status:
            yield Finding("I3", LOST, f"task {task.id} is {task.status}, not {expected.status}")
    ended = {task.id for task in history.tasks if task.status in TERMINAL}
    for call in history.calls:
        if call.task in ended and call.status not in CALL_ENDED:
            yield Finding("I3", LOST, f"task {call.task} ended and its call {call.key} is {call.status}")
    for name, there in history.accepted:
        if not there:
            yield Finding("I3", LOST, f"{name} was taken and is not there")
    if history.quiet_after_seconds is not None and history.quiet_after_seconds > QUIET_SECONDS:
        yield Finding("I8", LOST, f"quiet only {history.quiet_after_seconds:.0f} s after the last fault")


def only_legal_moves(history: History) -> Iterator[Finding]:
    """I4 and I5: numbers without gaps, moves as drawn, one end for each call and question, rows as the events say."""
    by_task: dict[int, list[Event]] = defaultdict(list)
    for event in sorted(history.events, key=lambda event: (event.task, event.number)):
        by_task[event.task].append(event)
    for task in history.tasks:
        events = by_task[task.id]
        numbers = [event.number for event in events]
        if numbers != list(range(1, task.last_event + 1)):
            yield Finding("I5", ILLEGAL, f"task {task.id}: events {numbers} of {task.last_event}")
        status = ""
        for event in events:
            sources, after = MOVES.get(event.kind, ({status}, status))
            if status not in sources:
                yield Finding(
                    "I4", ILLEGAL, f"task {task.id}: {event.kind} #{event.number} while {status or 'new'}"
                )
            if event.kind in ONLY_WHILE_RUNNING and status not in {"running", "waiting"}:
                yield Finding("I4", ILLEGAL, f"task {task.id}: {event.kind} #{event.number} while {status}")
            status = after
        if status != task.status:
            yield Finding("I4", ILLEGAL, f"task {task.id} is {task.status}, its events say {status}")
    yield from _ends(
        history, CALL_ENDS, "call", {call.key: call.status for call in history.calls}, CALL_ENDED
    )
    statuses = {approval.id: approval.status for approval in history.approvals}
    yield from _ends(history, APPROVAL_CLOSES, "approval", statuses, set(APPROVAL_CLOSES.values()))


def _ends(
    history: History, kinds: dict[str, str], name: str, statuses: dict[str, str], final: set[str]
) -> Iterator[Finding]:
    ended: dict[str, list[str]] = defaultdict(list)
    for event in history.events:
        if event.kind in kinds:
            ended[event.data[name]].append(kinds[event.kind])
    for key, ends in ended.items():
        if len(ends) > 1:
            yield Finding("I4", DOUBLED, f"{name} {key} ended {len(ends)} times: {ends}")
        if statuses.get(key) not in {*ends, "superseded"}:
            yield Finding("I4", ILLEGAL, f"{name} {key} is {statuses.get(key)}, its events say {ends}")
    for key, status in statuses.items():
        if status in final - {"failed", "cancelled"} and key not in ended:
            yield Finding("I4", ILLEGAL, f"{name} {key} is {status} without an event")


def caps_hold(history: History) -> Iterator[Finding]:
    """I6 and I9: never more back than was taken, and counters that say what there is."""
    for order in history.orders:
        sums = {
            kind: sum(
                effect.amount or 0
                for effect in history.effects
                if (effect.kind, effect.about) == (kind, order.number)
            )
            for kind in ("refund", "provider")
        }
        if max(order.refunded, *sums.values()) > order.captured:
            yield Finding(
                "I6", DOUBLED, f"{order.number}: {order.refunded} ({sums}) back of {order.captured}"
            )
        if sums["refund"] != order.refunded:
            yield Finding(
                "I6", ILLEGAL, f"{order.number}: {order.refunded} in total, {sums['refund']} in refunds"
            )
    turns = Counter(turn.task for turn in history.turns)
    calls = Counter(call.task for call in history.calls)
    for task in history.tasks:
        if (task.turns_used, task.calls_used) != (turns[task.id], calls[task.id]):
            yield Finding(
                "I9",
                ILLEGAL,
                f"task {task.id} counts {task.turns_used} turns and {task.calls_used} calls, "
                f"there are {turns[task.id]} and {calls[task.id]}",
            )
        if turns[task.id] > task.max_turns or calls[task.id] > task.max_calls:
            yield Finding("I9", ILLEGAL, f"task {task.id} is beyond its limits")


def who_lost_the_claim_writes_nothing(history: History) -> Iterator[Finding]:
    """I7: each turn carries the fence of the claim it follows, and each event of work was written by that claim's process."""
    turns = {(turn.task, turn.number): turn for turn in history.turns if turn.path == ""}
    answered = {approval.call for approval in history.approvals if approval.kind != "sign_off"}
    claim: dict[int, dict[str, Any]] = {}
    for event in sorted(history.events, key=lambda event: (event.task, event.number)):
        if event.kind == "task.claimed":
            claim[event.task] = event.data
        holder = claim.get(event.task, {})
        if event.kind == "turn.recorded":
            turn = turns.get((event.task, event.data.get("turn", 0)))
            if turn is not None and turn.fence != holder.get("fence"):
                yield Finding(
                    "I7",
                    ILLEGAL,
                    f"task {event.task}: turn {turn.number} under fence {turn.fence}, claimed with {holder}",
                )
        writer = history.writers.get((event.task, event.number))
        if writer is None or event.kind not in BY_WORKERS or event.data.get("call") in answered:
            continue
        if f":{writer}:" not in str(holder.get("holder", "")):
            yield Finding(
                "I7",
                ILLEGAL,
                f"task {event.task}: {event.kind} #{event.number} by process {writer}, claimed by {holder}",
            )


RULES: list[Callable[[History], Iterator[Finding]]] = [
    one_effect_for_each_call_that_may,
    one_refund_for_each_order,
    money_moves_only_when_signed,
    nothing_accepted_is_lost,
    only_legal_moves,
    caps_hold,
    who_lost_the_claim_writes_nothing,
]
