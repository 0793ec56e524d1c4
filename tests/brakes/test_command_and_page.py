"""One click on the desk, one command in a terminal, and a banner on every page."""

from __future__ import annotations

from io import StringIO

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from agentdesk.brakes.models import Brake
from agentdesk.brakes.pulled import pulled
from tasks.models import TaskStatus, WaitingFor
from tests.factories import TaskFactory, support_version
from tools.braking import pull

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("brake", *words, stdout=out)
    return out.getvalue()


def test_the_command_pulls_lists_and_releases(lena: User, finn: User) -> None:
    TaskFactory(status=TaskStatus.WAITING, waiting_for=WaitingFor.BRAKE)
    run("pull", "effects", "--tool", "issue_refund", "--reason", "Looks wrong.", "--as", "lena")
    assert run("list").startswith("effects --tool issue_refund\tissue_refund changes nothing")
    with pytest.raises(CommandError, match="may not release"):
        run("release", "effects", "--tool", "issue_refund", "--reason", "Fine.", "--as", "lena")
    with pytest.raises(CommandError, match="No such brake"):
        run("release", "effects", "--reason", "Fine.", "--as", "finn")
    assert "1 waiting task go on" in run(
        "release", "effects", "--tool", "issue_refund", "--reason", "Fine.", "--as", "finn"
    )
    assert run("list") == ""
    with pytest.raises(CommandError, match="no active user"):
        run("pull", "take", "--reason", "Upgrade.", "--as", "nobody")


def test_the_page_pulls_and_releases_by_plain_forms(client: Client, finn: User) -> None:
    support_version()
    client.force_login(finn)
    page = client.get(reverse("desk:brakes")).content.decode()
    assert "No brake is pulled." in page
    assert 'value="tool:issue_refund"' in page
    assert 'value="agent:support"' in page

    answer = client.post(
        reverse("desk:brake_pull"), {"depth": "effects", "scope": "agent:support", "reason": "Look first."}
    )
    assert (answer.status_code, answer["Location"]) == (302, reverse("desk:brakes"))
    brake = Brake.objects.get()
    assert (brake.agent.name, brake.pulled_by) == ("support", finn)

    answer = client.post(reverse("desk:brake_release", args=[brake.public_id]), {"reason": "Looked."})
    assert answer.status_code == 302
    assert pulled() == []
    history = client.get(reverse("desk:brakes")).content.decode()
    assert "Look first." in history
    assert "Looked." in history


@pytest.mark.parametrize(
    ("form", "status", "sentence"),
    [
        ({"depth": "effects", "scope": "", "reason": ""}, 422, "The reason is empty"),
        ({"depth": "all", "scope": "", "reason": "x"}, 422, "There is no depth"),
        ({"depth": "take", "scope": "tool:issue_refund", "reason": "x"}, 422, "cannot stop the tool"),
        ({"depth": "take", "scope": "role:lead", "reason": "x"}, 422, "Choose what the brake is for"),
        ({"depth": "decide", "scope": "", "reason": "x"}, 409, "pulled already"),
    ],
)
def test_a_refused_form_comes_back_with_the_reason(
    client: Client, lena: User, form: dict[str, str], status: int, sentence: str
) -> None:
    pull("decide", by=lena, reason="A stolen account signs.")
    client.force_login(lena)
    answer = client.post(reverse("desk:brake_pull"), form)
    assert answer.status_code == status
    assert sentence in answer.content.decode() or form["depth"] == "all"
    assert len(pulled()) == 1


def test_every_page_says_what_is_stopped_by_whom_and_why_and_spells_out_deceptive_text(
    client: Client, lena: User, audrey: User
) -> None:
    pull("effects", by=lena, reason="Odd \u202e<b>text</b>")
    client.force_login(audrey)
    for name in (
        "desk:dashboard",
        "desk:approvals",
        "desk:tickets",
        "desk:tasks",
        "desk:brakes",
        "admin:index",
    ):
        page = client.get(reverse(name)).content.decode()
        assert "No tool changes anything." in page, name
        assert "lena pulled the brake" in page
        assert "Odd ⟨U+202E⟩&lt;b&gt;text&lt;/b&gt;" in page
    assert "No tool changes anything." not in Client().get("/accounts/login/").content.decode()


def test_open_pages_renew_their_banner_with_the_count_in_the_navigation(client: Client, lena: User) -> None:
    client.force_login(lena)
    pull("take", by=lena, reason="Upgrade.")
    part = client.get(
        reverse("desk:approvals"), headers={"HX-Request": "true", "HX-Target": "waiting-count"}
    ).content.decode()
    assert 'id="waiting-count"' in part
    assert 'id="brake-banner"' in part
    assert "Agents take up no tasks." in part


def test_a_card_offers_no_buttons_while_deciding_is_stopped(client: Client, lena: User, finn: User) -> None:
    from tests.permissions.world import waiting_refund

    approval = waiting_refund()
    client.force_login(finn)
    url = approval.get_absolute_url()
    assert 'name="verdict"' in client.get(url).content.decode()
    pull("decide", by=lena, reason="A stolen account signs.")
    page = client.get(url).content.decode()
    assert 'name="verdict"' not in page
    assert "A stolen account signs." in page
    answer = client.post(
        reverse("desk:decide", args=[approval.public_id]), {"verdict": "approve", "seen": approval.seen_hash}
    )
    assert answer.status_code == 409
    assert not approval.decisions.exists()


def test_a_task_that_waits_for_a_brake_says_so_and_leads_there(client: Client, vera: User) -> None:
    task = TaskFactory(
        status=TaskStatus.WAITING,
        waiting_for=WaitingFor.BRAKE,
        waiting_note="No tool changes anything: look first.",
    )
    client.force_login(vera)
    page = client.get(task.get_absolute_url()).content.decode()
    assert "No tool changes anything: look first." in page
    assert f'href="{reverse("desk:brakes")}"' in page


def test_a_queued_task_says_which_brake_keeps_it_there(client: Client, vera: User, lena: User) -> None:
    task = TaskFactory()
    client.force_login(vera)
    assert "it starts by itself" in client.get(task.get_absolute_url()).content.decode()
    pull("take", by=lena, reason="Upgrade.")
    page = client.get(task.get_absolute_url()).content.decode()
    assert "it starts by itself" not in page
    assert "Upgrade." in page
