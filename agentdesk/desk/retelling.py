"""Telling an ended task again: retry it, start it again, or fork it from one of its turns."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from agentdesk.core.errors import Invalid, Late, Missing
from agentdesk.core.ids import task_id
from agentdesk.desk.access import DeskRequest, desk_page, one
from agentdesk.desk.fragments import answer
from agentdesk.roster.models import Agent, AgentVersion, ModelPrice
from approvals import lineage
from tasks.models import Task
from tools import retell
from tools.planning.plan import PLANNING
from tools.registry import label

START = "tasks.start_task"


@require_POST
@desk_page(START)
def task_retry(request: DeskRequest, public_id: str) -> HttpResponse:
    return redirect(retell.retry(one(Task.objects.for_list(), public_id), by=request.user))


class AgainForm(forms.Form):
    new = forms.CharField(required=False, max_length=40)
    """The id of the task that is to be: a form that is sent twice makes one task."""


@require_http_methods(["GET", "POST"])
@desk_page(START)
def task_again(request: DeskRequest, public_id: str) -> HttpResponse:
    found = _ended(public_id)
    if request.method == "POST":
        form = AgainForm(request.POST)
        new = form.cleaned_data["new"] if form.is_valid() else ""
        return redirect(retell.start_again(found, by=request.user, public_id=new))
    return answer(request, "tasks/again.html", {}, {"task": found, "done": done(found), "new": task_id()})


class ForkForm(forms.Form):
    """What may differ from the turn on. Empty instructions and model mean: as the chosen version has them."""

    version = forms.ModelChoiceField(AgentVersion.objects.none(), required=False)
    model = forms.CharField(required=False, max_length=100)
    instructions = forms.CharField(
        required=False, max_length=retell.MAX_INSTRUCTIONS, widget=forms.Textarea, strip=True
    )
    note = forms.CharField(required=False, max_length=retell.MAX_NOTE)
    new = forms.CharField(required=False, max_length=40)

    def __init__(self, data: Any, *, task: Task) -> None:
        own = task.agent_version
        super().__init__(
            data,
            initial={
                "version": own.pk,
                "model": own.model,
                "instructions": own.instructions,
                "new": task_id(),
            },
        )
        version: Any = self.fields["version"]
        version.queryset = versions_for(task)

    def changes(self, task: Task) -> dict[str, Any]:
        """What differs: texts left as they were shown follow the version that was chosen."""
        given, own = self.cleaned_data, task.agent_version
        version = given["version"] or own
        shown = " ".join(own.instructions.split())
        kept = " ".join(given["instructions"].split()) in {"", shown}
        same_model = given["model"] == own.model
        return {
            "version": version,
            "model": None if same_model and version != own else given["model"],
            "instructions": None if kept else given["instructions"],
            "note": given["note"],
            "public_id": given["new"],
        }


@require_http_methods(["GET", "POST"])
@desk_page(START)
def task_fork(request: DeskRequest, public_id: str, turn: int) -> HttpResponse:
    found = _ended(public_id)
    taken_over, anew = words(found, turn)
    form = ForkForm(request.POST if request.method == "POST" else None, task=found)
    if request.method == "POST" and form.is_valid():
        try:
            return redirect(retell.fork(found, turn=turn, by=request.user, **form.changes(found)))
        except Invalid as error:
            form.add_error(next((name for name in error.fields if name in form.fields), None), error.sentence)
    context = {
        "task": found,
        "turn": turn,
        "taken_over": taken_over,
        "anew": anew,
        "done": done(found),
        "form": form,
        "versions": versions_for(found),
        "models": models(),
    }
    return answer(request, "tasks/fork.html", {}, context, status=422 if form.errors else 200)


def done(task: Task) -> list[lineage.Relative]:
    """The task and its relatives, those that did something: it stays done, and may be done once more."""
    everything = [*lineage.acts_of([task]), *lineage.relatives_of(task)]
    return [relative for relative in everything if relative.in_words]


def words(task: Task, turn: int) -> tuple[list[str], list[str]]:
    """The calls before a turn and those of it, in words. Raises Missing when there is no such turn."""
    cut = task.turns.filter(path="", number=turn).first()
    if cut is None:
        raise Missing(f"This task has no turn {turn}. Open the task and choose one of its turns.")
    calls = task.tool_calls.exclude(tool__in=PLANNING).order_by("turn_id", "position")
    before, of_it = (
        [label(call.tool, call.arguments) for call in rows]
        for rows in (calls.filter(turn__lt=cut), calls.filter(turn=cut))
    )
    return before, of_it


def versions_for(task: Task) -> Any:
    """The task's own version, and the present one of every agent that takes tasks."""
    present = Agent.objects.startable().values("current")
    rows = AgentVersion.objects.filter(pk=task.agent_version_id) | AgentVersion.objects.filter(pk__in=present)
    return rows.select_related("agent").order_by("agent__title", "number")


def models() -> list[str]:
    """Names to choose from; any other may be typed."""
    used = AgentVersion.objects.exclude(model="").order_by().values_list("model", flat=True).distinct()
    return sorted({"offline", *used, *ModelPrice.objects.values_list("model", flat=True)})


def _ended(public_id: str) -> Task:
    task = one(Task.objects.for_list(), public_id)
    if task.is_live:
        raise Late(
            f"This task is {task.get_status_display().lower()}. Wait until it has ended, or cancel it."
        )
    return task
