"""Deciding inside the admin is the desk's own action with the desk's own rules."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User

from approvals.models import Approval, ApprovalStatus, Decision
from tests.admin.conftest import Enter
from tests.scripted import Story, call, say, tell


@pytest.fixture
def asked(transactional_db: None, ada: User) -> Approval:
    """The scripted story up to its open sign-off of a refund that ada's task wants."""
    story: Story = tell(by=ada)
    story.script([story.refund()], [say("Done.")])
    story.drive()
    return Approval.objects.get()


def card(approval: Approval) -> str:
    return f"/admin/approvals/approval/{approval.pk}/change/"


def decide(approval: Approval) -> str:
    return f"/admin/approvals/approval/{approval.pk}/decide/"


def test_the_card_in_the_admin_carries_the_desks_form(asked: Approval, lena: User, enter: Enter) -> None:
    html = enter(lena).get(card(asked)).content.decode()

    assert f'action="{decide(asked)}"' in html
    assert f'name="seen" value="{asked.seen_hash}"' in html
    assert "Approve $" in html
    assert asked.get_absolute_url() in html, "the same card on the desk"


def test_the_queue_in_the_admin_opens_cards_in_the_admin(asked: Approval, lena: User, enter: Enter) -> None:
    html = enter(lena).get("/admin/approvals/queue/").content.decode()

    assert f'href="{card(asked)}"' in html


def test_a_lead_approves_in_the_admin(asked: Approval, lena: User, enter: Enter) -> None:
    client = enter(lena)
    seen = re.search(r'name="seen" value="(\w+)"', client.get(card(asked)).content.decode())
    assert seen is not None

    answer = client.post(decide(asked), {"verdict": "approve", "reason": "", "seen": seen[1]})

    assert answer["Location"] == card(asked)
    asked.refresh_from_db()
    assert asked.status == ApprovalStatus.APPROVED
    assert Decision.objects.get().decided_by == lena


def test_the_requester_is_refused_as_on_the_desk(asked: Approval, ada: User, enter: Enter) -> None:
    answer = enter(ada).post(decide(asked), {"verdict": "approve", "seen": asked.seen_hash})

    assert answer.status_code == 403
    assert not Decision.objects.exists()


def test_a_superuser_and_an_auditor_sign_nothing(
    asked: Approval, audrey: User, root: User, enter: Enter
) -> None:
    for user in (audrey, root):
        assert (
            enter(user).post(decide(asked), {"verdict": "approve", "seen": asked.seen_hash}).status_code
            == 403
        )
    assert not Decision.objects.exists()


def test_a_rejection_without_a_reason_comes_back_with_the_card(
    asked: Approval, lena: User, enter: Enter
) -> None:
    answer = enter(lena).post(decide(asked), {"verdict": "reject", "reason": " ", "seen": asked.seen_hash})

    assert answer.status_code == 422
    assert "The reason is empty" in answer.content.decode()
    assert not Decision.objects.exists()


def test_a_stale_card_and_a_late_answer_are_told_so(
    asked: Approval, lena: User, finn: User, enter: Enter
) -> None:
    stale = enter(lena).post(decide(asked), {"verdict": "approve", "seen": "0" * 64})
    assert stale.status_code == 409
    assert "not what is asked now" in stale.content.decode()

    enter(lena).post(decide(asked), {"verdict": "reject", "reason": "Clause 2.", "seen": asked.seen_hash})
    late = enter(finn).post(decide(asked), {"verdict": "approve", "seen": asked.seen_hash})

    assert late.status_code == 409
    assert "rejected this" in late.content.decode()
    assert Decision.objects.count() == 1


def test_a_look_decides_nothing(asked: Approval, lena: User, enter: Enter) -> None:
    assert enter(lena).get(decide(asked), {"verdict": "approve", "seen": asked.seen_hash}).status_code == 405
    assert not Decision.objects.exists()


def test_a_viewer_does_not_reach_it(asked: Approval, vera: User, enter: Enter) -> None:
    answer = enter(vera).post(decide(asked), {"verdict": "approve", "seen": asked.seen_hash})

    assert answer["Location"].startswith("/admin/login/")


def test_an_agent_answers_a_question_in_the_admin(transactional_db: None, ada: User, enter: Enter) -> None:
    story = tell(by=ada)
    story.script([call("ask_person", "ask", question="Voucher or money?")], [say("Done.")])
    story.drive()
    question = Approval.objects.get()

    answer = enter(ada).post(
        decide(question), {"verdict": "answer", "reason": "Money.", "seen": question.seen_hash}
    )

    assert answer.status_code == 302
    question.refresh_from_db()
    assert question.status == ApprovalStatus.ANSWERED
