"""Replaying ended tasks: the same thoughts are told as such, the first other one is shown, and nothing changes."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError

from agentdesk.core.errors import DeskError
from agentdesk.runtime.replay import CannotReplay, Verdict, load, read_only, replay
from agentdesk.runtime.thinking import Thinkers
from approvals.decide import decide
from approvals.models import Approval, ApprovalKind
from tasks.models import TERMINAL, Task, TaskStatus, Turn
from tests.factories import TaskFactory, what_migrations_made
from tests.permissions.world import contents
from tests.scripted import MakeStory, Scripted, Story, call, drive, say, tell
from tools.models import ToolCall
from tools.retell import fork, retry
from tools.store.models import Refund


@pytest.fixture
def story(transactional_db: None) -> MakeStory:
    return tell


def told(task: Task, *options: str) -> tuple[int, str]:
    """The command's exit code and what it printed."""
    out = StringIO()
    try:
        call_command("replay", task.public_id, *options, stdout=out)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    except CommandError as error:
        return error.returncode, str(error)
    return 0, out.getvalue()


def sign_everything(signer: User) -> None:
    for approval in Approval.objects.open().filter(kind=ApprovalKind.SIGN_OFF):
        decide(approval, by=signer, verdict="approve", seen=approval.seen_hash)


@pytest.fixture
def ended(story: MakeStory, ada: User, lena: User) -> Task:
    """The refund story, thought by the offline model."""
    s = story(by=ada)
    drive(Thinkers())
    sign_everything(lena)
    drive(Thinkers())
    s.task.refresh_from_db()
    assert s.task.status == TaskStatus.DONE
    return s.task


def test_the_tasks_of_the_demo_are_thought_the_same_way_again(
    transactional_db: None, settings: Any, lena: User, finn: User
) -> None:
    what_migrations_made()
    call_command("sync_agents", stdout=StringIO())
    call_command("seed_demo", stdout=StringIO())
    kept = Task.objects.order_by("id").values_list("pk", flat=True)[:12]
    Task.objects.exclude(pk__in=list(kept)).update(status="done", finished_at="2026-01-01T00:00:00Z")
    for signer in (finn, lena, finn):
        drive(Thinkers())
        for approval in Approval.objects.open().filter(kind=ApprovalKind.SIGN_OFF):
            with suppress(DeskError):  # for somebody else to sign
                decide(approval, by=signer, verdict="approve", seen=approval.seen_hash)
    ended = Task.objects.filter(pk__in=list(kept), status__in=TERMINAL)
    assert len(ended) >= 6
    assert Refund.objects.filter(tool_call__task__in=ended).exists()
    before = contents()

    for task in ended:
        code, said = told(task, "--strict")
        assert code == 0, said
        assert f"Asked again: {task.turns_used}, all with the same calls; in other words: 0." in said

    assert contents() == before


def test_a_replay_changes_nothing_even_where_it_differs(ended: Task) -> None:
    before = contents()
    script = load(ended.public_id)
    script.journal.opening[-1]["content"] = "Please write a poem."
    found = asyncio.run(replay(script, Thinkers()))
    assert found.difference is not None
    assert contents() == before


def test_the_database_itself_refuses_writes_meanwhile(ended: Task) -> None:
    with read_only():
        load(ended.public_id)
        with pytest.raises(DatabaseError, match=r"read-?only"):
            Task.objects.update(title="Changed")
    assert Task.objects.update(title="Changed") == 1, "and takes them again afterwards"


def test_the_first_answer_that_differs_is_shown_with_both_sides(story: MakeStory, ada: User) -> None:
    s = story(by=ada)
    look = call("get_user_data", "user", customer=s.customer.number)
    s.script([look], [call("get_order_details", "order", order=s.order.number)], [say("Nothing to do.")])
    assert s.drive().status == TaskStatus.DONE

    other = Scripted(
        [[call("get_user_data", "another_id", customer=s.customer.number)], [s.refund("x", amount_minor=100)]]
    )
    found = asyncio.run(replay(load(s.task.public_id), other))

    assert [(turn.number, turn.verdict) for turn in found.turns] == [
        (1, Verdict.SAME),
        (2, Verdict.DIFFERENT),
    ]
    difference = found.difference
    assert difference is not None
    assert difference.now is not None
    assert difference.recorded.calls == [("get_order_details", f'{{"order":"{s.order.number}"}}')]
    assert difference.now.calls[0][0] == "issue_refund"
    assert [item.get("call_id") for item in other.heard if item.get("type") == "function_call_output"] == [
        "user"
    ], "it was asked with the recorded transcript"


def test_words_count_only_when_asked_to_be_strict(story: MakeStory, ada: User) -> None:
    s = story(by=ada)
    s.script([say("Nothing to do.")])
    s.drive()

    def again(*, strict: bool) -> Any:
        script = load(s.task.public_id)
        return asyncio.run(replay(script, Scripted([[say("All is well.")]]), strict=strict))

    assert again(strict=False).difference is None
    assert again(strict=False).turns[0].text_differs
    assert again(strict=True).difference.now.text == "All is well."


def change_arguments(call: ToolCall) -> None:
    call.arguments["amount_minor"] = 1


def change_raw(call: ToolCall) -> None:
    call.raw_arguments = call.raw_arguments.replace("29", "1")


def change_tool(call: ToolCall) -> None:
    call.tool = "cancel_order"


def change_result(call: ToolCall) -> None:
    call.result["amount_minor"] = 1


@pytest.mark.parametrize("change", [change_arguments, change_raw, change_tool, change_result])
def test_a_call_that_was_changed_in_the_journal_is_found(ended: Task, change: Any) -> None:
    refund = ended.tool_calls.get(refund__isnull=False)
    change(refund)
    refund.save()
    code, said = told(ended)
    assert code == 1
    assert f"The call {refund.key} was changed after it was recorded" in said


def test_an_answer_that_was_changed_in_the_journal_is_found(ended: Task) -> None:
    turn = ended.tool_calls.get(refund__isnull=False).turn
    kept = [item for item in turn.items if item.get("type") != "function_call"]
    Turn.objects.filter(pk=turn.pk).update(items=kept)
    code, said = told(ended)
    assert (code, "is not among those that the model asked for" in said) == (1, True)


def test_what_the_model_was_told_shows_in_what_it_says_then(ended: Task) -> None:
    first = ended.tool_calls.filter(tool="get_order_details").first()
    assert first is not None
    ToolCall.objects.filter(pk=first.pk).update(output='{"error":"There is no such order."}', status="failed")
    code, said = told(ended, "--json")
    found = json.loads(said)
    assert (code, found["same"]) == (1, False)
    assert found["first_difference"] > first.turn.number


def test_turns_that_were_taken_over_are_not_asked_again(ended: Task, ada: User, lena: User) -> None:
    forked = fork(ended, turn=4, by=ada)
    drive(Thinkers())
    sign_everything(lena)
    drive(Thinkers())
    forked.refresh_from_db()
    assert forked.status in TERMINAL

    code, said = told(forked, "--json")
    verdicts = [turn["verdict"] for turn in json.loads(said)["turns"]]
    assert code == 0
    assert verdicts[:3] == ["taken over"] * 3
    assert set(verdicts[3:]) == {"same"}


def test_what_cannot_be_replayed_says_why(story: MakeStory, ada: User, settings: Any) -> None:
    s = story(by=ada)
    assert told(s.task)[0] == 2, "it is not ended"
    assert told(TaskFactory(status="failed"))[0] == 2, "nobody was asked"
    code, said = told(Task(public_id="tsk_nothing"))
    assert (code, "There is no task" in said) == (2, True)
    s.script([say("Done.")])
    s.drive()
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    code, said = told(s.task, "--model", "gpt-other")
    assert (code, "needs OPENAI_API_KEY" in said) == (2, True)
    with pytest.raises(CannotReplay, match="gave no answer to turn 1: boom"):
        asyncio.run(replay(load(s.task.public_id), Scripted([RuntimeError("boom")])))


def test_a_retry_is_replayed_from_where_it_went_on(story: MakeStory, ada: User) -> None:
    s: Story = story(by=ada)
    s.script([call("get_user_data", "user", customer=s.customer.number)], RuntimeError("boom"))
    s.drive()
    Task.objects.filter(pk=s.task.pk).update(status="failed", failure="Gone.", finished_at=s.task.created_at)
    again = retry(s.task, by=ada)
    drive(Scripted([[say("Done.")]]))
    again.refresh_from_db()
    thinkers = Scripted([[say("Done.")]])
    found = asyncio.run(replay(load(again.public_id), thinkers))
    assert [turn.verdict for turn in found.turns] == [Verdict.TAKEN_OVER, Verdict.SAME]
