"""Builds a query for the rows that violate a key."""

from __future__ import annotations

import re

_NAME = r'(?:"(?:[^"]|"")*"|[^\s".(;,]+)'
_TABLE = rf"(?P<table>{_NAME}(?:\.{_NAME})?)"
_COLUMNS = rf"\((?P<columns>{_NAME}(?:, {_NAME})*)\)"
_UNIQUE = (
    re.compile(rf"ALTER TABLE (?:ONLY )?{_TABLE}\s+ADD CONSTRAINT {_NAME} (?:PRIMARY KEY|UNIQUE) {_COLUMNS}"),
    re.compile(rf"CREATE UNIQUE INDEX {_NAME} ON (?:ONLY )?{_TABLE} USING btree {_COLUMNS}"),
)
_FOREIGN = re.compile(
    rf"ALTER TABLE (?:ONLY )?{_TABLE}\s+ADD CONSTRAINT {_NAME} FOREIGN KEY {_COLUMNS}"
    rf" REFERENCES (?P<other>{_NAME}(?:\.{_NAME})?)\((?P<keys>{_NAME}(?:, {_NAME})*)\)"
)


def query_for(statement: str) -> str:
    """Return a query for duplicates or dangling references; empty if the statement is not a simple key."""
    for pattern in _UNIQUE:
        if found := pattern.match(statement):
            columns = found["columns"]
            return f"SELECT {columns}, count(*) FROM {found['table']} GROUP BY {columns} HAVING count(*) > 1;"  # noqa: S608 - shown, not run
    if found := _FOREIGN.match(statement):
        pairs = [*zip(re.findall(_NAME, found["columns"]), re.findall(_NAME, found["keys"]), strict=True)]
        equal = " AND ".join(f"one.{column} = other.{key}" for column, key in pairs)
        there = " AND ".join(f"one.{column} IS NOT NULL" for column, _key in pairs)
        return (
            f"SELECT one.* FROM {found['table']} AS one WHERE {there}"  # noqa: S608 - shown, not run
            f" AND NOT EXISTS (SELECT FROM {found['other']} AS other WHERE {equal});"
        )
    return ""
