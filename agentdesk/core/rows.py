"""Rows written and read without the ORM's compiler: for the few statements that every turn of every task runs.

The models stay the only description of the tables; names and conversions are read from them, once for each shape of a
statement. What this saves is the building of a query, which costs several times what the database needs for it
(tests/benchmarks/engine.py).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, TypeVar

from django.db import DEFAULT_DB_ALIAS, connection, connections, models
from django.db.models import Field, Model
from django.db.models.fields import NOT_PROVIDED

Values = Mapping[str, Any]
"""By attribute name: `task_id`, not `task`."""

M = TypeVar("M", bound=Model)

_NOTHING: dict[str, Any] = {}


@cache
def now(*, in_seconds: float = 0) -> str:
    """SQL for the database's time, as Django's `Now()` gives it, `in_seconds` from now."""
    if connection.vendor == "postgresql":
        return f"STATEMENT_TIMESTAMP() + INTERVAL '{in_seconds:.3f} seconds'"
    return f"STRFTIME('%%Y-%%m-%%d %%H:%%M:%%f', 'NOW', '{in_seconds:+.3f} seconds')"


def insert(
    model: type[Model], rows: Sequence[Values], *, computed: Mapping[str, str] = _NOTHING
) -> list[int]:
    """INSERT all `rows` by one statement and return their keys, in order.

    A field that a row does not name gets its default. `computed` gives SQL for fields that the database fills in.
    """
    sql, fields = _insertion(model, len(rows), tuple(computed.items()))
    values = []
    for row in rows:
        for field, name, plain in fields:
            value = row.get(name, NOT_PROVIDED)
            if value is NOT_PROVIDED:
                value = field.get_default()
            if type(value) is not plain:
                value = field.get_db_prep_save(value, connection=connection)
            values.append(value)
    cursor = _cursor()
    cursor.execute(sql, values)
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
    shape, wanted = _wanted(model, where)
    sql = _update(model, tuple(put), tuple(add), tuple(computed.items()), shape, returning)
    values = [_stored(model, name, value) for name, value in put.items()]
    cursor = _cursor()
    cursor.execute(sql, [*values, *add.values(), key, *wanted])
    row = cursor.fetchone()
    return None if row is None else row[0]


def lock(model: type[Model], key: int, *, where: Values = _NOTHING, returning: str) -> Any | None:
    """Lock one row for this transaction where it is as `where` says; return its `returning`, or None."""
    shape, wanted = _wanted(model, where)
    cursor = _cursor()
    cursor.execute(_locking(model, shape, returning), [key, *wanted])
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
    shape, wanted = _wanted(model, where)
    names, converters = _conversion(model)
    cursor = _cursor()
    cursor.execute(_selection(model, shape, tuple(order_by), limit, lock=lock), wanted)
    objects = []
    for row in cursor.fetchall():
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

Shape = tuple[tuple[str, int | None], ...]
"""What a WHERE asks for: each attribute with the number of values it may have, None for exactly one."""


def _wanted(model: type[Model], where: Values) -> tuple[Shape, list[Any]]:
    shape: list[tuple[str, int | None]] = []
    values: list[Any] = []
    for name, wanted in where.items():
        if isinstance(wanted, Collection) and not isinstance(wanted, str):
            shape.append((name, len(wanted)))
            values += [_stored(model, name, value) for value in wanted]
        else:
            shape.append((name, None))
            values.append(_stored(model, name, wanted))
    return tuple(shape), values


def _stored(model: type[Model], name: str, value: Any) -> Any:
    field, plain = _field(model, name)
    return value if type(value) is plain else field.get_db_prep_save(value, connection=connection)


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
"""What both databases take as it is, by the kind of field."""


@cache
def _field(model: type[Model], name: str) -> tuple[Field[Any, Any], type | None]:
    field = next(field for field in model._meta.concrete_fields if field.attname == name)  # noqa: SLF001 -- a model's options
    return field, _TAKEN_AS_IT_IS.get(type(field))


@cache
def _column(model: type[Model], name: str) -> str:
    return f'"{_field(model, name)[0].column}"'


@cache
def _table(model: type[Model]) -> str:
    return f'"{model._meta.db_table}"'  # noqa: SLF001 -- ditto


@cache
def _key(model: type[Model]) -> str:
    key = model._meta.pk  # noqa: SLF001 -- ditto
    assert key is not None
    return f'"{key.column}"'


def _conditions(model: type[Model], shape: Shape) -> str:
    return " AND ".join(
        f"{_column(model, name)} = %s"
        if count is None
        else f"{_column(model, name)} IN ({', '.join(['%s'] * count)})"
        for name, count in shape
    )


@lru_cache(maxsize=1024)
def _insertion(
    model: type[Model], count: int, computed: tuple[tuple[str, str], ...]
) -> tuple[str, list[tuple[Field[Any, Any], str, type | None]]]:
    key, given = model._meta.pk, dict(computed)  # noqa: SLF001 -- ditto
    fields = [field for field in model._meta.concrete_fields if field is not key]  # noqa: SLF001 -- ditto
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = f"({', '.join(given.get(field.attname, '%s') for field in fields)})"
    sql = (
        f"INSERT INTO {_table(model)} ({columns}) VALUES {', '.join([marks] * count)} RETURNING {_key(model)}"  # noqa: S608 -- names come from models
    )
    stored = [field for field in fields if field.attname not in given]
    return sql, [(field, field.attname, _TAKEN_AS_IT_IS.get(type(field))) for field in stored]


@lru_cache(maxsize=1024)
def _update(
    model: type[Model],
    put: tuple[str, ...],
    add: tuple[str, ...],
    computed: tuple[tuple[str, str], ...],
    shape: Shape,
    returning: str,
) -> str:
    sets = [f"{_column(model, name)} = %s" for name in put]
    sets += [f"{_column(model, name)} = {_column(model, name)} + %s" for name in add]
    sets += [f"{_column(model, name)} = {sql}" for name, sql in computed]
    conditions = " AND ".join(filter(None, [f"{_key(model)} = %s", _conditions(model, shape)]))
    return (
        f"UPDATE {_table(model)} SET {', '.join(sets)} WHERE {conditions} "  # noqa: S608 -- ditto
        f"RETURNING {_column(model, returning)}"
    )


@lru_cache(maxsize=1024)
def _locking(model: type[Model], shape: Shape, returning: str) -> str:
    conditions = " AND ".join(filter(None, [f"{_key(model)} = %s", _conditions(model, shape)]))
    return f"SELECT {_column(model, returning)} FROM {_table(model)} WHERE {conditions}{_for_update()}"  # noqa: S608 -- ditto


@lru_cache(maxsize=1024)
def _selection(
    model: type[Model], shape: Shape, order_by: tuple[str, ...], limit: int | None, *, lock: bool
) -> str:
    columns = ", ".join(f'"{field.column}"' for field in model._meta.concrete_fields)  # noqa: SLF001 -- ditto
    order = ", ".join(
        f"{_column(model, name.removeprefix('-'))}{' DESC' if name.startswith('-') else ''}"
        for name in order_by
    )
    return (
        f"SELECT {columns} FROM {_table(model)}{f' WHERE {_conditions(model, shape)}' if shape else ''}"  # noqa: S608 -- ditto
        f"{f' ORDER BY {order}' if order else ''}{f' LIMIT {limit:d}' if limit is not None else ''}"
        f"{_for_update() if lock else ''}"
    )


@cache
def _for_update() -> str:
    """SQLite has no row locks, and no need: who writes is alone."""
    return " FOR UPDATE" if connection.features.has_select_for_update else ""


@cache
def _conversion(model: type[Model]) -> tuple[list[str], list[tuple[int, Any, list[Any]]]]:
    """The attributes of a row in order, and what turns the database's values into Python's, by position."""
    fields = model._meta.concrete_fields  # noqa: SLF001 -- ditto
    converters = []
    for index, field in enumerate(fields):
        expression = field.get_col(model._meta.db_table)  # noqa: SLF001 -- ditto
        functions = connection.ops.get_db_converters(expression) + expression.get_db_converters(connection)
        if functions:
            converters.append((index, expression, functions))
    return [field.attname for field in fields], converters
