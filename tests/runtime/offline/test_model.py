"""What the SDK gets: well-formed streams, unique ids, and the same answer from the same conversation."""

from __future__ import annotations

import json
import time

import pytest
from agents import ModelSettings, ModelTracing
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage

from agentdesk.runtime.offline.model import OfflineModel
from agentdesk.runtime.offline.stream import count_tokens
from tests.runtime.offline.fake_shop import TODAY, Shop, order, run, subscription_charged_twice, ticket

GOAL = ticket("I was charged twice for my monthly subscription")
STORIES = {
    "duplicate": (lambda: Shop([subscription_charged_twice()]), GOAL),
    "refused": (lambda: Shop([subscription_charged_twice()], instead={"issue_refund": [{"refused": "Refund only $10 instead."}]}), GOAL),
    "asked": (lambda: Shop([order("A-1010", ("Mug", 1, 900))], answers=["damaged item", "refund $5"]), ticket("hello", "help")),
    "cancelled": (lambda: Shop([order("A-1030", ("Lamp", 1, 900), status="placed", delivered=None)]), ticket("cancel my order")),
    "nobody": (lambda: Shop([]), "charged twice"),
}  # fmt: skip


def asked(items, tools):
    return {
        "system_instructions": "Help.", "input": items, "model_settings": ModelSettings(), "tools": tools, "output_schema": None,
        "handoffs": [], "tracing": ModelTracing.DISABLED, "previous_response_id": None, "conversation_id": None, "prompt": None,
    }  # fmt: skip


def said(output):
    """An answer without its random ids."""
    return [
        (item.name, item.arguments)
        if isinstance(item, ResponseFunctionToolCall)
        else item.content[0].text
        if isinstance(item, ResponseOutputMessage)
        else item.summary[0].text
        for item in output
    ]


@pytest.fixture
def model():
    return OfflineModel(today=lambda: TODAY)


@pytest.mark.parametrize("name", STORIES)
async def test_from_any_point_of_the_conversation_the_next_answer_is_the_one_that_was_given(name, model):
    make, goal = STORIES[name]
    story = await run(make(), goal)
    completed = [event.response for event in story.events if event.type == "response.completed"]
    tools = make().tools()

    given = 0
    for response in completed:
        prefix = story.items[: 1 + given]
        again = await model.get_response(**asked(prefix, tools))
        assert said(again.output) == said(response.output)
        given += len(response.output) + sum(item.type == "function_call" for item in response.output)
    assert given == len(story.items) - 1


@pytest.mark.parametrize("name", STORIES)
async def test_each_stream_is_well_formed(name):
    make, goal = STORIES[name]
    story = await run(make(), goal)
    streams, current = [], []
    for event in story.events:
        current.append(event)
        if event.type == "response.completed":
            streams.append(current)
            current = []

    assert current == []
    for events in streams:
        assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
        assert [event.sequence_number for event in events] == list(range(len(events)))
        response = events[-1].response
        assert [
            event.item for event in events if event.type == "response.output_item.done"
        ] == response.output
        for index, item in enumerate(response.output):
            own = [event for event in events if getattr(event, "output_index", None) == index]
            pieces = "".join(event.delta for event in own if event.type.endswith(".delta"))
            assert pieces == (
                item.arguments if isinstance(item, ResponseFunctionToolCall) else said([item])[0]
            )
            assert (own[0].type, own[-1].type) == ("response.output_item.added", "response.output_item.done")
        usage = response.usage
        assert usage.total_tokens == usage.input_tokens + usage.output_tokens
        assert usage.output_tokens > 0


async def test_ids_are_never_used_twice():
    stories = [await run(Shop([subscription_charged_twice()]), GOAL) for _ in range(2)]
    responses = [
        event.response for story in stories for event in story.events if event.type == "response.completed"
    ]

    ids = [item.id for response in responses for item in response.output] + [
        response.id for response in responses
    ]
    calls = [
        item.call_id for response in responses for item in response.output if item.type == "function_call"
    ]
    assert len(set(ids)) == len(ids)
    assert len(set(calls)) == len(calls)


async def test_tool_calls_that_do_not_depend_on_each_other_come_in_one_turn():
    story = await run(Shop([subscription_charged_twice()]), GOAL)
    turns = [
        {item.name for item in event.response.output if item.type == "function_call"}
        for event in story.events
        if event.type == "response.completed"
    ]

    assert any({"get_user_data", "get_recent_orders"} <= names for names in turns)
    assert any({"get_order_details", "get_runbook_by_category"} <= names for names in turns)
    assert any({"write_document", "notify_user"} <= names for names in turns)


async def test_the_goal_may_be_a_plain_string(model):
    response = await model.get_response(**asked(GOAL, Shop([]).tools()))

    assert response.output[-1].name == "add_todos"
    assert response.usage.requests == 1


async def test_a_pace_slows_the_stream_down():
    slow = OfflineModel(pace_ms=1, today=lambda: TODAY)
    start = time.monotonic()
    pieces = [
        event
        async for event in slow.stream_response(**asked(GOAL, Shop([]).tools()))
        if event.type.endswith(".delta")
    ]

    assert time.monotonic() - start >= len(pieces) / 1000


def test_a_negative_pace_is_refused():
    with pytest.raises(ValueError, match="pace_ms"):
        OfflineModel(pace_ms=-1)


async def test_the_day_in_the_instructions_goes_before_the_clock():
    late = order("A-1020", ("Chair", 1, 8000), status="shipped", delivered=None, promised="2026-03-01")
    shop = Shop([late])
    story = await run(shop, ticket("my chair has not arrived"))
    items = next(at for at, item in enumerate(story.items) if item.get("name") == "issue_refund")
    model = OfflineModel(today=lambda: TODAY)
    request = asked([item for item in story.items[:items] if item.get("type") != "reasoning"], shop.tools())
    before = await model.get_response(**{**request, "system_instructions": "Today is 2026-03-02."})

    assert "issue_refund" not in {item.name for item in before.output if item.type == "function_call"}


async def test_a_new_message_after_a_finished_case_is_a_new_case_of_the_same_customer(model):
    shop = Shop([subscription_charged_twice()])
    story = await run(shop, GOAL)
    items = [*story.items, {"role": "user", "content": "Thanks! Please cancel my subscription, too."}]
    response = await model.get_response(**asked(items, shop.tools()))

    assert response.output[-1].name == "add_todos"
    assert "subscription" in json.loads(response.output[-1].arguments)["todos"][0]


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("Hello, Mara.", 4), ("refund", 1)])
def test_tokens_are_counted_roughly(text, tokens):
    assert count_tokens(text) == tokens
