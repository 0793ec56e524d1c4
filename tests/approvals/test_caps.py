"""Caps on refunds: what they count, how a call that finds no room waits, and who lets it over."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agentdesk.brakes.models import Brake
from agentdesk.brakes.pulled import pulled
from agentdesk.core.errors import Forbidden, Invalid, Late
from agentdesk.events.models import Event, Kind
from approvals import caps, exempt
from approvals.decide import decide
from approvals.models import Cap, CapVersion, Exemption, PolicyVersion
from tasks.braking import release
from tasks.models import Task, TaskStatus, WaitingFor
from tests.factories import (
    FIRST_CAPS,
    AgentFactory,
    AgentVersionFactory,
    ApprovalFactory,
    DecisionFactory,
    PolicyVersionFactory,
    RefundFactory,
    TaskFactory,
    ToolCallFactory,
    TurnFactory,
    UserFactory,
    only_cap,
    order_with,
    support_version,
    used_refund,
)
from tests.scripted import MakeStory, Story, say, tell
from tools.models import CallStatus, ToolCall
from tools.store.models import Order, Refund


@pytest.fixture
def story(transactional_db: None) -> MakeStory:
    return tell


def run_signed(s: Story, by: User) -> Task:
    """Let a refund of 29.00 be proposed, signed by `by` and run, as far as caps let it."""
    s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    decide(approval, by=by, verdict="approve", seen=approval.seen_hash)
    return s.drive()


def waits_for_the_cap(task: Task) -> bool:
    return (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.LIMIT)


def seen(task: Task) -> str:
    held = exempt.held_call(task)
    assert held is not None
    return held.seen


# What is counted ----------------------------------------------------------------------------------------------


def another_customers_order(s: Story) -> Order:
    return order_with(charges=(9000,))


def another_order(s: Story) -> Order:
    return order_with(charges=(9000,), customer=s.customer)


@pytest.mark.parametrize(
    ("says", "of", "held"),
    [
        ({"per": "order"}, "same order", True),
        ({"per": "order"}, "same customer", False),
        ({"per": "customer"}, "same customer", True),
        ({"per": "customer"}, "stranger", False),
        ({"per": "agent"}, "stranger", True),
        ({"per": "desk"}, "stranger", True),
        ({"per": "desk", "tools": ["refund_duplicate_charge"]}, "same order", False),
        ({"per": "desk", "currency": "EUR"}, "same order", False),
        ({"per": "desk", "max_count": 2}, "same order", False),
        ({"per": "desk", "max_count": None, "max_sum_minor": 5799, "currency": "USD"}, "stranger", True),
        ({"per": "desk", "max_count": None, "max_sum_minor": 5800, "currency": "USD"}, "stranger", False),
        ({"per": "desk", "in_force": False}, "same order", False),
    ],
)
def test_a_cap_counts_what_its_dimension_says(
    story: MakeStory, lena: User, says: dict[str, Any], of: str, held: bool
) -> None:
    s = story()
    only_cap(**says)
    order = {"same order": lambda: s.order, "same customer": lambda: another_order(s)}.get(
        of, lambda: another_customers_order(s)
    )()
    used_refund(order)

    task = run_signed(s, lena)

    assert waits_for_the_cap(task) == held
    assert Refund.objects.filter(tool_call__task=task).count() == int(not held)


def test_another_agents_refunds_do_not_count_for_this_agent(story: MakeStory, lena: User) -> None:
    s = story()
    only_cap(per="agent")
    billing = AgentVersionFactory(agent=AgentFactory(name="billing", title="Billing agent"))
    used_refund(s.order, turn=TurnFactory(task=TaskFactory(agent_version=billing, status=TaskStatus.DONE)))
    assert run_signed(s, lena).status == TaskStatus.DONE


def test_one_persons_signatures_are_counted_and_another_may_sign_instead(
    story: MakeStory, lena: User, finn: User
) -> None:
    s = story()
    only_cap(per="approver", window_hours=24)
    before = used_refund(another_customers_order(s))
    approval = ApprovalFactory(tool_call=before, status="approved")
    DecisionFactory(approval=approval, decided_by=lena)
    s.script([s.refund()], [say("Done.")])
    s.drive()
    asked = s.approval()

    with pytest.raises(Late, match=r"Somebody else has to sign this.*lena has had 1"):
        decide(asked, by=lena, verdict="approve", seen=asked.seen_hash)
    assert not asked.decisions.exists()
    decide(asked, by=finn, verdict="approve", seen=asked.seen_hash)

    assert s.drive().status == TaskStatus.DONE


def test_signatures_given_ahead_do_not_carry_a_person_over_their_cap(story: MakeStory, lena: User) -> None:
    s = story()
    only_cap(per="approver", window_hours=24)
    s.script([s.refund()], [say("Done.")])
    s.drive()
    asked = s.approval()
    decide(asked, by=lena, verdict="approve", seen=asked.seen_hash)
    before = used_refund(another_customers_order(s))
    DecisionFactory(approval=ApprovalFactory(tool_call=before, status="approved"), decided_by=lena)

    assert waits_for_the_cap(s.drive())


@pytest.mark.parametrize(("hours_ago", "held"), [(0, True), (23.9, True), (24.1, False), (1000, False)])
def test_the_window_slides_with_the_databases_clock(
    story: MakeStory, lena: User, hours_ago: float, held: bool
) -> None:
    s = story()
    only_cap(window_hours=24)
    used_refund(s.order, hours_ago=hours_ago)
    assert waits_for_the_cap(run_signed(s, lena)) == held


@pytest.mark.parametrize(
    ("status", "held"),
    [
        ("executing", True),
        ("unknown", True),
        ("done", True),
        ("failed", False),
        ("refused", False),
        ("allowed", False),
    ],
)
def test_what_may_have_happened_counts_as_used(story: MakeStory, lena: User, status: str, held: bool) -> None:
    s = story()
    only_cap(per="desk")
    used_refund(another_customers_order(s), status=CallStatus(status))
    assert waits_for_the_cap(run_signed(s, lena)) == held


def test_a_copy_in_a_forked_task_counts_nowhere(story: MakeStory, lena: User) -> None:
    s = story()
    only_cap(max_count=2)
    original = used_refund(s.order)
    used_refund(s.order, copy_of=original)
    assert run_signed(s, lena).status == TaskStatus.DONE


def test_whose_money_it_is_comes_from_the_order_and_not_from_the_task(story: MakeStory, lena: User) -> None:
    s = story()
    only_cap(per="customer")
    used_refund(another_order(s))
    Task.objects.filter(pk=s.task.pk).update(customer=None)
    task = run_signed(s, lena)
    assert waits_for_the_cap(task)
    call = task.tool_calls.get()
    assert (call.customer, call.subject) == (s.customer, f"order:{s.order.number}")
    assert (call.amount_minor, call.currency) == (2900, "USD")


def test_a_refund_that_nobody_has_to_sign_is_capped_too(story: MakeStory) -> None:
    s = story()
    only_cap()
    rules = PolicyVersionFactory().rules
    for rule in rules["rules"]:
        rule["ask_from"] = 100_000
    PolicyVersion.objects.update(rules=rules)
    used_refund(s.order)
    s.script([s.refund()], [say("Done.")])
    task = s.drive()
    assert waits_for_the_cap(task)
    assert not task.approvals.exists()


# Asking and letting over --------------------------------------------------------------------------------------


def test_the_card_says_that_a_cap_is_reached_before_anybody_signs(
    story: MakeStory, client: Client, lena: User
) -> None:
    s = story()
    only_cap("Parcels of an order")
    used_refund(s.order)
    s.script([s.refund()], [say("Done.")])
    s.drive()
    client.force_login(lena)
    page = client.get(s.approval().get_absolute_url()).content.decode()
    assert "Cap reached." in page
    assert f"{s.order.number} has had 1." in page


def test_a_person_with_the_right_lets_exactly_this_call_over_once(
    story: MakeStory, lena: User, finn: User, audrey: User
) -> None:
    s = story()
    cap = only_cap("Parcels of an order")
    used_refund(s.order)
    task = run_signed(s, lena)
    assert waits_for_the_cap(task)
    assert task.waiting_note.startswith("Cap reached. “Parcels of an order”: at most 1 for one order, ever;")
    assert task.tool_calls.get().status == CallStatus.ALLOWED, "the sign-off is kept"

    exempt.let_over(task, by=finn, reason="Two parcels were lost.", seen=seen(task))
    with pytest.raises(Late, match="No cap holds"):
        exempt.let_over(task, by=finn, reason="Again.", seen="")

    assert s.drive().status == TaskStatus.DONE
    assert Refund.objects.filter(tool_call__task=task).count() == 1
    over = Exemption.objects.get()
    assert (over.cap, over.by, over.amount_minor, over.reason) == (cap, finn, 2900, "Two parcels were lost.")
    fact = Event.objects.get(task=task, kind=Kind.CAP_LIFTED)
    assert (fact.by, fact.data["caps"]) == (finn, ["Parcels of an order"])

    another = Story(s.customer, s.order, TaskFactory(customer=s.customer))
    assert waits_for_the_cap(run_signed(another, lena)), "the next one is held again"


def test_a_kept_cap_ends_the_call_and_the_model_reads_why(story: MakeStory, lena: User, finn: User) -> None:
    s = story()
    only_cap()
    used_refund(s.order)
    task = run_signed(s, lena)

    exempt.uphold(task, by=finn, reason="Three refunds are enough.", seen=seen(task))
    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert not Refund.objects.filter(tool_call__task=task).exists()
    assert "Three refunds are enough." in s.thinkers.outputs()["refund"]
    assert task.tool_calls.get().status == CallStatus.REFUSED
    assert Event.objects.get(task=task, kind=Kind.CAP_UPHELD).by == finn


@pytest.mark.parametrize(
    ("who", "sentence"),
    [
        ("vera", "may not let calls over caps"),
        ("ada", "may not let calls over caps"),
        ("lena", "may not let calls over caps"),
        ("audrey", "may not let calls over caps"),
        ("root", "may not let calls over caps"),
        ("finn", "You alone signed this call"),
        ("asker", "You asked for this task"),
        ("left", "not active"),
    ],
)
def test_nobody_else_lets_a_call_over(
    story: MakeStory, finn: User, request: pytest.FixtureRequest, who: str, sentence: str
) -> None:
    asker = UserFactory(username="asker", role="admin", groups=["admin"])
    s = story(by=asker)
    only_cap()
    used_refund(s.order)
    task = run_signed(s, finn)
    by = {
        "asker": lambda: asker,
        "root": lambda: UserFactory(username="root", is_superuser=True, is_staff=True),
        "left": lambda: UserFactory(username="left", role="finance", groups=["finance"], is_active=False),
    }.get(who, lambda: request.getfixturevalue(who))()

    with pytest.raises(Forbidden, match=sentence):
        exempt.let_over(task, by=by, reason="Because.", seen=seen(task))

    assert not Exemption.objects.exists()
    assert waits_for_the_cap(s.drive())


def test_one_of_two_signers_may_let_it_over(story: MakeStory, lena: User, finn: User) -> None:
    s = story(charges=(150_000, 150_000))
    only_cap()
    used_refund(s.order)
    s.script([s.refund(amount_minor=150_000)], [say("Done.")])
    s.drive()
    approval = s.approval()
    for signer in (lena, finn):
        decide(approval, by=signer, verdict="approve", seen=approval.seen_hash)
    task = s.drive()
    exempt.let_over(task, by=finn, reason="Both parcels were lost.", seen=seen(task))
    assert s.drive().status == TaskStatus.DONE


def test_what_was_shown_is_what_is_let_over(story: MakeStory, lena: User, finn: User, adam: User) -> None:
    s = story()
    cap = only_cap()
    used_refund(s.order)
    task = run_signed(s, lena)
    shown = seen(task)
    with pytest.raises(Invalid, match="reason is empty"):
        exempt.let_over(task, by=finn, reason=" ", seen=shown)
    version = CapVersion.objects.create(cap=cap, number=2, per="order", max_count=1, reason="Told anew.")
    Cap.objects.filter(pk=cap.pk).update(current=version)
    with pytest.raises(Late, match="not what you were shown"):
        exempt.let_over(task, by=finn, reason="Because.", seen=shown)
    assert not Exemption.objects.exists()


def test_a_raised_cap_lets_waiting_tasks_try_again(story: MakeStory, lena: User, adam: User) -> None:
    s = story()
    cap = only_cap()
    used_refund(s.order)
    assert waits_for_the_cap(run_signed(s, lena))

    caps.publish(cap, by=adam, reason="Parcels are lost these days.", per="order", max_count=2)

    assert s.drive().status == TaskStatus.DONE
    assert list(cap.versions.values_list("number", "max_count")) == [(2, 2), (1, 1)], "the old one stays"


def test_an_exemption_is_for_its_amount_only(story: MakeStory, lena: User, finn: User) -> None:
    s = story()
    cap = only_cap()
    used_refund(s.order)
    task = run_signed(s, lena)
    exempt.let_over(task, by=finn, reason="Because.", seen=seen(task))
    Exemption.objects.filter(cap=cap).update(amount_minor=100)
    assert waits_for_the_cap(s.drive())


# The money breaker --------------------------------------------------------------------------------------------


def test_the_breaker_trips_by_itself_names_its_cap_and_counts_anew_after_the_release(
    story: MakeStory, lena: User, finn: User
) -> None:
    s = story()
    only_cap(
        "Refunds of the desk",
        per="desk",
        window_hours=1,
        on_reach="brake",
        tools=["issue_refund", "refund_duplicate_charge"],
    )
    used_refund(another_customers_order(s))

    task = run_signed(s, lena)

    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.BRAKE)
    assert "pulled by the cap “Refunds of the desk”" in task.waiting_note
    brakes = pulled()
    assert [brake.tool for brake in brakes] == ["issue_refund", "refund_duplicate_charge"]
    assert all(brake.pulled_by is None and "the desk has had 1" in brake.reason for brake in brakes)
    assert not Refund.objects.filter(tool_call__task=task).exists()

    other = story()
    other_task = run_signed(other, lena)
    assert other_task.waiting_for == WaitingFor.BRAKE, "everything of the kind waits"
    assert Brake.objects.count() == 2, "and trips nothing twice"

    for brake in brakes:
        release(brake, by=finn, reason="It is the recall; go on.")
    s.drive()
    other.drive()

    done = Refund.objects.filter(tool_call__task__in=[task, other_task]).count()
    assert done == 1, "one more since the release is what the cap has room for"
    assert Brake.objects.pulled().count() == 2, "the second one tripped it again"


def test_nobody_lets_a_call_over_the_breaker(story: MakeStory, lena: User, finn: User) -> None:
    s = story()
    only_cap(per="desk", on_reach="brake")
    used_refund(another_customers_order(s))
    task = run_signed(s, lena)
    with pytest.raises(Late, match="No cap holds"):
        exempt.let_over(task, by=finn, reason="Because.", seen="")


# Pages and rules ----------------------------------------------------------------------------------------------


def test_the_task_page_shows_the_cap_and_takes_the_answer_by_a_plain_form(
    story: MakeStory, client: Client, lena: User, finn: User
) -> None:
    s = story()
    only_cap("Parcels of an order")
    used_refund(s.order)
    task = run_signed(s, lena)
    url = reverse("desk:task_cap", args=[task.public_id])

    client.force_login(lena)
    page = client.get(task.get_absolute_url()).content.decode()
    assert "A cap holds this back" in page
    assert url not in page
    assert client.post(url, {"verdict": "let_over", "reason": "x", "seen": seen(task)}).status_code == 403

    client.force_login(finn)
    page = client.get(task.get_absolute_url()).content.decode()
    assert "Let $29.00 over, once" in page
    assert client.post(url, {"verdict": "let_over", "reason": "", "seen": seen(task)}).status_code == 422
    assert client.post(url, {"verdict": "maybe", "reason": "x", "seen": seen(task)}).status_code == 422
    assert client.post(url, {"verdict": "let_over", "reason": "x", "seen": "old"}).status_code == 409
    answer = client.post(url, {"verdict": "let_over", "reason": "Lost <b>twice</b>.", "seen": seen(task)})
    assert (answer.status_code, answer["Location"]) == (302, task.get_absolute_url())
    page = client.get(task.get_absolute_url()).content.decode()
    assert "Let over a cap by finn" in page
    assert "Lost &lt;b&gt;twice&lt;/b&gt;." in page


def test_the_admin_publishes_versions_of_caps_with_a_reason(
    client: Client, db: None, adam: User, finn: User
) -> None:
    cap = only_cap("Parcels of an order")
    url = reverse("admin:approvals_cap_change", args=[cap.pk])
    form = {
        "in_force": "on",
        "per": "order",
        "tools": ["issue_refund"],
        "window_hours": "",
        "currency": "",
        "max_count": "2",
        "max_sum_minor": "",
        "on_reach": "ask",
        "base": "1",
        "reason": "Parcels are lost these days.",
    }
    client.force_login(finn)
    assert "at most 1 for one order, ever" in client.get(url).content.decode()
    assert client.post(url, form).status_code == 403
    client.force_login(adam)
    for wrong in (
        {"reason": ""},
        {"max_count": ""},
        {"max_sum_minor": "100"},
        {"base": "7"},
        {"tools": ["get_order_details"]},
        {"max_count": "1", "tools": []},
    ):
        assert client.post(url, {**form, **wrong}).status_code == 200, wrong
        assert cap.versions.count() == 1
    assert client.post(url, form).status_code == 302
    cap.refresh_from_db()
    present = cap.current
    assert (present.number, present.max_count, present.tools, present.author) == (
        2,
        2,
        ["issue_refund"],
        adam,
    )
    assert (
        "at most 2 for one order, ever"
        in client.get(reverse("admin:approvals_cap_changelist")).content.decode()
    )
    new = client.post(reverse("admin:approvals_cap_add"), {**form, "name": "Another", "base": ""})
    assert new.status_code == 302
    assert Cap.objects.get(name="Another").current.number == 1


def test_the_desk_comes_with_caps_in_force(db: None) -> None:
    found = {cap.name: cap.current for cap in Cap.objects.select_related("current")}
    assert set(found) == set(FIRST_CAPS.CAPS)
    assert all(version.in_force and version.tools == FIRST_CAPS.REFUNDS for version in found.values())


def test_refunds_from_before_there_were_caps_count_too(db: None) -> None:
    order = order_with()
    call = ToolCallFactory(status=CallStatus.DONE)
    ApprovalFactory(tool_call=call, status="approved", subject=f"order:{order.number}")
    RefundFactory(order=order, tool_call=call)
    rejected = ToolCallFactory(status=CallStatus.REFUSED)
    ApprovalFactory(tool_call=rejected, status="rejected")

    FIRST_CAPS.note_amounts(apps, None)

    call.refresh_from_db()
    rejected.refresh_from_db()
    assert (call.amount_minor, call.currency, call.subject) == (2900, "USD", f"order:{order.number}")
    assert call.customer == order.customer
    assert rejected.amount_minor is None


def broken(**fields: Any) -> dict[str, Any]:
    return {"number": 9, "per": "order", "max_count": 1, "reason": "x", **fields}


@pytest.mark.parametrize(
    ("constraint", "fields"),
    [
        ("cap_limits_something", {"max_count": None}),
        ("cap_sum_has_a_currency", {"max_sum_minor": 1}),
        ("cap_per_known", {"per": "city"}),
        ("cap_on_reach_known", {"on_reach": "shout"}),
        ("cap_window_from_an_hour", {"window_hours": 0}),
        ("cap_version_has_a_reason", {"reason": ""}),
        ("cap_version_number_once|cap_id, approvals_capversion.number", {"number": 1}),
    ],
)
def test_the_database_holds_the_rules_of_caps(db: None, constraint: str, fields: dict[str, Any]) -> None:
    cap = only_cap()
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        CapVersion.objects.create(cap=cap, **broken(**fields))


def test_a_call_is_let_over_a_cap_once_and_with_a_reason(db: None, finn: User) -> None:
    support_version()
    cap = only_cap()
    call: ToolCall = used_refund(order_with())
    given = {
        "cap": cap,
        "cap_version": cap.current,
        "tool_call": call,
        "amount_minor": 1,
        "currency": "USD",
        "by": finn,
    }
    with pytest.raises(IntegrityError, match="cap_exemption_has_a_reason"), transaction.atomic():
        Exemption.objects.create(**given, reason="", at=timezone.now())
    Exemption.objects.create(**given, reason="x", at=timezone.now())
    with pytest.raises(IntegrityError, match=r"cap_exempts_a_call_once|tool_call_id"), transaction.atomic():
        Exemption.objects.create(**given, reason="x", at=timezone.now())
