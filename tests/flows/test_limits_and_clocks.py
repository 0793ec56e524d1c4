"""What ends, delays or continues a task: expiry, thresholds, limits, cancellation in the middle, earlier tasks."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from agents.testing import ModelStep
from django.contrib.auth.models import User
from django.utils import timezone

from agentdesk.roster.models import AgentVersion
from approvals.cancel import cancel_task
from approvals.decide import decide
from approvals.expire import expire_due
from approvals.models import Approval, ApprovalStatus, PolicyVersion
from approvals.policies import current, publish
from tasks.intake import start_task
from tasks.models import TaskStatus, WaitingFor
from tasks.park import extend
from tests.factories import role
from tests.scripted import MakeStory, Scripted, Story, call, drive, say
from tools.models import CallStatus
from tools.store.models import Refund


def limit(story: Story, **limits: int) -> None:
    AgentVersion.objects.filter(pk=story.task.agent_version_id).update(**limits)


def test_nobody_answering_is_told_as_that_and_moves_no_money(story: MakeStory) -> None:
    s = story()
    thinkers = s.script([s.refund()], [say("Nobody could decide, I left a note.")])
    s.drive()
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert expire_due() == 1
    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert json.loads(thinkers.outputs()["refund"]) == {"expired": "nobody answered in time"}
    assert Approval.objects.get().status == ApprovalStatus.EXPIRED
    assert not Refund.objects.exists()


def test_a_sign_off_that_ran_out_before_the_effect_is_asked_again(story: MakeStory, lena: User) -> None:
    s = story()
    s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)
    Approval.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    task = s.drive()

    assert task.status == TaskStatus.WAITING
    assert s.approval().pk != approval.pk
    assert not Refund.objects.exists()


def with_threshold(adam: User, ask_from: int) -> PolicyVersion:
    _, rules = current()
    changed: dict[str, Any] = rules.model_dump(mode="json")
    for rule in changed["rules"]:
        rule["ask_from"] = ask_from
    role("lead")
    return publish(rules=changed, reason="Small refunds need nobody.", by=adam)


def test_below_the_amount_from_which_the_policy_asks_nobody_is_asked(story: MakeStory, adam: User) -> None:
    s = story()
    with_threshold(adam, 2901)
    s.script([s.refund()], [say("Done.")])

    assert s.drive().status == TaskStatus.DONE

    assert Refund.objects.get().amount_minor == 2900
    assert not Approval.objects.exists()


def test_at_the_amount_from_which_the_policy_asks_a_person_is_asked(story: MakeStory, adam: User) -> None:
    s = story()
    with_threshold(adam, 2900)
    s.script([s.refund()], [say("Done.")])

    assert s.drive().status == TaskStatus.WAITING
    assert not Refund.objects.exists()


def test_a_policy_that_changed_while_an_approval_was_open_is_asked_again_under_the_new_one(
    story: MakeStory, adam: User, lena: User
) -> None:
    s = story()
    s.script([s.refund()], [say("Done.")])
    s.drive()
    approval = s.approval()
    version = with_threshold(adam, 100)

    with pytest.raises(Exception, match="asked again"):
        decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

    again = s.approval()
    assert again.policy_version == version
    decide(again, by=lena, verdict="approve", seen=again.seen_hash)
    assert s.drive().status == TaskStatus.DONE


def test_the_composite_tool_passes_the_same_gate(story: MakeStory, lena: User) -> None:
    s = story()
    s.script(
        [call("refund_duplicate_charge", "composite", order=s.order.number, reason="Charged twice.")],
        [say("Done.")],
    )
    assert s.drive().status == TaskStatus.WAITING
    assert not Refund.objects.exists()
    approval = s.approval()
    assert (approval.amount_minor, approval.currency) == (2900, "USD")

    decide(approval, by=lena, verdict="approve", seen=approval.seen_hash)

    assert s.drive().status == TaskStatus.DONE
    assert Refund.objects.get().amount_minor == 2900


def test_calls_beyond_the_limit_are_refused_and_the_model_is_told_once_it_may_go_on(
    story: MakeStory, lena: User
) -> None:
    s = story()
    limit(s, max_tool_calls=2)
    thinkers = s.script(
        [call("get_order_details", f"look{n}", order=s.order.number) for n in range(4)],
        [say("That is enough.")],
    )

    task = s.drive()
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.LIMIT)
    extend(task, by=lena, key="task.tool_calls", amount="1", reason="Let it finish.")
    task = s.drive()

    assert task.status == TaskStatus.DONE
    assert (
        list(task.tool_calls.values_list("status", flat=True))
        == [CallStatus.DONE] * 2 + [CallStatus.FAILED] * 2
    )
    assert "limit of tool calls" in thinkers.outputs()["look3"]


def test_a_task_cancelled_while_a_worker_runs_it_stays_cancelled(story: MakeStory, ada: User) -> None:
    s = story()

    def cancel_meanwhile(_: Any) -> Any:
        import threading

        from django.db import connection

        def act() -> None:
            cancel_task(s.task, by=ada)
            connection.close()

        person = threading.Thread(target=act)  # another process' connection, as a person's click is
        person.start()
        person.join()
        return [s.refund()]

    s.script(ModelStep.respond(cancel_meanwhile), [say("never said")])

    task = s.drive()

    assert task.status == TaskStatus.CANCELLED
    assert not task.turns.exists(), "who lost the claim writes nothing"
    assert not Approval.objects.exists()


def test_a_continued_task_knows_what_was_asked_and_answered_before(story: MakeStory) -> None:
    s = story()
    s.script([say("It was refunded in May.")])
    earlier = s.drive()
    task = start_task(goal="And in June?", previous=earlier)
    thinkers = Scripted([[say("No.")]])

    drive(thinkers)

    task.refresh_from_db()
    assert task.result == "No."
    said = [(item["role"], item["content"]) for item in thinkers.heard if "role" in item]
    assert said[0] == ("user", earlier.goal)
    assert said[1] == ("assistant", "It was refunded in May.")
    assert said[2] == ("user", "And in June?")
