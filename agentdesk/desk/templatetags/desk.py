"""What templates need everywhere (a built-in library): safe words, times, money, icons, live regions."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.contrib.auth import get_permission_codename
from django.contrib.auth.models import User
from django.db.models import Model
from django.http import QueryDict
from django.template.context import RequestContext
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agentdesk.core import money, text
from agentdesk.desk import facts as approval_facts
from agentdesk.desk import markdown as model_markdown
from tasks.models import TaskStatus, ToDo, ToDoState

register = template.Library()

MINUTE, HOUR, DAY = 60, 3600, 86_400
FOLD_CHARACTERS = 900
FOLD_LINES = 14


@register.filter
def visible(value: object) -> str:
    """Words from outside: direction tricks and invisible characters spelled out (the template escapes the rest)."""
    return "" if value is None else text.visible(str(value))


@register.filter
def person(user: User) -> str:
    """What people are called on every page: their full name, or their user name."""
    return text.visible(user.get_full_name() or user.get_username())


@register.filter
def markdown(value: str) -> SafeString:
    return model_markdown.rendered(value)


@register.filter
def told(facts: dict[str, Any]) -> list[tuple[str, str]]:
    return approval_facts.told(facts)


@register.filter
def folds(value: str) -> bool:
    """Whether a text is long enough to be folded."""
    return len(value) > FOLD_CHARACTERS or value.count("\n") > FOLD_LINES


@register.filter
def done_of(todos: Iterable[ToDo]) -> str:
    """Return for example `3 of 7`."""
    states = [todo.state for todo in todos]
    return f"{states.count(ToDoState.DONE)} of {len(states)}"


@register.filter
def percent_done(todos: Iterable[ToDo]) -> int:
    """Percent of the plan that is done or skipped; 0 without a plan."""
    states = [todo.state for todo in todos]
    return (
        round(100 * (states.count(ToDoState.DONE) + states.count(ToDoState.SKIPPED)) / len(states))
        if states
        else 0
    )


@register.filter
def doing(todos: Iterable[ToDo]) -> str:
    """The step that is being done, or nothing."""
    return next((todo.text for todo in todos if todo.state == ToDoState.DOING), "")


@register.filter
def status_label(status: str) -> str:
    return TaskStatus(status).label


@register.filter
def amount(minor: int | None, currency: str) -> str:
    return "" if minor is None else money.format_money(minor, currency)


@register.filter
def pretty(value: object) -> str:
    """JSON for people: indented, keys in their order, deceptive characters spelled out."""
    return text.visible(json.dumps(value, indent=2, ensure_ascii=False))


@register.filter
def span(start: datetime, end: datetime | None) -> str:
    """How long it took from `start` to `end` (or takes until now)."""
    return _span((end or timezone.now()) - start)


@register.simple_tag
def ago(moment: datetime | None) -> SafeString | str:
    """Return `<time>` with for example `3 min ago`; the exact time is its title."""
    if moment is None:
        return "—"
    passed = timezone.now() - moment
    words = "just now" if passed < timedelta(seconds=10) else f"{_span(passed)} ago"
    if passed > timedelta(days=7):
        words = _date(moment)
    return _time(moment, words)


@register.simple_tag
def until(moment: datetime) -> SafeString:
    """Return `<time>` with for example `in 2 h 10 min`, or `now` when it is past."""
    left = moment - timezone.now()
    if left > timedelta(days=2):
        left += timedelta(hours=12)  # to the nearest day: 2 days 23 hours are 3 days to people
    return _time(moment, "now" if left < timedelta(seconds=1) else f"in {_span(left)}")


@register.simple_tag
def at(moment: datetime | None) -> SafeString | str:
    """Return `<time>` with the clock time, and the date where it is not today."""
    if moment is None:
        return "—"
    local = timezone.localtime(moment)
    clock = local.strftime("%H:%M:%S")
    return _time(moment, clock if local.date() == timezone.localdate() else f"{_date(moment)}, {local:%H:%M}")


@register.filter
def soon(moment: datetime) -> bool:
    """Whether less than four hours are left."""
    return moment - timezone.now() < timedelta(hours=4)


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """One shape of the sprite; decorative unless it has a label."""
    use = format_html('<use href="{}#{}"></use>', static("desk/icons.svg"), name)
    if label:
        return format_html('<svg class="icon" role="img" aria-label="{}">{}</svg>', label, use)
    return format_html('<svg class="icon" aria-hidden="true" focusable="false">{}</svg>', use)


@register.simple_tag(takes_context=True)
def admin_link(context: RequestContext, row: Model) -> SafeString | str:
    """A link to the same record in the admin, for staff who may look at it there."""
    user: Any = context["desk"].user
    opts = row._meta  # noqa: SLF001 -- Django's public way to a model's names
    if not user.is_staff or not user.has_perm(f"{opts.app_label}.{get_permission_codename('view', opts)}"):
        return ""
    return format_html(
        '<a href="{}">Open in the admin</a>',
        reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk]),
    )


@register.simple_tag(takes_context=True)
def live_region(context: RequestContext, element_id: str, group: str, at: int | None = None) -> SafeString:
    """Attributes of an element that renews itself when live.js dispatches `live` on it.

    `group` is `tasks` (anything moved) or `task:<public id>`. It asks the page's own address, or `live_url` where the
    context has one (an answer to a POST), and morphs, so that focus, open folds and half-typed words stay. A region within a
    region renews itself alone.
    """
    url = context.get("live_url") or context.request.get_full_path()
    return format_html(
        'id="{0}" data-live="{1}" data-at="{2}" hx-get="{3}" hx-trigger="live consume" hx-target="this" hx-select="#{0}" hx-swap="morph" '
        'hx-sync="this:queue last"',
        element_id,
        group,
        getattr(context.request, "live_at", "") if at is None else at,
        url,
    )


@register.simple_tag(takes_context=True)
def query_with(context: RequestContext, **changes: Any) -> str:
    """The present query with some parameters changed; None takes one out."""
    query: QueryDict = context.request.GET.copy()
    for name, value in changes.items():
        query.pop(name, None)
        if value not in (None, ""):
            query[name] = str(value)
    return f"?{query.urlencode()}" if query else "?"


def _time(moment: datetime, words: str) -> SafeString:
    local = timezone.localtime(moment)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        words,
    )


def _date(moment: datetime) -> str:
    local = timezone.localtime(moment)
    year = "" if local.year == timezone.localdate().year else f" {local.year}"
    return f"{local.day} {local:%b}{year}"


def _span(duration: timedelta) -> str:
    total = max(0, int(duration.total_seconds()))
    if total < MINUTE:
        return f"{total} s"
    if total < HOUR:
        return f"{total // MINUTE} min"
    if total < DAY:
        rest = total % HOUR // MINUTE
        return f"{total // HOUR} h {rest} min" if rest and total < 6 * HOUR else f"{total // HOUR} h"
    days = total // DAY
    return f"{days} day{'s' if days != 1 else ''}"
