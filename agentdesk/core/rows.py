"""Rows written and read without the ORM's compiler: for the few statements that every turn of every task runs.

The models stay the only description of the tables; names and conversions are read from them. What this saves is the
building of a query, which costs several times what the database needs for it (tests/benchmarks/engine.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models import Field, Model
from django.db.models.fields import NOT_PROVIDED

Values = Mapping[str, Any]
"""By attribute name: `task_id`, not `task`."""

M = TypeVar("M", bound=Model)

_NOTHING: dict[str, Any] = {}


def now(*, in_seconds: float = 0) -> str:
    """SQL for the database's time, as Django's `Now()` gives it, `in_seconds` from now."""
    if _vendor() == "postgresql":
        return f"STATEMENT_TIMESTAMP() + INTERVAL '{in_seconds:.3f} seconds'"
    return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', '{in_seconds:+.3f} seconds')"


def insert(
    model: type[Model], rows: Sequence[Values], *, computed: Mapping[str, str] = _NOTHING
) -> list[int]:
    """INSERT all `rows` by one statement and return their keys, in order.

    A field that a row does not name gets its default. `computed` gives SQL for fields that the database fills in.
    """
    fields, head, tail = _insertion(model)
    marks = f"({', '.join(computed.get(field.attname, '%s') for field in fields)})"
    stored = [field for field in fields if field.attname not in computed]
    values = [_prepared(field, _given(field, row)) for row in rows for field in stored]
    cursor = _cursor()
    cursor.execute(f"{head}{', '.join([marks] * len(rows))}{tail}", values)
    return [key for (key,) in cursor.fetchall()]


def change(
    model: type[Model],
    key: int,
    *,
    where: Values = _NOTHING,
    put: Values = _NOTHING,
    add: Mapping[str, int] = _NOTHING,
    computed: Mapping[str, str] = _NOTHING,
    returning: str,
) -> Any | None:
    """UPDATE one row where it is as `where` says; return its new `returning`, or None where there is no such row.

    `where` takes a value or a collection of them for each field; `put` sets, `add` adds, `computed` sets to SQL.
    """
    meta = model._meta  # noqa: SLF001 -- a model's options
    sets = [f"{_column(model, name)} = %s" for name in put]
    sets += [f"{_column(model, name)} = {_column(model, name)} + %s" for name in add]
    sets += [f"{_column(model, name)} = {sql}" for name, sql in computed.items()]
    values = [_stored(model, name, value) for name, value in put.items()]
    values += list(add.values())
    conditions, wanted = _conditions(model, {meta.pk.attname: key, **where})
    cursor = _cursor()
    cursor.execute(
        f"UPDATE {_table(model)} SET {', '.join(sets)} WHERE {conditions} "  # noqa: S608 -- names come from models
        f"RETURNING {_column(model, returning)}",
        [*values, *wanted],
    )
    row = cursor.fetchone()
    return None if row is None else row[0]


def lock(model: type[Model], key: int, *, where: Values = _NOTHING, returning: str) -> Any | None:
    """Lock one row for this transaction where it is as `where` says; return its `returning`, or None."""
    meta = model._meta  # noqa: SLF001 -- a model's options
    conditions, wanted = _conditions(model, {meta.pk.attname: key, **where})
    ending = " FOR UPDATE" if _locks_rows() else ""
    cursor = _cursor()
    cursor.execute(
        f"SELECT {_column(model, returning)} FROM {_table(model)} WHERE {conditions}{ending}",  # noqa: S608 -- ditto
        wanted,
    )
    row = cursor.fetchone()
    return None if row is None else row[0]


def read(
    model: type[M],
    where: Values,
    *,
    order_by: Sequence[str] = (),
    limit: int | None = None,
    lock: bool = False,
) -> list[M]:
    """The rows that are as `where` says, as `model.objects.filter(...)` gives them; `order_by` takes names, `-name` falls.

    `lock` holds them until the transaction ends.
    """
    columns, converters = _selection(model)
    conditions, wanted = _conditions(model, where)
    order = ", ".join(
        f"{_column(model, name.removeprefix('-'))}{' DESC' if name.startswith('-') else ''}"
        for name in order_by
    )
    sql = (
        f"SELECT {columns} FROM {_table(model)} WHERE {conditions}"  # noqa: S608 -- names come from models
        f"{f' ORDER BY {order}' if order else ''}{f' LIMIT {limit:d}' if limit is not None else ''}"
        f"{' FOR UPDATE' if lock and _locks_rows() else ''}"
    )
    cursor = _cursor()
    cursor.execute(sql, wanted)
    found = cursor.fetchall()
    names = _names(model)
    objects = []
    for row in found:
        values = list(row)
        for index, expression, functions in converters:
            for convert in functions:
                values[index] = convert(values[index], expression, connection)
        objects.append(model.from_db(DEFAULT_DB_ALIAS, names, values))
    return objects


def _cursor() -> Any:
    """The cursor that this thread's connection keeps for these statements: making one costs as much as a statement."""
    database = connections[DEFAULT_DB_ALIAS]  # of this thread
    kept = vars(database).get(_KEPT)
    if kept is None or kept[0] is not database.connection:
        cursor = database.cursor()
        kept = vars(database)[_KEPT] = (database.connection, cursor)
    return kept[1]


_KEPT = "agentdesk_rows_cursor"


def _conditions(model: type[Model], where: Values) -> tuple[str, list[Any]]:
    parts: list[str] = []
    values: list[Any] = []
    for name, wanted in where.items():
        several = isinstance(wanted, Collection) and not isinstance(wanted, str)
        alternatives = list(wanted) if several else [wanted]
        marks = ", ".join(["%s"] * len(alternatives))
        parts.append(f"{_column(model, name)} IN ({marks})" if several else f"{_column(model, name)} = %s")
        values += [_stored(model, name, value) for value in alternatives]
    return " AND ".join(parts), values


def _given(field: Field[Any, Any], row: Values) -> Any:
    value = row.get(field.attname, NOT_PROVIDED)
    return field.get_default() if value is NOT_PROVIDED else value


def _stored(model: type[Model], name: str, value: Any) -> Any:
    return _prepared(_field(model, name), value)


def _prepared(field: Field[Any, Any], value: Any) -> Any:
    """The value as the database takes it; what both databases take as it is goes the short way."""
    if type(value) is _TAKEN_AS_IT_IS.get(type(field)):
        return value
    return field.get_db_prep_save(value, connection=connection)


_TAKEN_AS_IT_IS: dict[type, type] = {
    models.CharField: str,
    models.TextField: str,
    models.PositiveIntegerField: int,
    models.PositiveSmallIntegerField: int,
    models.PositiveBigIntegerField: int,
    models.BigIntegerField: int,
    models.BigAutoField: int,
    models.ForeignKey: int,
}


@cache
def _vendor() -> str:
    return connection.vendor


@cache
def _locks_rows() -> bool:
    return connection.features.has_select_for_update


@cache
def _names(model: type[Model]) -> list[str]:
    return [field.attname for field in model._meta.concrete_fields]  # noqa: SLF001 -- ditto


@cache
def _selection(model: type[Model]) -> tuple[str, list[tuple[int, Any, list[Any]]]]:
    fields = model._meta.concrete_fields  # noqa: SLF001 -- ditto
    columns = ", ".join(f'"{field.column}"' for field in fields)
    converters = []
    for index, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)  # noqa: SLF001 -- ditto
        functions = connection.ops.get_db_converters(expression) + expression.get_db_converters(connection)
        if functions:
            converters.append((index, expression, functions))
    return columns, converters


@cache
def _field(model: type[Model], name: str) -> Field[Any, Any]:
    return next(field for field in model._meta.concrete_fields if field.attname == name)  # noqa: SLF001 -- ditto


@cache
def _column(model: type[Model], name: str) -> str:
    return f'"{_field(model, name).column}"'


@cache
def _table(model: type[Model]) -> str:
    return f'"{model._meta.db_table}"'  # noqa: SLF001 -- ditto


@cache
def _insertion(model: type[Model]) -> tuple[list[Field[Any, Any]], str, str]:
    key = model._meta.pk  # noqa: SLF001 -- ditto
    assert key is not None
    fields = [field for field in model._meta.concrete_fields if field is not key]  # noqa: SLF001 -- ditto
    columns = ", ".join(f'"{field.column}"' for field in fields)
    head = f"INSERT INTO {_table(model)} ({columns}) VALUES "  # noqa: S608 -- ditto
    return fields, head, f' RETURNING "{key.column}"'
