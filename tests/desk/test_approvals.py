"""The approval pages: the queue, the card, and deciding with an ordinary form."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from approvals.cancel import cancel_task
from approvals.decide import decide
from approvals.models import Approval, ApprovalStatus, Decision
from tasks.models import TaskStatus
from tests.desk.cases import AGENT_SAYS, CUSTOMER_SAYS, asked_question, form_of, wanted_refund
from tools.store.models import Order


class Buttons(HTMLParser):
    """The submit buttons of the decision form, in their order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.verdicts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "button" and given.get("name") == "verdict":
            self.verdicts.append(given["value"] or "")


def page_of(browser, approval, **kwargs):
    return browser.get(approval.get_absolute_url(), **kwargs).content.decode()


def post(browser, approval, form, **kwargs):
    return browser.post(f"/approvals/{approval.public_id}/decide/", form, **kwargs)


def test_the_queue_puts_mine_first_and_says_why_the_others_are_not(as_, lena):
    small, large = wanted_refund(), wanted_refund(charges=(48_000,))
    page = as_(lena).get("/approvals/").content.decode()
    assert (
        page.index(small.get_absolute_url())
        < page.index("Waiting for others")
        < page.index(large.get_absolute_url())
    )
    assert "This amount needs somebody from another group." in page


def test_an_empty_queue_explains_itself(as_, lena):
    assert "Nothing waits for you." in as_(lena).get("/approvals/").content.decode()


def test_the_card_shows_facts_then_the_customers_words_then_the_agents(as_, lena):
    page = page_of(as_(lena), wanted_refund())
    places = [
        page.index(words) for words in ("Refunded so far", CUSTOMER_SAYS, "it may be wrong", AGENT_SAYS)
    ]
    assert places == sorted(places)


def test_the_form_carries_what_was_seen_and_approve_is_not_its_first_button(as_, lena):
    approval = wanted_refund()
    page = page_of(as_(lena), approval)
    assert f'name="seen" value="{approval.seen_hash}"' in page
    assert Buttons(page).verdicts == ["reject", "approve"]
    assert "Approve $29.00" in page


@pytest.mark.parametrize("who", ["vera", "ada", "audrey", "adam"])
def test_who_may_not_sign_reads_why_instead_of_buttons(as_, who, request):
    page = page_of(as_(request.getfixturevalue(who)), wanted_refund())
    assert Buttons(page).verdicts == []
    assert "Your role may not decide approvals." in page


def test_the_requester_reads_that_somebody_else_has_to_sign(as_, lena):
    page = page_of(as_(lena), wanted_refund(by=lena))
    assert Buttons(page).verdicts == []
    assert "You asked for this task, so somebody else has to sign." in page


def test_approving_returns_to_the_card_and_the_task_goes_on(as_, lena):
    approval = wanted_refund()
    response = post(as_(lena), approval, form_of(approval, "approve"))
    assert (response.status_code, response["Location"]) == (302, approval.get_absolute_url())
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.APPROVED
    assert approval.task.status == TaskStatus.QUEUED


def test_rejecting_with_a_reason_shows_who_when_and_why(as_, lena, vera):
    approval = wanted_refund()
    assert (
        post(as_(lena), approval, form_of(approval, "reject", "Only one charge was captured.")).status_code
        == 302
    )
    page = page_of(as_(vera), approval)
    assert "Rejected" in page
    assert "lena" in page
    assert "Only one charge was captured." in page
    assert "The facts when it was asked" in page


def test_rejecting_without_a_reason_is_422_at_the_field_and_decides_nothing(as_, lena):
    approval = wanted_refund()
    response = post(as_(lena), approval, form_of(approval, "reject", "  "))
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.content.decode()
    assert not Decision.objects.exists()


@pytest.mark.parametrize("verdict", ["", "answer", "delete"])
def test_an_unknown_verdict_is_422(as_, lena, verdict):
    approval = wanted_refund()
    assert post(as_(lena), approval, form_of(approval, verdict, "Because.")).status_code == 422
    assert not Decision.objects.exists()


def test_a_reason_that_is_too_long_is_422_and_stays_in_the_form(as_, lena):
    approval = wanted_refund()
    response = post(as_(lena), approval, form_of(approval, "reject", "long " * 500))
    assert response.status_code == 422
    assert "long long" in response.content.decode()


@pytest.mark.parametrize("who", ["vera", "ada", "audrey", "adam"])
def test_deciding_without_the_right_is_403_and_decides_nothing(as_, who, request, db):
    approval = wanted_refund()
    response = post(as_(request.getfixturevalue(who)), approval, form_of(approval, "approve"))
    assert response.status_code == 403
    assert not Decision.objects.exists()


def test_the_second_approver_gets_409_and_reads_who_won(as_, lena, finn):
    approval = wanted_refund()
    decide(approval, by=finn, verdict="approve", seen=approval.seen_hash)
    response = post(as_(lena), approval, form_of(approval, "reject", "No."))
    assert response.status_code == 409
    assert "finn approved this" in response.content.decode()
    assert Decision.objects.count() == 1


def test_a_hash_that_was_not_shown_is_409_and_decides_nothing(as_, lena):
    approval = wanted_refund()
    response = post(as_(lena), approval, {"verdict": "approve", "seen": "0" * 64})
    assert response.status_code == 409
    assert approval.seen_hash in response.content.decode(), "the present state comes back with the refusal"
    assert not Decision.objects.exists()


def test_when_the_order_changed_the_card_leads_to_the_new_question(as_, lena):
    approval = wanted_refund()
    Order.objects.update(status="cancelled")
    response = post(as_(lena), approval, form_of(approval, "approve"))
    assert response.status_code == 409
    again = Approval.objects.open().get()
    assert again.get_absolute_url() in response.content.decode()
    assert not Decision.objects.exists()


def test_a_cancelled_task_withdraws_the_question_and_a_late_decision_is_refused_kindly(as_, lena, ada):
    approval = wanted_refund()
    cancel_task(approval.task, by=ada)
    response = post(as_(lena), approval, form_of(approval, "approve"))
    assert response.status_code == 409
    assert "not needed any more" in response.content.decode()


def test_getting_the_address_of_a_decision_is_not_allowed(as_, lena):
    approval = wanted_refund()
    assert as_(lena).get(f"/approvals/{approval.public_id}/decide/").status_code == 405


def test_htmx_gets_the_card_as_a_fragment_whatever_becomes_of_it(as_, lena, htmx):
    approval = wanted_refund()
    refused = post(as_(lena), approval, form_of(approval, "reject"), headers=htmx("approval"))
    assert refused.status_code == 422
    done = post(as_(lena), approval, form_of(approval, "approve"), headers=htmx("approval"))
    assert done.status_code == 200
    for response in (refused, done):
        page = response.content.decode()
        assert "<html" not in page
        assert 'id="approval"' in page
        assert f'hx-get="{approval.get_absolute_url()}"' in page, (
            "it renews itself from the card, not from the decision"
        )


def test_two_signatures_are_shown_as_they_come(as_, lena, finn):
    approval = wanted_refund(charges=(129_900,))
    assert post(as_(lena), approval, form_of(approval, "approve")).status_code == 302
    page = page_of(as_(finn), approval)
    assert "lena" in page
    assert Buttons(page).verdicts == ["reject", "approve"]
    assert post(as_(finn), approval, form_of(approval, "approve")).status_code == 302
    approval.refresh_from_db()
    assert approval.status == ApprovalStatus.APPROVED


def test_a_question_is_answered_by_an_agent_and_the_answer_is_kept(as_, ada):
    approval = asked_question()
    page = page_of(as_(ada), approval)
    assert "Which of the two orders is meant?" in page
    assert Buttons(page).verdicts == ["answer"]
    assert post(as_(ada), approval, form_of(approval, "answer", "The newer one.")).status_code == 302
    assert "The newer one." in page_of(as_(ada), approval)
