"""Seeding the demo: the same shop everywhere, made once, and never over what is here already."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from agentdesk.desk.demo.accounts import ACCOUNTS
from tasks.models import Customer, Task, Ticket
from tests.factories import CustomerFactory, support_version
from tools.library.models import Category, Runbook
from tools.store.models import Charge, Order, OrderLine, Refund

pytestmark = pytest.mark.django_db


def seed(*options: str) -> str:
    out = StringIO()
    call_command("seed_demo", *options, stdout=out)
    return out.getvalue()


@pytest.fixture
def desk(settings):
    """A demo desk with an agent that takes tickets."""
    settings.DEMO = True
    settings.DEMO_PASSWORD = "open-sesame"
    return support_version()


def fingerprint() -> list[tuple[object, ...]]:
    """Everything about the shop that must not change from machine to machine."""
    return [
        *Customer.objects.order_by("number").values_list("number", "name", "email", "tier"),
        *Order.objects.order_by("number").values_list(
            "number", "customer__number", "status", "captured_minor", "refunded_minor"
        ),
        *OrderLine.objects.order_by("order__number", "id").values_list(
            "order__number", "sku", "quantity", "unit_price_minor"
        ),
        *Charge.objects.order_by("number").values_list(
            "number", "order__number", "amount_minor", "description"
        ),
        *Refund.objects.order_by("number").values_list("number", "charge__number", "amount_minor", "reason"),
    ]


def test_a_second_run_adds_nothing(desk):
    seed()
    before = fingerprint()
    assert seed() == "The demo is complete; nothing to do.\n"
    assert fingerprint() == before
    assert Ticket.objects.count() == 40


def test_the_shop_is_the_same_on_every_machine_and_day(desk, monkeypatch):
    seed("--no-tickets")
    first = fingerprint()
    for model in (Refund, Charge, OrderLine, Order, Customer):
        model.objects.all().delete()
    later = timezone.localdate() + timedelta(days=41)
    monkeypatch.setattr(timezone, "localdate", lambda: later)
    seed("--no-tickets")
    assert fingerprint() == first


def test_there_is_one_account_a_role_that_can_log_in(desk, client):
    seed("--no-tickets")
    assert set(User.objects.values_list("username", flat=True)) == set(ACCOUNTS)
    for role in ACCOUNTS:
        user = User.objects.get(username=role)
        assert [group.name for group in user.groups.all()] == [role]
        assert user.is_staff == (role != "viewer")
        assert not user.is_superuser
        assert client.login(username=role, password="open-sesame")


def test_a_desk_that_is_no_demo_gets_no_known_passwords(desk, settings):
    settings.DEMO = False
    seed("--no-tickets")
    assert not User.objects.exists()


def test_an_account_that_is_there_keeps_its_password(desk, lena):
    User.objects.filter(pk=lena.pk).update(username="lead", password="kept")
    seed("--no-tickets")
    assert User.objects.get(username="lead").password == "kept"


def test_without_tickets_nobody_gets_work_until_it_is_asked_for(desk):
    seed("--no-tickets")
    assert not Task.objects.exists()
    assert seed() == "Made 40 tickets, each a task in the queue.\n"


def test_a_ticket_that_was_lost_on_the_way_is_opened_again(desk):
    seed()
    lost = Ticket.objects.get(external_id="demo-017")
    Ticket.objects.filter(pk=lost.pk).update(external_id=None)
    assert seed() == "Made 1 ticket, each a task in the queue.\n"


def test_a_desk_with_other_customers_under_these_numbers_is_left_alone(desk):
    CustomerFactory(number="C-1001")
    with pytest.raises(CommandError, match="Seed an empty desk"):
        seed()
    assert Customer.objects.count() == 1


def test_a_runbook_that_staff_changed_stays_as_it_is(desk):
    Runbook.objects.create(category=Category.RETURN, title="Ours", body="1. Ask Ada.")
    assert seed("--no-tickets").startswith("Made 14 runbooks.")
    assert Runbook.objects.get(category=Category.RETURN).title == "Ours"


def test_every_runbook_has_numbered_clauses(desk):
    seed("--no-tickets")
    for runbook in Runbook.objects.all():
        assert runbook.title
        assert "\n1. " in f"\n{runbook.body}", runbook
        assert "\n4. " in runbook.body, runbook
