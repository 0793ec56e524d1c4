"""Files of tickets, row by row: CSV with a header, or one JSON object a line. What is wrong with a row is said by line."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from agentdesk.core.errors import Invalid
from agentdesk.core.text import shortened

COLUMNS = ("external_id", "customer", "subject", "body")
MAX_CELL = 2_000_000
JSON_SUFFIXES, CSV_SUFFIXES = {".jsonl", ".ndjson", ".json"}, {".csv", ".tsv"}


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    """Where it starts in the file, from 1."""
    external_id: str
    customer: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Problem:
    line: int
    reason: str


def rows_of(path: Path) -> Iterator[Row | Problem]:
    """Read the file as it goes, in little memory. Raises Invalid when the file as a whole is unusable."""
    with _opened(path) as file:
        read = _json_rows if _is_json(path, file) else _csv_rows
        yield from read(file)


def _opened(path: Path) -> TextIO:
    try:
        with path.open("rb") as raw:
            start = raw.read(4)
        if start.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise Invalid(f"{path.name} is written in UTF-16. Save it as UTF-8 and import it again.")
        # broken bytes become lone surrogates, so that only their own row is refused
        return path.open(encoding="utf-8-sig", errors="surrogateescape", newline="")
    except OSError as error:
        raise Invalid(f"{path} cannot be read: {error.strerror}.") from None


def _is_json(path: Path, file: TextIO) -> bool:
    """By the name, else by the first character that says something."""
    if path.suffix.lower() in JSON_SUFFIXES | CSV_SUFFIXES:
        return path.suffix.lower() in JSON_SUFFIXES
    start = file.read(1000)
    file.seek(0)
    return start.lstrip().startswith("{")


def _csv_rows(file: TextIO) -> Iterator[Row | Problem]:
    first = file.readline(MAX_CELL)
    file.seek(0)
    delimiter = max(",;\t", key=first.count)
    limit = csv.field_size_limit(MAX_CELL)
    try:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        header = _header(next(reader, []))
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield _csv_row(line, header, cells)
            line = reader.line_num + 1
    except csv.Error as error:
        yield Problem(
            reader.line_num,
            f"The CSV breaks off here ({error}); a quotation mark may be missing or doubled. Nothing after it was read.",
        )
    finally:
        csv.field_size_limit(limit)


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    wanted = f"Write the columns {', '.join(COLUMNS)} into the first line."
    if not any(names):
        raise Invalid(f"The file has no header. {wanted}")
    missing = [column for column in COLUMNS if column not in names]
    if missing:
        raise Invalid(
            f"The header lacks {', '.join(missing)}; it has {shortened(', '.join(names), 200)}. {wanted}"
        )
    twice = [column for column in COLUMNS if names.count(column) > 1]
    if twice:
        raise Invalid(f"The header names {', '.join(twice)} twice. {wanted}")
    return names


def _csv_row(line: int, header: list[str], cells: list[str]) -> Row | Problem:
    if len(cells) != len(header):
        return Problem(
            line,
            f"It has {len(cells)} cells and the header has {len(header)}. Put cells with separators in quotation marks.",
        )
    return _row(line, dict(zip(header, cells, strict=True)))


def _json_rows(file: TextIO) -> Iterator[Row | Problem]:
    number = 0
    while text := file.readline(MAX_CELL + 1):
        number += 1
        if len(text) > MAX_CELL:
            while text and not text.endswith("\n"):
                text = file.readline(MAX_CELL)
            yield Problem(number, f"The line is longer than {MAX_CELL:,} characters.")
        elif text.strip():
            yield _json_row(number, text)


def _json_row(line: int, text: str) -> Row | Problem:
    try:
        value = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        return Problem(line, f"It is not valid JSON ({shortened(str(error), 120)}). Write one object a line.")
    if not isinstance(value, dict):
        return Problem(line, "It is not a JSON object. Write one object a line, not one list.")
    missing = [column for column in COLUMNS if column not in value]
    if missing:
        return Problem(line, f"It lacks {', '.join(missing)}.")
    if isinstance(value["external_id"], int) and not isinstance(value["external_id"], bool):
        value["external_id"] = str(value["external_id"])
    wrong = [column for column in COLUMNS if not isinstance(value[column], str)]
    if wrong:
        return Problem(line, f"{', '.join(wrong)} must be text.")
    return _row(line, value)


def _row(line: int, cells: dict[str, str]) -> Row | Problem:
    texts = {column: cells[column] for column in COLUMNS}
    for column, text in texts.items():
        if "\x00" in text:
            return Problem(line, f"The {column} contains a NUL byte. Remove it.")
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return Problem(line, f"The {column} is not valid UTF-8. Save the file as UTF-8.")
    empty = [column for column, text in texts.items() if not text.strip()]
    if empty:
        return Problem(line, f"{', '.join(empty)} must not be empty.")
    return Row(line=line, **{column: text.strip() for column, text in texts.items()})


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key appears twice")
    return value
