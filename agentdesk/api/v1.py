"""Version 1 of the API: start a task, read it, follow it, follow everything."""

from __future__ import annotations

from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from ninja import Header, Query, Router, Status

from agentdesk.api import again, streams
from agentdesk.api.auth import CANCEL_TASK, START_TASK, ApiRequest
from agentdesk.api.shapes import Cancel, Fork, NewTask, Refusal, Started, TaskOut, started, whole
from agentdesk.api.start import start
from agentdesk.core.errors import Missing
from agentdesk.core.text import shortened
from agentdesk.events import cursor
from approvals.cancel import cancel_task
from tasks.models import TERMINAL, Task

REFUSALS: dict[int, Any] = {401: Refusal, 403: Refusal, 422: Refusal}
STREAM = {
    "responses": {
        200: {"description": "Events", "content": {"text/event-stream": {"schema": {"type": "string"}}}}
    }
}

Key = Annotated[
    str | None,
    Header(None, alias="Idempotency-Key", description="The same key and body start one task only."),
]
LastHeader = Annotated[
    str | None, Header(None, alias="Last-Event-ID", description="Go on behind this event.")
]
LastQuery = Annotated[str | None, Query(None, description="The same, where headers cannot be set.")]

router = Router(tags=["tasks"])


@router.post(
    "/tasks",
    url_name="tasks",
    response={202: Started, 400: Refusal, 413: Refusal, **REFUSALS},
    summary="Start a task",
    operation_id="start_task",
)
def start_task(
    request: ApiRequest, response: HttpResponse, wanted: NewTask, idempotency_key: Key = None
) -> Status[dict[str, Any]]:
    """Answers at once; the agent works on without you. Follow `events_url`, or read `url` now and then."""
    request.auth.require(START_TASK)
    return _accepted(start(wanted.model_dump(), by=request.auth.user, key=idempotency_key), request, response)


@router.get(
    "/tasks/{task_id}",
    url_name="task",
    response={200: TaskOut, 404: Refusal, **REFUSALS},
    summary="Read a task",
    operation_id="read_task",
)
def read_task(request: HttpRequest, task_id: str) -> dict[str, Any]:
    """Where it stands, its plan, what it waits for, and its result."""
    found = whole(task_id, request)
    if found is None:
        raise _no_task(task_id)
    return found


@router.post(
    "/tasks/{task_id}/cancel",
    url_name="task_cancel",
    response={200: Started, 404: Refusal, 409: Refusal, **REFUSALS},
    summary="Cancel a task",
    operation_id="cancel_task",
)
def stop_task(request: ApiRequest, task_id: str, wanted: Cancel) -> dict[str, Any]:
    """Ends it at once; what it has done stays done. `children` says what becomes of the tasks below it that have not ended."""
    request.auth.require(CANCEL_TASK)
    task = Task.objects.filter(public_id=task_id).first()
    if task is None:
        raise _no_task(task_id)
    cancel_task(task, by=request.auth.user, children=wanted.children)
    task.refresh_from_db()
    return started(task, request)


@router.post(
    "/tasks/{task_id}/retry",
    url_name="task_retry",
    response={202: Started, 404: Refusal, 409: Refusal, **REFUSALS},
    summary="Retry a task",
    operation_id="retry_task",
)
def retry_task(request: ApiRequest, response: HttpResponse, task_id: str) -> Status[dict[str, Any]]:
    """A new task goes on from the journal of a failed or cancelled one; nothing it did is done again. Sent again, it finds the same."""
    request.auth.require(START_TASK)
    return _accepted(again.retry(task_id, by=request.auth.user), request, response)


@router.post(
    "/tasks/{task_id}/again",
    url_name="task_again",
    response={202: Started, 404: Refusal, 409: Refusal, **REFUSALS},
    summary="Start a task again",
    operation_id="start_task_again",
)
def start_task_again(
    request: ApiRequest, response: HttpResponse, task_id: str, idempotency_key: Key = None
) -> Status[dict[str, Any]]:
    """A new task gets the goal of an ended one and takes nothing over: what that one did may be done once more."""
    request.auth.require(START_TASK)
    task = again.start_again(task_id, by=request.auth.user, key=idempotency_key)
    return _accepted(task, request, response)


@router.post(
    "/tasks/{task_id}/fork",
    url_name="task_fork",
    response={202: Started, 400: Refusal, 404: Refusal, 409: Refusal, 413: Refusal, **REFUSALS},
    summary="Fork a task",
    operation_id="fork_task",
)
def fork_task(
    request: ApiRequest, response: HttpResponse, task_id: str, wanted: Fork, idempotency_key: Key = None
) -> Status[dict[str, Any]]:
    """A new task takes over the turns before one of an ended task and tells that one anew, differently if you want."""
    request.auth.require(START_TASK)
    task = again.fork(task_id, wanted.model_dump(), by=request.auth.user, key=idempotency_key)
    return _accepted(task, request, response)


@router.get(
    "/tasks/{task_id}/events",
    url_name="task_events",
    response={204: None, 404: Refusal, 503: Refusal, **REFUSALS},
    openapi_extra=STREAM,
    summary="Follow a task",
    operation_id="follow_task",
)
def follow_task(
    request: ApiRequest, task_id: str, last_id: LastHeader = None, last_event_id: LastQuery = None
) -> HttpResponseBase:
    """Its events from the first one, as Server-Sent Events whose ids are their numbers; ends with the task."""
    place = streams.task_place(last_id or last_event_id or "")
    task = Task.objects.filter(public_id=task_id).first()
    if task is None:
        raise _no_task(task_id)
    if task.status in TERMINAL and int(place) >= task.last_event:
        return HttpResponse(status=204)  # tells an EventSource that there is nothing to come back for
    return streams.respond(streams.of_task(task), place, request.auth)


@router.get(
    "/events",
    url_name="events",
    response={503: Refusal, **REFUSALS},
    openapi_extra=STREAM,
    summary="Follow everything",
    operation_id="follow_everything",
)
def follow_everything(
    request: ApiRequest, last_id: LastHeader = None, last_event_id: LastQuery = None
) -> HttpResponseBase:
    """The events of all tasks from now on, or behind the given id (“0-0” is the beginning), as Server-Sent Events."""
    last = last_id or last_event_id
    place = cursor.checked(last) if last else cursor.newest()
    return streams.respond(streams.of_everything(), place, request.auth)


def _accepted(task: Task, request: ApiRequest, response: HttpResponse) -> Status[dict[str, Any]]:
    answer = started(task, request)
    response["Location"] = answer["url"]
    return Status(202, answer)


def _no_task(task_id: str) -> Missing:
    return Missing(f"There is no task {shortened(task_id, 60)!r}.", fields={"task_id": "unknown"})
