"""Schemas of many small tables, where statements and round trips outweigh the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg

_ROWS = 5
_AT_ONCE = 200


@dataclass(frozen=True)
class Schema:
    name: str
    """Of its database, too."""
    what: str
    statements: Callable[[], Iterator[str]]


def _one_users_table() -> Iterator[str]:
    """900 tables with four foreign keys each, all to one table, as applications have them."""
    yield "CREATE TABLE users (id int PRIMARY KEY, name text)"
    yield "INSERT INTO users SELECT n, md5(n::text) FROM generate_series(1, 1000) n"
    who = ("created_by", "updated_by", "approved_by", "deleted_by")
    for number in range(900):
        columns = ", ".join(f"{one} int REFERENCES users" for one in who)
        yield f"CREATE TABLE t{number} (id serial PRIMARY KEY, name text, {columns})"
        yield (
            f"INSERT INTO t{number} (name, {', '.join(who)})"
            f" SELECT md5(n::text), n, n, n, n FROM generate_series(1, {_ROWS}) n"
        )


def _many_tables() -> Iterator[str]:
    for number in range(8000):
        yield f"CREATE TABLE t{number} (id int PRIMARY KEY, name text, at timestamptz DEFAULT now())"
        yield f"INSERT INTO t{number} SELECT n, md5(n::text) FROM generate_series(1, {_ROWS}) n"


SCHEMAS = (
    Schema("bench_users", "900 tables, 3,600 foreign keys to one", _one_users_table),
    Schema("bench_many", "8,000 tables", _many_tables),
)


def build(conninfo: str, schema: Schema) -> None:
    """Into the empty database that ``conninfo`` leads to."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        batch: list[str] = []
        for statement in schema.statements():
            batch.append(statement)
            if len(batch) == _AT_ONCE:
                connection.execute(";".join(batch).encode())
                batch = []
        connection.execute(";".join(batch).encode() or b"SELECT")
