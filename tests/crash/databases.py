"""A database of its own for each process of the harness, gone afterwards: a SQLite file, or one in the PostgreSQL server."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from tests.on_servers import POSTGRES_URL


@dataclass(frozen=True, slots=True)
class Database:
    data: Path
    variables: dict[str, str]
    """What leads a process of the product to it, beside AGENTDESK_DATA."""


@contextmanager
def databases(kind: str, data: Path, count: int) -> Iterator[list[Database]]:
    folders = [data / str(index) for index in range(count)]
    for folder in folders:
        folder.mkdir(parents=True)
    mail = [{"EMAIL_URL": f"filemail:///{folder / 'mails'}"} for folder in folders]
    if kind == "sqlite":
        yield [Database(folder, variables) for folder, variables in zip(folders, mail, strict=True)]
        return
    names = [f"agentdesk_crash_{os.getpid()}_{secrets.token_hex(3)}" for _ in folders]
    with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
        for name in names:
            server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        base = POSTGRES_URL.rpartition("/")[0]
        yield [
            Database(folder, {**variables, "DATABASE_URL": f"{base}/{name}"})
            for folder, variables, name in zip(folders, mail, names, strict=True)
        ]
    finally:
        with psycopg.connect(POSTGRES_URL, autocommit=True) as server:
            for name in names:
                server.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )
