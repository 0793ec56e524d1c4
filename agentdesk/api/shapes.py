"""What programs send and get, as the OpenAPI document describes it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from django.db.models import Prefetch
from django.http import HttpRequest
from django.urls import reverse
from ninja import Field, Schema
from pydantic import AfterValidator, ConfigDict

from agentdesk.core.errors import Invalid
from agentdesk.core.text import refuse_unstorable
from approvals.models import Approval
from tasks.models import Task, TaskStatus, ToDo


def _storable(text: str) -> str:
    try:
        refuse_unstorable(text)
    except Invalid as error:
        raise ValueError(error.sentence) from None
    return text


Text = Annotated[str, AfterValidator(_storable)]


class NewTask(Schema):
    model_config = ConfigDict(extra="forbid", strict=True)

    goal: Text = Field(description="What the agent is to achieve, in plain words; at most 24,000 characters.")
    customer: Text | None = Field(
        None, description="Number, e-mail address or full name of the customer it is about."
    )
    agent: Text | None = Field(None, description="Name of the agent; without it, the desk's default.")
    previous_response_id: Text | None = Field(
        None, description="Id of an earlier task that this one continues."
    )


class Fork(Schema):
    model_config = ConfigDict(extra="forbid", strict=True)

    turn: int = Field(
        ge=1, le=100_000, description="The first turn that is told anew; those before it are taken over."
    )
    agent: Text | None = Field(None, description="Name of another agent; without it, the task's own.")
    version: int | None = Field(
        None,
        ge=1,
        le=1_000_000,
        description="Number of a version of that agent; without it, the one in force, or the task's own where no agent is named.",
    )
    model: Text | None = Field(
        None, description="Another model; empty for the desk's default. Without it, the version's."
    )
    instructions: Text | None = Field(
        None, description="Other instructions, at most 50,000 characters. Without it, the version's."
    )
    note: Text | None = Field(None, description="Why; at most 200 characters.")


class Cancel(Schema):
    model_config = ConfigDict(extra="forbid", strict=True)

    children: Literal["cancel", "keep"] = Field(
        "cancel",
        description="What becomes of the tasks below it that have not ended: they end too, or go on.",
    )


class Started(Schema):
    id: str
    status: TaskStatus
    url: str = Field(description="Where to read the task.")
    events_url: str = Field(description="Where to follow it, as Server-Sent Events.")


class ToDoOut(Schema):
    position: int
    text: str
    state: str


class Usage(Schema):
    turns: int
    tool_calls: int
    tokens: int
    work_ms: int = Field(description="Milliseconds of work; waiting is not counted.")
    cost_micros: int = Field(description="Spent on models, in millionths of a US dollar.")


class ApprovalOut(Schema):
    id: str
    kind: str
    title: str
    url: str = Field(description="The page where a person decides; programs cannot.")
    expires_at: datetime | None = Field(description="Empty for a reconciliation, which never expires.")


class TaskOut(Started):
    title: str
    goal: str
    agent: str
    customer: str | None = Field(description="The customer's number.")
    ticket: str | None
    previous_response_id: str | None
    parent: str | None = Field(description="Id of the task whose agent started this one.")
    children: list[str] = Field(
        description="Ids of the tasks that this one's agents started, the first one first."
    )
    origin: str | None = Field(description="Id of the ended task that this one was made from.")
    origin_kind: str = Field(
        description="“retry” goes on from its journal, “again” starts the same goal over, “fork” goes on differently from one of its turns; empty for a new task."
    )
    origin_turn: int | None = Field(description="For a fork: the first turn that was told anew.")
    offspring: list[str] = Field(description="Ids of the tasks that were made from this one, oldest first.")
    page_url: str = Field(description="The page for people.")
    waiting_for: str = Field(
        description="“approval”, “question”, “reconciliation”, “limit”, “model”, “task” …, or empty when it waits for nothing."
    )
    waiting_note: str = Field(
        description="One sentence: why it waits and what to do, where no approval says it."
    )
    approvals: list[ApprovalOut] = Field(description="What waits for a person, the soonest to expire first.")
    todos: list[ToDoOut]
    result: str = Field(description="The agent's final answer; empty until the task is done.")
    failure: str = Field(description="Why it failed; empty otherwise.")
    model: str
    usage: Usage
    last_event: int = Field(description="Number of the newest event of the task.")
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class Problem(Schema):
    code: str
    message: str = Field(description="One sentence for people that says what to do next.")
    fields: dict[str, str] = Field(description="The inputs it is about.")


class Refusal(Schema):
    error: Problem


def started(task: Task, request: HttpRequest) -> dict[str, Any]:
    return {
        "id": task.public_id,
        "status": task.status,
        "url": request.build_absolute_uri(reverse("api:task", args=[task.public_id])),
        "events_url": request.build_absolute_uri(reverse("api:task_events", args=[task.public_id])),
    }


def whole(public_id: str, request: HttpRequest) -> dict[str, Any] | None:
    """Everything about one task, or None when there is no such task; five queries."""
    waiting = Prefetch("approvals", Approval.objects.open().in_order(), to_attr="waiting")
    plan = Prefetch("todos", ToDo.objects.order_by("position"), to_attr="plan")
    offspring = Prefetch("offspring", Task.objects.order_by("created_at", "id"), to_attr="made_from_it")
    started_by_it = Prefetch(
        "children", Task.objects.only("public_id", "parent_id").order_by("place"), to_attr="below"
    )
    related = ("agent_version__agent", "customer", "ticket", "previous", "origin", "parent")
    task: Any = (
        Task.objects.select_related(*related)
        .prefetch_related(waiting, plan, offspring, started_by_it)
        .filter(public_id=public_id)
        .first()
    )
    if task is None:
        return None
    return {
        **started(task, request),
        "title": task.title,
        "goal": task.goal,
        "agent": task.agent_version.agent.name,
        "customer": task.customer.number if task.customer else None,
        "ticket": task.ticket.public_id if task.ticket else None,
        "previous_response_id": task.previous.public_id if task.previous else None,
        "parent": task.parent.public_id if task.parent else None,
        "children": [child.public_id for child in task.below],
        "origin": task.origin.public_id if task.origin else None,
        "origin_kind": task.origin_kind,
        "origin_turn": task.origin_turn,
        "offspring": [made.public_id for made in task.made_from_it],
        "page_url": request.build_absolute_uri(task.get_absolute_url()),
        "waiting_for": task.waiting_for,
        "waiting_note": task.waiting_note,
        "approvals": [
            {
                "id": approval.public_id,
                "kind": approval.kind,
                "title": approval.title,
                "url": request.build_absolute_uri(approval.get_absolute_url()),
                "expires_at": approval.expires_at,
            }
            for approval in task.waiting
        ],
        "todos": [{"position": todo.position, "text": todo.text, "state": todo.state} for todo in task.plan],
        "result": task.result,
        "failure": task.failure,
        "model": task.model_name,
        "usage": {
            "turns": task.turns_used,
            "tool_calls": task.tool_calls_used,
            "tokens": task.tokens_used,
            "work_ms": task.work_ms,
            "cost_micros": task.cost_micros,
        },
        "last_event": task.last_event,
        "created_at": task.created_at,
        "started_at": task.started_at,
        "finished_at": task.finished_at,
    }
