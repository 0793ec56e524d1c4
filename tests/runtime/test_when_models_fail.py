"""Models that refuse, break off, dawdle or are gone: tried again with pauses, then the other model, then visible waiting."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import repeat
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, OperationalError
from django.utils import timezone

from agentdesk.core.errors import Forbidden, Late
from agentdesk.events.models import Kind
from agentdesk.roster.models import AgentVersion
from agentdesk.runtime.failures import FIRST_ATTEMPTS, MAX_ATTEMPTS, Next, plan
from agentdesk.runtime.thinking import Thinkers
from tasks import park
from tasks.models import Task, TaskStatus, Turn, WaitingFor
from tests.runtime.bad_server import (
    Act,
    Handler,
    Server,
    answers,
    asked,
    deltas,
    only_for,
    refuses,
    says,
    thought,
    words,
)
from tests.scripted import Story, drive


def once(story: Story) -> Task:
    """One claim: what was to be tried later is tried now."""
    Task.objects.filter(pk=story.task.pk).update(not_before=None)
    drive(Thinkers())
    story.task.refresh_from_db()
    return story.task


def version(story: Story, **fields: Any) -> None:
    AgentVersion.objects.filter(pk=story.task.agent_version_id).update(**fields)


def why_released(task: Task) -> str:
    event = task.events.filter(kind=Kind.TASK_RELEASED).last()
    assert event is not None
    return str(event.data["why"])


def breaks_off(handler: Handler) -> None:
    handler.start()
    handler.event(
        "response.output_text.delta", item_id="m", output_index=0, content_index=0, delta="It is", logprobs=[]
    )


def is_garbage(handler: Handler) -> None:
    handler.start()
    handler.put(b"data: {this is no JSON}\n\n")


def is_of_other_kinds(handler: Handler) -> None:
    handler.start()
    handler.event("response.completed", response={"output": [{"type": "message", "content": 7}, 3, None]})


def is_incomplete(handler: Handler) -> None:
    handler.start()
    handler.event("response.incomplete", response={"incomplete_details": {"reason": "max_output_tokens"}})


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (refuses(429), "busy"),
        (refuses(500, "boom"), "boom"),
        (refuses(503), "failed"),
        (breaks_off, "broke off"),
        (is_garbage, "no answer"),
        (is_of_other_kinds, "no answer"),
        (is_incomplete, "max_output_tokens"),
        (answers(asked("get_order_details", "{}", "")), "without a name, an id or arguments"),
        (answers(asked("a", "{}", "c1"), asked("a", "{}", "c1")), "id of another tool call"),
    ],
)
def test_a_failing_model_is_tried_again_later_and_nothing_of_its_answer_is_kept(
    told: Story, bad_server: Server, act: Act, said: str
) -> None:
    bad_server.acts = [act, says("It is refunded.")]

    task = once(told)

    assert (task.status, task.attempts) == (TaskStatus.QUEUED, 1)
    assert task.not_before is not None
    assert said in why_released(task)
    assert not Turn.objects.exists()
    assert len(bad_server.requests) == 1, "the client of the API does not retry on its own"
    assert once(told).result == "It is refunded."


def in_seconds(task: Task) -> float:
    assert task.not_before is not None
    return (task.not_before - timezone.now()).total_seconds()


@pytest.mark.parametrize(
    "asks",
    [
        {"Retry_After": "40"},
        {"retry_after_ms": "40000"},
        {"Retry_After": format_datetime(datetime.now(UTC) + timedelta(seconds=300), usegmt=True)},
    ],
)
def test_a_server_that_names_a_time_is_left_alone_until_then(
    told: Story, bad_server: Server, asks: dict[str, str]
) -> None:
    bad_server.acts = [refuses(429, **asks)]
    assert 30 < in_seconds(once(told)) < 301


@pytest.mark.parametrize("asks", ["soon", "-5", "9" * 400, ""])
def test_nonsense_for_a_time_is_no_crash(told: Story, bad_server: Server, asks: str) -> None:
    bad_server.acts = [refuses(429, Retry_After=asks)]
    task = once(told)
    assert task.status == TaskStatus.WAITING if asks.startswith("9") else in_seconds(task) < 2


def test_a_server_that_wants_an_hour_makes_the_task_wait_visibly(told: Story, bad_server: Server) -> None:
    bad_server.acts = [refuses(429, Retry_After="3600")]
    task = once(told)
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.MODEL)
    assert "60 minutes" in task.waiting_note


def test_after_some_tries_the_task_waits_visibly_and_trying_again_finishes_it(
    told: Story, bad_server: Server, ada: User, vera: User
) -> None:
    bad_server.acts = [refuses(503)]
    pauses = []
    for _ in range(MAX_ATTEMPTS - 1):
        assert once(told).status == TaskStatus.QUEUED
        pauses.append(in_seconds(told.task))

    task = once(told)

    assert pauses[0] < pauses[2] < pauses[4] < 60 * 1.2, "the pauses grow"
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.MODEL)
    assert "6 times in a row. Try again" in task.waiting_note
    assert len(bad_server.requests) == MAX_ATTEMPTS
    waited = task.events.get(kind=Kind.TASK_WAITING)
    assert waited.data["why"] == task.waiting_note

    with pytest.raises(Forbidden):
        park.try_again(task, by=vera)
    park.try_again(task, by=ada)

    task.refresh_from_db()
    assert (task.status, task.attempts, task.waiting_note) == (TaskStatus.QUEUED, 0, "")
    again = task.events.filter(kind=Kind.TASK_QUEUED).last()
    assert again is not None
    assert again.by == ada
    with pytest.raises(Late):
        park.try_again(task, by=ada)
    bad_server.acts = [says("It is refunded.")]
    assert once(told).status == TaskStatus.DONE


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (refuses(401), "Check OPENAI_API_KEY"),
        (refuses(403), "Check OPENAI_API_KEY"),
        (refuses(404), "does not know the model first"),
        (refuses(429, code="insufficient_quota"), "no credit left"),
    ],
)
def test_what_people_have_to_mend_waits_at_once_with_the_sentence_that_says_what(
    told: Story, bad_server: Server, act: Act, said: str
) -> None:
    bad_server.acts = [act]

    task = once(told)

    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.MODEL)
    assert said in task.waiting_note
    assert task.waiting_note.endswith("then try again.")
    assert len(bad_server.requests) == 1


def test_a_model_without_a_key_waits_for_one(told: Story, settings: Any) -> None:
    settings.OPENAI_API_KEY = settings.OPENAI_BASE_URL = ""
    task = once(told)
    assert (task.status, task.waiting_for) == (TaskStatus.WAITING, WaitingFor.MODEL)
    assert "needs OPENAI_API_KEY" in task.waiting_note


def test_a_refused_request_fails_because_trying_again_cannot_mend_it(told: Story, bad_server: Server) -> None:
    bad_server.acts = [refuses(400, "context_length_exceeded")]
    task = once(told)
    assert task.status == TaskStatus.FAILED
    assert "context_length_exceeded" in task.failure


def test_after_some_tries_the_fallback_model_answers_and_the_turn_says_so(
    told: Story, bad_server: Server
) -> None:
    version(told, fallback_model="second")
    bad_server.acts = [
        only_for(
            "second",
            answers(asked("get_order_details", f'{{"order":"{told.order.number}"}}', "look")),
            refuses(503),
        )
    ]
    for _ in range(FIRST_ATTEMPTS):
        assert not told.task.turns.exists()
        once(told)
    assert in_time(told.task)
    bad_server.acts = [only_for("second", says("It is refunded."), refuses(503))]

    once(told)

    assert told.task.status != TaskStatus.FAILED
    asked_models = [request["model"] for request in bad_server.requests]
    assert asked_models[: FIRST_ATTEMPTS + 1] == ["first"] * FIRST_ATTEMPTS + ["second"]
    assert set(told.task.turns.values_list("model_name", flat=True)) == {"second"}


def in_time(task: Task) -> bool:
    """There is no reason to leave the other model alone."""
    return task.not_before is None


def test_a_task_stays_with_the_fallback_model_for_its_next_turns(told: Story, bad_server: Server) -> None:
    version(told, fallback_model="second")
    look = asked("get_order_details", f'{{"order":"{told.order.number}"}}', "look")
    bad_server.acts = [refuses(404), answers(look), says("It is refunded.")]

    once(told)
    task = once(told)

    assert task.status == TaskStatus.DONE
    assert [request["model"] for request in bad_server.requests] == ["first", "second", "second"]


def test_when_both_models_fail_the_task_waits(told: Story, bad_server: Server) -> None:
    version(told, fallback_model="second")
    bad_server.acts = [refuses(503)]
    for _ in range(MAX_ATTEMPTS):
        once(told)
    assert told.task.waiting_for == WaitingFor.MODEL
    assert [request["model"] for request in bad_server.requests] == ["first"] * 3 + ["second"] * 3


def test_a_refused_request_is_given_to_the_fallback_model_before_the_task_fails(
    told: Story, bad_server: Server
) -> None:
    version(told, fallback_model="second")
    bad_server.acts = [only_for("second", says("I have room for it."), refuses(400, "too long"))]
    once(told)
    assert once(told).result == "I have room for it."


def test_another_model_is_not_sent_what_only_the_first_one_can_read(told: Story, bad_server: Server) -> None:
    version(told, fallback_model="second")
    look = asked("get_order_details", f'{{"order":"{told.order.number}"}}', "look")
    bad_server.acts = [answers(thought("Let me see."), look), refuses(404), says("Done.")]

    once(told)
    assert once(told).status == TaskStatus.DONE

    own, other = bad_server.requests[1]["input"], bad_server.requests[2]["input"]
    assert any(item.get("type") == "reasoning" for item in own)
    assert not any(item.get("type") == "reasoning" or "id" in item for item in other)
    assert [item["call_id"] for item in other if item.get("type") == "function_call"] == ["look"]


def test_the_fallback_may_be_the_built_in_model(told: Story, bad_server: Server) -> None:
    version(told, fallback_model="offline")
    bad_server.acts = [refuses(401)]
    once(told)
    once(told)
    assert set(told.task.turns.values_list("model_name", flat=True)) == {"offline"}


def drips(handler: Handler) -> None:
    handler.start()
    for _ in range(100):
        handler.event("response.in_progress", response={"output": []})
        if handler.server.hung_up.wait(0.05):
            return


def is_silent(handler: Handler) -> None:
    handler.start()
    handler.put(b": wait for it\n\n")
    for _ in range(100):
        if handler.server.hung_up.wait(0.05):
            return
        handler.put(b": still there\n\n")


@pytest.mark.parametrize(
    ("act", "said"), [(drips, "not complete after 1 seconds"), (is_silent, "silent for 1 seconds")]
)
def test_an_answer_that_does_not_come_is_cut_at_its_deadline(
    told: Story, bad_server: Server, settings: Any, act: Act, said: str
) -> None:
    if act is is_silent:
        settings.MODEL_SILENCE_SECONDS = 1
    else:
        version(told, call_seconds=1)
    bad_server.acts = [act]
    started = time.monotonic()

    task = once(told)

    assert time.monotonic() - started < 4
    assert (task.status, task.attempts) == (TaskStatus.QUEUED, 1)
    assert said in why_released(task)
    assert bad_server.hung_up.wait(5), "the connection was closed"
    assert not Turn.objects.exists()


def test_an_empty_answer_is_explained_to_the_model_which_may_mend_it_at_once(
    told: Story, bad_server: Server
) -> None:
    bad_server.acts = [answers(words("  ")), says("It is refunded.")]

    task = once(told)

    assert task.status == TaskStatus.DONE
    assert task.attempts == 0
    heard = bad_server.requests[1]["input"][-1]
    assert "it was empty" in str(heard)
    assert [turn.text for turn in task.turns.all()] == ["It is refunded."]


def test_a_model_that_stays_empty_is_tried_again_later(told: Story, bad_server: Server) -> None:
    bad_server.acts = [answers(thought("Hm."))]
    task = once(told)
    assert (task.status, task.attempts) == (TaskStatus.QUEUED, 1)
    assert "is empty" in why_released(task)
    assert len(bad_server.requests) == 2


def endless() -> Iterator[str]:
    return repeat("la " * 1000)


def test_an_endless_answer_is_cut_while_it_streams_and_the_model_is_told_once(
    told: Story, bad_server: Server
) -> None:
    bad_server.acts = [deltas(endless()), says("Refunded.")]
    assert once(told).result == "Refunded."
    assert "longer than 1,000,000 characters" in str(bad_server.requests[1]["input"][-1])
    assert bad_server.hung_up.wait(5)


@pytest.mark.parametrize("attempts", [0, 1, 2, 5, 50])
def test_a_database_that_is_away_never_fails_a_task(attempts: int) -> None:
    planned = plan(OperationalError("gone"), attempts=attempts, second=True)
    assert planned.next == Next.AGAIN
    assert planned.attempts <= max(attempts, FIRST_ATTEMPTS - 1), "it is no reason to ask the other model"


def test_what_the_database_refuses_fails_a_task_after_some_tries() -> None:
    assert plan(IntegrityError("twice"), attempts=0).next == Next.AGAIN
    assert plan(IntegrityError("twice"), attempts=MAX_ATTEMPTS - 1).next == Next.FAIL


def test_the_fallback_model_is_not_asked_for_reasoning_it_may_not_have(
    told: Story, bad_server: Server, settings: Any
) -> None:
    settings.REASONING_SUMMARY = "auto"
    version(told, fallback_model="second")
    bad_server.acts = [refuses(404), says("Done.")]
    once(told)
    assert once(told).status == TaskStatus.DONE
    assert ["reasoning" in request for request in bad_server.requests] == [True, False]
