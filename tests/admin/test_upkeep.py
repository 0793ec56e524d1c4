"""What staff keep up to date in the admin: customers, runbooks, and API tokens, which they can only end."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from agentdesk.api.models import Token
from tasks.models import Customer
from tests.admin.conftest import Enter
from tests.factories import CustomerFactory, RunbookFactory, TicketFactory
from tools.library.models import Runbook


@pytest.fixture
def token(ada: User) -> Token:
    return Token.objects.create(user=ada, name="import script", digest="d" * 64)


def test_a_changed_runbook_is_a_new_version(adam: User, enter: Enter) -> None:
    runbook: Runbook = RunbookFactory()
    client, url = enter(adam), f"/admin/library/runbook/{runbook.pk}/change/"

    client.post(url, {"title": "Double charge", "body": runbook.body})
    runbook.refresh_from_db()
    assert (runbook.title, runbook.version) == ("Double charge", 1)

    client.post(url, {"title": "Double charge", "body": "1. Refund both."})
    runbook.refresh_from_db()
    assert (runbook.body, runbook.version) == ("1. Refund both.", 2)


def test_a_runbook_keeps_its_category(adam: User, enter: Enter) -> None:
    runbook: Runbook = RunbookFactory()

    enter(adam).post(
        f"/admin/library/runbook/{runbook.pk}/change/",
        {"title": "T", "body": "B", "category": "fraud", "version": 99},
    )

    runbook.refresh_from_db()
    assert (runbook.category, runbook.version) == ("duplicate_charge", 2)


def test_a_customer_is_kept_up_to_date(adam: User, enter: Enter) -> None:
    customer: Customer = CustomerFactory()
    TicketFactory(customer=customer)
    client, url = enter(adam), f"/admin/tasks/customer/{customer.pk}/change/"
    form = {
        "number": customer.number,
        "name": "Maya Lind",
        "email": customer.email,
        "tier": "plus",
        "since": "2023-03-01",
        "notes": "",
    }

    assert "1 tickets" in client.get(url).content.decode()
    assert client.post(url, form).status_code == 302
    customer.refresh_from_db()
    assert (customer.name, customer.tier) == ("Maya Lind", "plus")
    assert client.post(url, {**form, "email": "nonsense"}).status_code == 200
    assert client.post(f"/admin/tasks/customer/{customer.pk}/delete/", {"post": "yes"}).status_code == 403


def test_an_admin_revokes_a_token_once(token: Token, adam: User, enter: Enter) -> None:
    client = enter(adam)
    assert "Revoke this token" in client.get(f"/admin/api/token/{token.pk}/change/").content.decode()

    client.post(f"/admin/api/token/{token.pk}/revoke/")
    token.refresh_from_db()
    first = token.revoked_at
    client.post(f"/admin/api/token/{token.pk}/revoke/")

    token.refresh_from_db()
    assert first is not None
    assert token.revoked_at == first
    assert LogEntry.objects.filter(user=adam, object_id=str(token.pk)).count() == 1


def test_an_auditor_sees_tokens_and_ends_none(token: Token, audrey: User, enter: Enter) -> None:
    client = enter(audrey)

    html = client.get(f"/admin/api/token/{token.pk}/change/").content.decode()

    assert token.name in html
    assert token.digest not in html
    assert "Revoke this token" not in html
    assert client.post(f"/admin/api/token/{token.pk}/revoke/").status_code == 403
    token.refresh_from_db()
    assert token.revoked_at is None


def test_a_token_ends_by_post_only_and_is_never_made_here(
    token: Token, adam: User, root: User, enter: Enter, client: Client
) -> None:
    assert enter(adam).get(f"/admin/api/token/{token.pk}/revoke/").status_code == 405
    assert enter(adam).post("/admin/api/token/999999/revoke/").status_code == 404
    assert enter(root).get("/admin/api/token/add/").status_code == 403
    client.post(f"/admin/api/token/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is None, "a stranger ends nothing"
