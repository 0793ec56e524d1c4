"""How the fields of a record read in the admin: text that cannot deceive, JSON, money, links, states in words.

Each function takes the path of an attribute (`task__ticket` follows relations) and returns a column: a callable for
`list_display` and for `section`. Columns escape; their texts show invisible characters spelled out.
"""

from __future__ import annotations

import json as json_
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db import models
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.dateformat import format as format_date
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agentdesk.core import money as money_
from agentdesk.core.text import shortened, visible

Column = Callable[[Any], Any]
EMPTY = "–"


def follow(obj: Any, path: str) -> Any:
    """The value at the end of `path`, or None where a link of it is missing."""
    for name in path.split("__"):
        if obj is None:
            return None
        obj = getattr(obj, name)
    return obj


def admin_url(obj: models.Model) -> str | None:
    """The record's page in the admin, or None where it has none."""
    meta = obj._meta  # noqa: SLF001 -- Django's documented name for a model's options
    try:
        return reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[obj.pk])
    except NoReverseMatch:
        return None


def anchor(obj: models.Model | None, words: str = "") -> SafeString | str:
    """A link to a record in the admin, in `words` or its own."""
    if obj is None:
        return EMPTY
    words = visible(words or str(obj))
    url = admin_url(obj)
    return format_html('<a href="{}">{}</a>', url, words) if url else words


def clock(moment: datetime | None) -> str:
    """For example `23 Nov 2026, 14:05:09`, in the desk's time zone."""
    return EMPTY if moment is None else format_date(timezone.localtime(moment), "j\u00a0M\u00a0Y, H:i:s")


def pretty(value: Any) -> SafeString | str:
    """A JSON value, indented, in its own box."""
    if value is None:
        return EMPTY
    return boxed(json_.dumps(value, indent=2, ensure_ascii=False))


def boxed(words: str) -> SafeString | str:
    """Text in its own box, line by line as it was written; the box scrolls, so it takes the keyboard's focus."""
    return format_html('<pre class="box" tabindex="0">{}</pre>', visible(words)) if words else EMPTY


def pairs(data: Mapping[str, Any], known: Mapping[str, models.Model]) -> SafeString | str:
    """The facts of an event in one line, `name value`; a value that is the id of a `known` record links to it."""
    return (
        format_html_join(
            " ", '<span class="fact"><b>{}</b> {}</span>', (_pair(*item, known) for item in data.items())
        )
        or EMPTY
    )


def _pair(name: str, value: Any, known: Mapping[str, models.Model]) -> tuple[str, SafeString | str]:
    words = value if isinstance(value, str) else json_.dumps(value, ensure_ascii=False)
    record = known.get(words)
    return visible(name.replace("_", " ")), anchor(record, words) if record else visible(
        shortened(words, 400)
    )


def state(value: str, words: str) -> SafeString:
    """A state in words, coloured by its value."""
    return format_html('<span class="state" data-state="{}">{}</span>', value, words)


def _column(show: Column, path: str, label: str, *, order: str | None = None) -> Column:
    show.__name__ = path
    described = admin.display(
        description=label or path.replace("__", " ").replace("_", " "), ordering=order or path
    )
    return described(show)


def text(path: str, label: str = "", *, limit: int = 120) -> Column:
    """One line of at most `limit` characters."""
    return _column(lambda obj: visible(shortened(str(follow(obj, path) or EMPTY), limit)), path, label)


def block(path: str, label: str = "") -> Column:
    return _column(lambda obj: boxed(follow(obj, path) or ""), path, label)


def json(path: str, label: str = "") -> Column:
    return _column(lambda obj: pretty(follow(obj, path)), path, label)


def facts(path: str, label: str = "") -> Column:
    return _column(lambda obj: pairs(follow(obj, path) or {}, {}), path, label)


def money(path: str, label: str = "", *, currency: str = "currency") -> Column:
    """Minor units at `path` with the currency at the path `currency`."""

    def show(obj: Any) -> str:
        minor, code = follow(obj, path), follow(obj, currency)
        return EMPTY if minor is None or not code else money_.format_money(minor, code)

    return _column(show, path, label or path.removesuffix("_minor").replace("__", " ").replace("_", " "))


def dollars(path: str, label: str = "") -> Column:
    """Millionths of a US dollar at `path`; as exact as a price needs it."""

    def show(obj: Any) -> str:
        micros = follow(obj, path)
        if micros is None:
            return EMPTY
        whole, rest = divmod(micros, money_.MICROS_A_DOLLAR)
        return f"${whole:,}.{f'{rest:06}'.rstrip('0').ljust(2, '0')}"

    return _column(show, path, label)


def moment(path: str, label: str = "") -> Column:
    return _column(lambda obj: clock(follow(obj, path)), path, label)


def status(path: str = "status", label: str = "") -> Column:
    """A field with choices, in their words."""
    *way, name = path.split("__")

    def show(obj: Any) -> SafeString | str:
        holder = follow(obj, "__".join(way)) if way else obj
        if holder is None or not getattr(holder, name):
            return EMPTY
        return state(getattr(holder, name), getattr(holder, f"get_{name}_display")())

    return _column(show, path, label)


def link(path: str, label: str = "", *, limit: int = 60) -> Column:
    """A link to the related record's admin page."""

    def show(obj: Any) -> SafeString | str:
        other = follow(obj, path)
        return anchor(other, shortened(str(other), limit) if other else "")

    return _column(show, path, label)


def links(path: str, label: str = "", *, limit: int = 50) -> Column:
    """Links to the first `limit` records of a reverse relation; for one record's page, not for lists."""

    def show(obj: Any) -> SafeString | str:
        others: Iterable[models.Model] = follow(obj, path).all()[:limit]
        return (
            format_html_join("", '<div class="related">{}</div>', ((anchor(other),) for other in others))
            or EMPTY
        )

    show.__name__ = path
    return admin.display(description=label or path.replace("_", " "))(show)


def one(path: str, label: str = "") -> Column:
    """A link to the other side of a one-to-one relation that may not be there."""
    show: Column = lambda obj: anchor(getattr(obj, path, None))  # noqa: E731 -- _column names it
    show.__name__ = path
    return admin.display(description=label or path.replace("_", " "))(show)


def counted_relations(model: type[models.Model]) -> list[Column]:
    """For each kind of record that refers to `model`: their number, as a link to their list."""
    return [
        _counted(relation.get_accessor_name() or "", f"{relation.field.name}__id__exact")
        for relation in model._meta.related_objects  # noqa: SLF001 -- Django's documented name for a model's options
        if relation.one_to_many and not relation.hidden
    ]


def _counted(accessor: str, lookup: str) -> Column:
    def show(obj: Any) -> SafeString | str:
        if obj.pk is None:
            return EMPTY
        rows = getattr(obj, accessor)
        meta = rows.model._meta  # noqa: SLF001 -- Django's documented name for a model's options
        url = reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")
        return format_html(
            '<a href="{}?{}={}">{} {}</a>', url, lookup, obj.pk, rows.count(), meta.verbose_name_plural
        )

    show.__name__ = accessor
    return admin.display(description=accessor.replace("_", " "))(show)


def section(title: str | None, *columns: Column | str, description: str = "") -> tuple[str | None, Any]:
    """One titled group of a record's page, for `fieldsets`."""
    return title, {"fields": columns, "description": description}
