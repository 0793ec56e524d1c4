"""Who pulls and releases brakes, once per depth and scope, and what stays on record."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.utils import timezone

from agentdesk.brakes import lever
from agentdesk.brakes.models import Brake, Depth
from agentdesk.brakes.pulled import headlines, in_words, pulled
from agentdesk.core.errors import Forbidden, Invalid, Late
from tasks.braking import release
from tests.factories import support_version
from tools.braking import pull, stoppable

pytestmark = pytest.mark.django_db


def test_a_lead_stops_everything_and_only_finance_or_an_admin_lets_go(lena: User, finn: User) -> None:
    brake = pull("effects", by=lena, reason="Refunds look wrong.")

    assert in_words() == [brake.in_words]
    assert brake.in_words.startswith("No tool changes anything: the brake was pulled by lena at ")
    assert brake.in_words.endswith("Refunds look wrong.")
    assert "lena" not in headlines()[0]
    with pytest.raises(Forbidden, match="may not release"):
        release(brake, by=lena, reason="It is fine.")
    assert pulled() == [brake]

    release(brake, by=finn, reason="It was a test account.")

    assert pulled() == []
    brake.refresh_from_db()
    assert (brake.released_by, brake.released_because) == (finn, "It was a test account.")
    words = (
        LogEntry.objects.filter(object_id=str(brake.pk)).order_by("id").values_list("user", "change_message")
    )
    assert list(words) == [
        (lena.pk, "Pulled: Refunds look wrong."),
        (finn.pk, "Released: It was a test account."),
    ]


@pytest.mark.parametrize("who", ["vera", "ada", "audrey"])
def test_who_only_looks_on_or_serves_tickets_pulls_nothing(who: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(Forbidden, match="may not pull"):
        pull("take", by=request.getfixturevalue(who), reason="Because.")
    assert not Brake.objects.exists()


def test_a_brake_is_pulled_once_and_the_second_learns_who_was_first(lena: User, finn: User) -> None:
    pull("effects", by=lena, tool="issue_refund", reason="Refunds look wrong.")
    with pytest.raises(Late, match=r"pulled already.*lena.*Refunds look wrong"):
        pull("effects", by=finn, tool="issue_refund", reason="Me too.")
    pull("effects", by=finn, reason="Everything, to be safe.")
    pull("decide", by=finn, tool="issue_refund", reason="And no signatures.")
    assert len(pulled()) == 3


def test_a_brake_is_released_once_and_the_second_learns_who_was_first(finn: User, adam: User) -> None:
    brake = pull("take", by=finn, reason="Upgrade.")
    stale = Brake.objects.get(pk=brake.pk)
    release(brake, by=finn, reason="Done.")
    with pytest.raises(Late, match="finn released this brake"):
        release(stale, by=adam, reason="Done too.")
    again = pull("take", by=finn, reason="Another upgrade.")
    assert again.pk != brake.pk, "what was is history and stays"


def test_only_scopes_that_a_depth_knows_can_be_pulled(lena: User) -> None:
    support_version()
    for depth, scope in [
        ("take", {"tool": "issue_refund"}),
        ("decide", {"agent": "support"}),
        ("decide", {"tool": "notify_user"}),
        ("effects", {"tool": "get_order_details"}),
        ("effects", {"tool": "add_todos"}),
        ("effects", {"tool": "no_such_tool"}),
        ("effects", {"agent": "nobody"}),
        ("effects", {"tool": "issue_refund", "agent": "support"}),
        ("everything", {}),
    ]:
        with pytest.raises(Invalid):
            pull(depth, by=lena, reason="Because.", **scope)
    assert not Brake.objects.exists()
    assert stoppable(Depth.EFFECTS) == [
        "cancel_order",
        "issue_refund",
        "notify_user",
        "refund_duplicate_charge",
        "start_task",
        "write_document",
    ]
    assert stoppable(Depth.DECIDE) == ["ask_person", "issue_refund", "refund_duplicate_charge"]


def test_a_reason_is_needed_to_pull_and_to_release(finn: User) -> None:
    with pytest.raises(Invalid, match="reason is empty"):
        pull("take", by=finn, reason=" ")
    brake = pull("take", by=finn, reason="Upgrade.")
    with pytest.raises(Invalid, match="reason is empty"):
        release(brake, by=finn, reason="")
    assert pulled() == [brake]


def test_the_breaker_keeps_a_brake_that_a_person_pulled_before(lena: User) -> None:
    mine = pull("effects", by=lena, tool="issue_refund", reason="Refunds look wrong.")
    held = lever.trip(
        cap="Desk in USD", tools=["issue_refund", "refund_duplicate_charge"], reason="Too much."
    )
    assert held[0] == mine
    assert (held[1].pulled_by, held[1].tripped_by) == (None, "Desk in USD")
    assert "pulled by the cap “Desk in USD”" in held[1].in_words


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("brake_depth_known", {"depth": "all"}),
        ("brake_scope_fits_its_depth", {"depth": "take", "tool": "issue_refund"}),
        ("brake_released_by_somebody_with_a_reason", {"released_at": timezone.now()}),
        ("brake_pulled_by_a_person_or_a_cap", {"pulled_by": None}),
        ("brake_has_a_reason", {"reason": ""}),
        ("brake_one_pulled_per_depth_and_scope", {}),
    ],
)
def test_the_database_holds_the_rules_of_brakes(
    constraint: str, fields: dict[str, object], lena: User
) -> None:
    pull("effects", by=lena, reason="First.")
    given = {
        "depth": "effects",
        "reason": "Second.",
        "pulled_by": lena,
        "pulled_at": timezone.now(),
        **fields,
    }
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Brake.objects.create(**given)
