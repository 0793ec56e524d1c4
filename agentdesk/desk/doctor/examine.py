"""Run every check in its order; the first ones say whether the others can be asked at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import DatabaseError

from agentdesk.desk.doctor import around, database, people, queue, tasks, workers
from agentdesk.desk.doctor.finding import Check, Finding, problem

NEEDS_NO_DATABASE: tuple[Check, ...] = (
    around.disk_has_room,
    around.model_has_a_key,
    around.redis_answers,
    around.debug_is_off,
    around.demo_is_off,
)
FIRST: tuple[Check, ...] = (database.answers, database.is_migrated)
REST: tuple[Check, ...] = (
    database.can_be_written,
    database.sqlite_keeps_what_it_commits,
    database.has_no_old_transaction,
    database.clocks_agree,
    workers.show_life,
    workers.run_this_code,
    workers.are_woken_by_the_clock,
    queue.moves,
    queue.can_be_read,
    tasks.are_taken_up,
    tasks.keep_their_workers,
    tasks.wait_for_something_that_can_come,
    tasks.have_known_outcomes,
    tasks.wait_for_people,
    people.can_sign,
    people.exist,
    around.mail_leaves,
    around.agents_know_their_tools,
)


@dataclass(frozen=True, slots=True)
class Diagnosis:
    check: str
    """For programs: the module and the name of the check, for example `workers.show_life`."""
    finding: Finding


def examine() -> Iterator[Diagnosis]:
    """Every finding, in the order of the checks. Never raises for a database that does not answer."""
    yield from _run(NEEDS_NO_DATABASE)
    for check in FIRST:
        found = list(_run([check]))
        yield from found
        if found:
            return  # the rest would only repeat it
    yield from _run(REST)


def _run(checks: tuple[Check, ...] | list[Check]) -> Iterator[Diagnosis]:
    for check in checks:
        name = f"{check.__module__.rpartition('.')[2]}.{check.__name__}"
        try:
            for finding in check():
                yield Diagnosis(name, finding)
        except DatabaseError as error:
            said = str(error).strip().partition("\n")[0]
            yield Diagnosis(
                name,
                problem(f"The database failed while this was looked at: {said}", "See what it says itself."),
            )
