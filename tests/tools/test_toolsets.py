"""Every tool says what it is in a way that models, people and the gate can use."""

from __future__ import annotations

import pytest

from tools.models import Effect
from tools.registry import all_tools

EXAMPLES = {
    "add_todos": {"todos": ["Look up the customer"]},
    "set_todo_state": {"position": 1, "state": "done"},
    "get_user_data": {"customer": "C-1001"},
    "get_recent_orders": {"customer": "C-1001", "limit": 5},
    "get_order_details": {"order": "A-1001"},
    "get_runbook_by_category": {"category": "duplicate_charge"},
    "issue_refund": {
        "order": "A-1001",
        "charge": "",
        "amount_minor": 2900,
        "currency": "USD",
        "reason": "Twice",
    },
    "refund_duplicate_charge": {"order": "A-1001", "reason": "Twice"},
    "cancel_order": {"order": "A-1001", "reason": "Not needed"},
    "write_document": {"title": "Case", "body": "Text"},
    "notify_user": {"customer": "C-1001", "subject": "Hello", "body": "Text"},
    "ask_person": {"question": "What now?"},
    "start_task": {"agent": "billing", "goal": "Check the charges", "title": "Charges"},
    "get_task": {"task": "tsk_1"},
    "wait_for_task": {"task": "tsk_1"},
}


def test_the_built_in_tools_are_the_ones_agents_were_promised():
    assert set(all_tools()) == set(EXAMPLES)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_label_is_one_short_line(name):
    label = all_tools()[name].label(EXAMPLES[name])
    assert "\n" not in label
    assert 0 < len(label) <= 200


def test_the_refunds_label_says_how_much():
    assert all_tools()["issue_refund"].label(EXAMPLES["issue_refund"]) == "Refund $29.00 on A-1001"


@pytest.mark.parametrize("name", EXAMPLES)
def test_schemas_are_strict_and_bound_every_text(name):
    schema = all_tools()[name].schema
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) == set(schema["properties"]) == set(EXAMPLES[name])
    for field in schema["properties"].values():
        if field["type"] == "string":
            assert "(at most " in field.get("description", "") or "enum" in field


def test_money_moves_only_through_sensitive_tools():
    sensitive = {name for name, spec in all_tools().items() if spec.sensitive is not None}
    assert sensitive == {"issue_refund", "refund_duplicate_charge"}
    assert all(all_tools()[name].effect == Effect.LOCAL for name in sensitive)
