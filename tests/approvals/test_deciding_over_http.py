"""Deciding: every person × verdict × state of the approval, the answer's status, and what changed by it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from agentdesk.events.models import Event
from approvals.ask import pause
from approvals.cancel import cancel_task
from approvals.decide import decide
from approvals.expire import expire_due
from approvals.models import Approval
from tasks.models import Task, TaskStatus
from tests.factories import TaskFactory, ToolCallFactory, UserFactory, person, support_version
from tests.permissions.world import PEOPLE, ROLES, contents, waiting_refund
from tools.store.models import Order

pytestmark = pytest.mark.django_db

SIGNERS = {"lead", "finance"}
ANSWERERS = {"agent", "lead", "finance"}
STRANGERS = {"anonymous", "inactive"}
LATE = ("approved", "rejected", "expired", "cancelled", "superseded")
STATES = ("open", *LATE, "overdue", "facts changed", "wrong hash", "no hash")
FORMS: dict[str, dict[str, str]] = {
    "approve": {"verdict": "approve"},
    "approve with words": {"verdict": "approve", "reason": "Seen on the statement."},
    "reject": {"verdict": "reject", "reason": "It is a renewal."},
    "reject without reason": {"verdict": "reject", "reason": " \n "},
    "answer": {"verdict": "answer", "reason": "The first."},
    "nonsense": {"verdict": "delete", "reason": "x"},
    "empty": {},
    "too long a reason": {"verdict": "reject", "reason": "x" * 2001},
    "a NUL in the reason": {"verdict": "reject", "reason": "a\x00b"},
    "a NUL in words": {"verdict": "approve", "reason": "\x00"},
}
GOOD = {"approve", "approve with words", "reject"}


class Desk:
    """The people, their browsers, and one approval in each state."""

    def __init__(self) -> None:
        support_version()
        self.users: dict[str, User] = {name: person(name, name) for name in ROLES}
        self.users["superuser"] = UserFactory(username="superuser", is_staff=True, is_superuser=True)
        self.users["inactive"] = UserFactory(
            username="inactive", role="lead", groups=["lead"], is_active=False
        )
        self.clients = {name: Client() for name in PEOPLE}
        for name, user in self.users.items():
            self.clients[name].force_login(user)
        self.second_lead = person("lars", "lead")
        self.approvals = {state: self._in_state(state) for state in STATES}
        self.question = self._question()
        self.before = contents()

    def _in_state(self, state: str) -> Approval:
        approval = waiting_refund()
        seen, by = approval.seen_hash, self.second_lead
        match state:
            case "approved":
                decide(approval, by=by, verdict="approve", seen=seen)
            case "rejected":
                decide(approval, by=by, verdict="reject", reason="No.", seen=seen)
            case "expired":
                self._let_time_pass(approval)
                assert expire_due() == 1
            case "cancelled":
                cancel_task(approval.task, by=self.users["agent"])
            case "superseded":
                self._change_order(approval)
                with pytest.raises(Exception, match="asked again"):
                    decide(approval, by=by, verdict="approve", seen=seen)
            case "overdue":
                self._let_time_pass(approval)
            case "facts changed":
                self._change_order(approval)
        approval.refresh_from_db()
        return approval

    def _let_time_pass(self, approval: Approval) -> None:
        Approval.objects.filter(pk=approval.pk).update(expires_at=timezone.now() - timedelta(seconds=1))

    def _change_order(self, approval: Approval) -> None:
        Order.objects.filter(customer=approval.task.customer).update(refunded_minor=100)

    def _question(self) -> Approval:
        task = TaskFactory(status=TaskStatus.RUNNING)
        arguments = {"question": "Which order?"}
        pause(task, [ToolCallFactory(given_task=task, tool="ask_person", arguments=arguments)])
        return Approval.objects.open().get(task=task)

    def post(self, who: str, approval: Approval, form: dict[str, str], **headers: str) -> HttpResponse:
        url = f"{approval.get_absolute_url()}decide/"
        return self.clients[who].post(url, form, headers=headers)


@pytest.fixture(scope="module")
def desk(django_db_setup: None, django_db_blocker: Any) -> Iterator[Desk]:
    with django_db_blocker.unblock(), transaction.atomic():
        yield Desk()
        transaction.set_rollback(True)


@pytest.fixture(autouse=True)
def undone(desk: Desk) -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def form_for(approval: Approval, form: str, state: str = "open") -> dict[str, str]:
    seen = {"wrong hash": "f" * 64, "no hash": ""}.get(state, approval.seen_hash)
    return {**FORMS[form], "seen": seen}


def status_of(who: str, form: str, state: str, *, asked_for_it: bool = False) -> int:
    """The rules once more, in the order in which they are told: sign in, right, a form that says something, state."""
    if who in STRANGERS:
        return 302
    if who not in SIGNERS or asked_for_it:
        return 403
    if form not in GOOD:
        return 422
    return 302 if state == "open" else 409


def what_changes(who: str, form: str, state: str, *, asked_for_it: bool) -> str:
    if who not in SIGNERS or form not in GOOD or asked_for_it:
        return "nothing"
    return {"open": "decided", "overdue": "expired", "facts changed": "asked again"}.get(state, "nothing")


def changed(desk: Desk) -> str:
    now = contents()
    moved = {model for model, rows in now.items() if rows != desk.before[model]} - {"events.signal"}
    if not moved:
        return "nothing"
    if "approvals.decision" in moved:
        return "decided"
    return "asked again" if Approval.objects.count() > len(desk.before["approvals.approval"]) else "expired"


@pytest.mark.parametrize(
    ("state", "asked_for_it"),
    [(state, False) for state in STATES]
    + [(state, True) for state in ("open", "approved", "overdue", "facts changed")],
)
def test_everybody_gets_the_status_of_the_rules_and_only_a_decision_changes_anything(
    desk: Desk, state: str, asked_for_it: bool
) -> None:
    approval = desk.approvals[state]
    sent = list(product(PEOPLE, FORMS))
    harmless = [case for case in sent if what_changes(*case, state, asked_for_it=asked_for_it) == "nothing"]
    for who, form in harmless:
        if asked_for_it and who in desk.users:
            Task.objects.filter(pk=approval.task_id).update(requested_by=desk.users[who])
        send(desk, who, form, state, asked_for_it=asked_for_it)
    Task.objects.filter(pk=approval.task_id).update(requested_by=None)
    assert contents() == desk.before

    for who, form in [case for case in sent if case not in harmless]:
        with transaction.atomic():
            send(desk, who, form, state, asked_for_it=asked_for_it)
            assert changed(desk) == what_changes(who, form, state, asked_for_it=asked_for_it), (who, form)
            transaction.set_rollback(True)


def send(desk: Desk, who: str, form: str, state: str, *, asked_for_it: bool) -> None:
    approval = desk.approvals[state]
    response = desk.post(who, approval, form_for(approval, form, state))
    wanted = status_of(who, form, state, asked_for_it=asked_for_it)
    assert response.status_code == wanted, f"{who} sends “{form}” to one that is {state}"
    if who in STRANGERS:
        assert response.headers["Location"].startswith("/accounts/login/?next=")


@pytest.mark.parametrize("who", PEOPLE)
def test_looking_at_the_deciding_address_is_not_deciding(desk: Desk, who: str) -> None:
    for state in STATES:
        url = f"{desk.approvals[state].get_absolute_url()}decide/"
        for verb in ("get", "head", "put", "patch", "delete"):
            assert getattr(desk.clients[who], verb)(url).status_code == 405
    assert contents() == desk.before


@pytest.mark.parametrize(
    ("form", "status", "call_status", "kinds"),
    [
        ("approve", "approved", "allowed", ["approval.approved", "task.queued"]),
        ("reject", "rejected", "refused", ["approval.rejected", "call.refused", "task.queued"]),
    ],
)
@pytest.mark.parametrize("who", sorted(SIGNERS))
def test_a_decision_is_one_row_and_one_event_of_each_kind(
    desk: Desk, who: str, form: str, status: str, call_status: str, kinds: list[str]
) -> None:
    approval = desk.approvals["open"]
    last = approval.task.events.count()

    response = desk.post(who, approval, form_for(approval, form))

    assert response.headers["Location"] == approval.get_absolute_url()
    approval.refresh_from_db()
    approval.tool_call.refresh_from_db()
    assert (approval.status, approval.tool_call.status) == (status, call_status)
    decision = approval.decisions.get()
    assert (decision.decided_by.username, decision.seen, decision.groups) == (who, approval.seen_hash, [who])
    assert decision.reason == FORMS[form].get("reason", "")
    task = Task.objects.get(pk=approval.task_id)
    assert (task.status, task.waiting_for) == (TaskStatus.QUEUED, "")
    events = Event.objects.filter(task=task, number__gt=last).order_by("number")
    assert [event.kind for event in events] == kinds
    assert events[0].by == decision.decided_by


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("form", FORMS)
def test_questions_are_answered_by_those_who_may_and_never_approved(desk: Desk, who: str, form: str) -> None:
    wanted = 302 if who in STRANGERS or (form == "answer" and who in ANSWERERS) else 422
    if who not in ANSWERERS | STRANGERS:
        wanted = 403

    response = desk.post(who, desk.question, form_for(desk.question, form))

    assert response.status_code == wanted
    desk.question.refresh_from_db()
    answered = form == "answer" and who in ANSWERERS
    assert desk.question.status == ("answered" if answered else "open")
    assert changed(desk) == ("decided" if answered else "nothing")


def test_who_asked_may_answer_the_agents_question(desk: Desk) -> None:
    Task.objects.filter(pk=desk.question.task_id).update(requested_by=desk.users["agent"])
    assert desk.post("agent", desk.question, form_for(desk.question, "answer")).status_code == 302


def test_a_permission_without_the_group_does_not_sign(desk: Desk) -> None:
    for name in ("superuser", "admin"):
        desk.users[name].user_permissions.add(Permission.objects.get(codename="decide_approval"))
        response = desk.post(name, desk.approvals["open"], form_for(desk.approvals["open"], "approve"))
        assert response.status_code == 403
        assert "somebody from another group" in response.content.decode()


@pytest.mark.parametrize(
    ("who", "form", "state", "status", "words"),
    [
        ("lead", "approve", "open", 200, "Approved"),
        ("lead", "reject", "open", 200, "It is a renewal."),
        ("lead", "approve", "approved", 409, "lars approved this"),
        ("lead", "approve", "rejected", 409, "lars rejected this"),
        ("lead", "reject", "expired", 409, "Nobody answered in time"),
        ("lead", "approve", "overdue", 409, "Nobody answered in time"),
        ("lead", "approve", "cancelled", 409, "not needed any more"),
        ("lead", "approve", "superseded", 409, "Open the new question"),
        ("lead", "approve", "facts changed", 409, "asked again"),
        ("lead", "approve", "wrong hash", 409, "Look at the card again"),
        ("lead", "reject without reason", "open", 422, "The reason is empty"),
        ("lead", "nonsense", "open", 422, "Choose approve or reject"),
        ("viewer", "approve", "open", 403, "Your role may not decide approvals"),
        ("superuser", "approve", "open", 403, "Your role may not decide approvals"),
    ],
)
def test_htmx_gets_the_card_as_it_is_now_and_the_sentence(
    desk: Desk, who: str, form: str, state: str, status: int, words: str
) -> None:
    approval = desk.approvals[state]
    response = desk.post(
        who, approval, form_for(approval, form, state), **{"HX-Request": "true", "HX-Target": "approval"}
    )
    text = response.content.decode()
    assert response.status_code == status
    assert words in text
    assert 'id="approval"' in text
    assert "<html" not in text
    approval.refresh_from_db()
    assert f'data-tone="{approval.status}"' in text


def test_an_approval_that_does_not_exist_is_not_found(desk: Desk) -> None:
    for who in ROLES:
        response = desk.clients[who].post("/approvals/apr_nothing/decide/", {"verdict": "approve"})
        assert response.status_code == 404
