"""Runbooks are read by category, documents are written for colleagues."""

from __future__ import annotations

from typing import get_args

import pytest
from django.db import IntegrityError, transaction

from agentdesk.core.errors import Invalid, ToolError
from tests.factories import RunbookFactory, ToolCallFactory
from tests.tools.using import task_for, use
from tools.library.models import Category, Document
from tools.library.reading import CategoryName

pytestmark = pytest.mark.django_db


def test_the_schema_knows_exactly_the_categories_there_are():
    assert list(get_args(CategoryName)) == Category.values


def test_a_runbook_is_read_with_its_version():
    runbook = RunbookFactory(
        category="damaged_item", title="Damaged item", body="1. Refund the line.", version=3
    )
    assert use("get_runbook_by_category", task_for(None), category="damaged_item") == {
        "category": "damaged_item",
        "title": runbook.title,
        "version": 3,
        "body": "1. Refund the line.",
    }


def test_a_category_without_a_runbook_sends_the_agent_to_a_person():
    with pytest.raises(ToolError, match="Ask a person"):
        use("get_runbook_by_category", task_for(None), category="fraud")


def test_a_category_that_does_not_exist_is_refused():
    with pytest.raises(Invalid, match="category"):
        use("get_runbook_by_category", task_for(None), category="everything")


def test_a_document_belongs_to_its_task_and_call():
    task = task_for(None)
    assert use("write_document", task, title="Refund\n on  A-1001", body="# Done") == {
        "document": "Refund on A-1001"
    }
    assert Document.objects.get().task == task


def test_one_call_writes_one_document():
    task = task_for(None)
    call = ToolCallFactory(given_task=task, tool="write_document")
    use("write_document", task, call=call, title="One", body="Text")
    with pytest.raises(IntegrityError, match="tool_call"), transaction.atomic():
        use("write_document", task, call=call, title="Two", body="Text")


@pytest.mark.parametrize(("title", "body"), [("", "x"), ("x" * 201, "x"), ("x", ""), ("x", "x" * 50_001)])
def test_texts_beyond_their_limits_are_refused(title, body):
    with pytest.raises(Invalid):
        use("write_document", task_for(None), title=title, body=body)


@pytest.mark.parametrize(("title", "body"), [(" \n", "x"), ("x", " \n")])
def test_blank_texts_are_refused(title, body):
    with pytest.raises(ToolError, match="empty"):
        use("write_document", task_for(None), title=title, body=body)
