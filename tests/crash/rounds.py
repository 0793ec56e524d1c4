"""Rounds of stories whose processes are killed at named points, until everybody has come to rest; then the checker decides."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.crash import steps
from tests.crash.controls import Control
from tests.crash.forked import Child, Ended, Hung, done
from tests.crash.history import Finding, check
from tests.crash.points import BY_THE_CLOCK, Plan, Points
from tests.crash.reading import read
from tests.crash.stories import PLOTS, expected

MOST_CHILDREN = 200
"""In one round; a build that needs more does not come to rest."""
ZOMBIE_SECONDS = 1.0
"""How long a process that lost its claims while it was stopped is watched before it is killed."""

Equip = Callable[[Points], None]


@dataclass(slots=True)
class Tally:
    """What a lane has seen so far."""

    kills: int = 0
    in_recovery: int = 0
    stops: int = 0
    rounds: int = 0
    stories: int = 0
    findings: list[dict[str, str]] = field(default_factory=list)
    hits: Counter[str] = field(default_factory=Counter)
    required: set[str] = field(default_factory=set)


def _all(*equips: Equip | None) -> Equip:
    def equipped(points: Points) -> None:
        for equip in equips:
            if equip is not None:
                equip(points)

    return equipped


class Lane:
    """One database and its stories; everything random comes from `seed`."""

    def __init__(
        self, *, seed: int, mails: Path | None = None, book: Path | None = None, sabotage: Equip | None = None
    ) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.tally = Tally()
        self.mails, self.book = mails, book
        self.sabotage = sabotage
        self.writers: dict[tuple[int, int], str] = {}
        self.calm = True
        """Nobody is killed."""
        self.heat = 0.35
        self.stop_share = 0.15
        self.most_children = MOST_CHILDREN
        self.drive_seconds = 40.0
        self.skew_hours = 0
        """How wrong the workers' clocks are, every other one ahead and behind."""
        self.at_once = 1
        """How many workers get the same job."""
        self.deadly: dict[str, float] = {}
        self._recovering = False

    def tell(self, number: int, plots: Sequence[str] = PLOTS) -> list[Finding]:
        """One round: take in, work, sign, send until all is settled; return what the checker finds."""
        self.tally.rounds += 1
        self.tally.stories += len(plots)
        self.writers.clear()
        tasks = self._take_in(number, plots)
        ids = [task for each in tasks.values() for task in each]
        settled = self._settle()
        names = [name for name in tasks if tasks[name]]
        found = done(lambda: self._verdict(ids, dict(zip(tasks, plots, strict=True)), tasks, names))
        findings = [Finding(**finding) for finding in found]
        if not settled:
            findings.append(
                Finding("I8", "lost", f"round {number} does not come to rest: {done(steps.leftovers)}")
            )
        for finding in findings:
            self.tally.findings.append({**asdict(finding), "seed": str(self.seed), "round": str(number)})
        if findings and self.sabotage is not None:
            done(lambda: steps.park(ids))
        return findings

    def _take_in(self, number: int, plots: Sequence[str]) -> dict[str, list[int]]:
        done(lambda: steps.furnish(number, plots))
        for _ in range(MOST_CHILDREN):
            ended = self._step(lambda: steps.take_in(number, plots))
            if not ended.killed:
                answer: dict[str, list[int]] = ended.answer
                return answer
        raise AssertionError("no ticket gets in")

    def _settle(self) -> bool:
        children = 0
        while children < self.most_children:
            children += 1
            ended = (
                self._work_at_once()
                if self.at_once > 1
                else self._step(
                    self._work,
                    before=steps.let_time_pass,
                    equip=self._equip_worker,
                    sabotage=self.sabotage,
                    may_stop=True,
                )
            )
            if ended.killed and self.random.random() < 0.7:
                continue  # again at once: a crash while it recovers
            signed = self._step(steps.sign)
            self._step(steps.post, equip=steps.equip_mail)
            if not ended.killed and not signed.killed and not signed.answer:
                # once more without an accident: mail that waits, and what came back meanwhile
                left = done(steps.leftovers)
                if not left["queued"] and not left["running"]:
                    done(steps.post)
                    return True
        return False

    @property
    def _equip_worker(self) -> Equip:
        ahead = self.random.choice([1, -1]) * self.skew_hours
        return _all(
            steps.equip_provider if self.book is not None else None,
            (lambda _: steps.set_clock(ahead)) if ahead else None,
        )

    def _work(self) -> None:
        """In a child."""
        steps.work(self.drive_seconds)

    def _work_at_once(self) -> Ended:
        """The same job for several workers; the last one that ends speaks for all."""
        workers = [
            Child(self._work, before=steps.let_time_pass if first else None, equip=self._equip_worker)
            for first in [True] + [False] * (self.at_once - 1)
        ]
        for worker in workers:
            ended = worker.wait()
            assert ended is not None
            self._note(ended)
        return ended

    def _step(
        self,
        action: Callable[[], Any],
        *,
        before: Callable[[], list[int]] | None = None,
        equip: Equip | None = None,
        sabotage: Equip | None = None,
        may_stop: bool = False,
    ) -> Ended:
        child = Child(action, before=before, plan=self._plan(may_stop=may_stop), equip=_all(equip, sabotage))
        ended = child.wait()
        assert ended is not None
        if ended.stopped_at and not ended.code and ended.answer is None and not ended.error:
            self.tally.stops += 1
            ended = self._outlive(child, ended)
        return self._note(ended)

    def _outlive(self, zombie: Child, stopped: Ended) -> Ended:
        """While `zombie` is stopped its leases run out and a rival takes over and dies; then the zombie goes on."""
        self._note(Ended(0, events=stopped.events, pid=stopped.pid))
        rival = Child(
            self._work,
            before=steps.let_time_pass,
            plan=self._plan(),
            equip=_all(self._equip_worker, self.sabotage),
        )
        ended = rival.wait()
        assert ended is not None
        self._note(ended)
        zombie.go_on()
        left = zombie.wait(seconds=ZOMBIE_SECONDS)
        return left if left is not None else zombie.kill()

    def _note(self, ended: Ended) -> Ended:
        if ended.code not in {0, -9}:
            raise AssertionError(f"a step ended with {ended.code} (seed {self.seed}):\n{ended.error[-3000:]}")
        for task, number, _ in ended.events:
            self.writers[task, number] = str(ended.pid)
        if self.calm:
            self.tally.required |= {point for point in ended.passed if not point.startswith(BY_THE_CLOCK)}
        if ended.killed:
            self.tally.kills += 1
            if ended.killed_at:
                self.tally.hits[ended.killed_at] += 1
            if self._recovering and not any(kind == "turn.recorded" for _, __, kind in ended.events):
                self.tally.in_recovery += 1
        self._recovering = ended.killed
        return ended

    def _plan(self, *, may_stop: bool = False) -> Plan:
        """Points that were hit seldom are deadlier, so that all of them get their share."""
        if self.calm:
            return Plan(seed=self.random.getrandbits(32))
        hits = {point: self.tally.hits[point] for point in self.tally.required | set(self.tally.hits)}
        fewest = min(hits.values(), default=0)
        chances = {
            point: min(
                0.5, max(0.02, self.heat * (fewest + 1) / (count + 1) * (3 if count <= fewest + 1 else 1))
            )
            for point, count in hits.items()
        }
        return Plan(
            seed=self.random.getrandbits(32),
            chances={**chances, **self.deadly},
            otherwise=0.3,
            stop_share=self.stop_share if may_stop else 0.0,
        )

    def _verdict(
        self, ids: list[int], plots: dict[str, str], tasks: dict[str, list[int]], names: list[str]
    ) -> list[dict[str, str]]:
        """In a child."""
        history = read(ids, book=self.book, mails=self.mails)
        history.writers = dict(self.writers)
        history.expected = {
            task: expected(plots[name], paid_outside=self.book is not None)
            for name, each in tasks.items()
            for task in each
        }
        there = steps.tickets_there(names)
        history.accepted = [(f"ticket {name}", name in there and len(tasks[name]) == 1) for name in plots]
        return [asdict(finding) for finding in check(history)]


def rounds(lane: Lane, *, kills: int, floor: int, calm: int = 1) -> Iterator[Tally]:
    """`calm` rounds that show which points there are, then rounds under fire; yields after each.

    They end after `kills`, and where a point was hit less than `floor` times by then, after half as many again.
    """
    for number in range(calm):
        lane.tell(number)
        yield lane.tally
    lane.calm = False
    for number in itertools.count(calm):
        enough = all(lane.tally.hits[point] >= floor for point in lane.tally.required)
        if lane.tally.kills >= (kills if enough else kills * 3 // 2):
            return
        lane.tell(number)
        yield lane.tally


MOST_ROUNDS_OF_A_CONTROL = 8


def caught(control: Control, *, seed: int, first_round: int, book: Path | None) -> list[Finding]:
    """Tell stories with a broken build until the checker finds it; empty when it does not within eight rounds."""
    lane = Lane(seed=seed, sabotage=control.sabotage, book=book)
    lane.deadly = control.deadly
    lane.calm = control.calm
    lane.drive_seconds = 0.7
    if control.stop_share:
        lane.stop_share, lane.most_children = control.stop_share, 25
    for number in range(first_round, first_round + MOST_ROUNDS_OF_A_CONTROL):
        try:
            findings = lane.tell(number, PLOTS[:3])
        except Hung as error:
            findings = [Finding("I8", "lost", str(error))]
        found = [finding for finding in findings if finding.invariant in control.caught_by]
        if found := [finding for finding in found if control.kind in {"", finding.kind}]:
            return found
    return []
