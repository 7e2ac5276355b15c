"""Splits the output of one ``pg_dump`` run into schema, data and rows, while it passes.

pg_dump writes what tables are made of, then their rows, sequences and large
objects, then what needs those: keys, triggers, grants, refreshes. The script is
cut into statements as psql cuts it (``archive.statements``), and each is classified
by its first words. Text in function bodies and names is quoted, and ignored.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mtn_tui.archive.rows import CopyDone, CopyRows
from mtn_tui.archive.statements import CopyIn, PsqlCommand, Statement, Text, texts


@dataclass(frozen=True)
class PreData:
    """Statements before the first that is data."""

    data: bytes
    schema: bool
    """Whether ``pg_dump --schema-only`` writes it too."""


@dataclass(frozen=True)
class Sql:
    """Data that is not a table's: a sequence's value, a large object."""

    data: bytes


@dataclass(frozen=True)
class Copy:
    """The start of a table's rows: the COPY statement with its newline, and comments before it."""

    data: bytes
    table: str
    statement: str


@dataclass(frozen=True)
class PostData:
    """Statements after the first data that are not data."""

    data: bytes
    schema: bool


Piece = PreData | Sql | Copy | PostData | CopyRows | CopyDone

IDENTIFIER = rb'(?:"(?:[^"]|"")*"|[^\s".(]+)'
_COPY = re.compile(rb"COPY (%b(?:\.%b)?) (?:\(.*\))? ?FROM stdin" % (IDENTIFIER, IDENTIFIER), re.DOTALL)

_DATA = re.compile(rb"SELECT pg_catalog\.(?:setval|lo_open|lo_close|lowrite)\(|(?:BEGIN|COMMIT)\Z")

# Large objects are made among the data, by pg_dump 16 and older just before it.
_LARGE_OBJECT = re.compile(
    rb"SELECT pg_catalog\.lo_create\(|(?:ALTER|COMMENT ON|SECURITY LABEL FOR \S+ ON) LARGE OBJECT "
)
_NOT_SCHEMA = re.compile(rb"REFRESH MATERIALIZED VIEW |(?:GRANT|REVOKE) [A-Z, ]+ ON LARGE OBJECT ")


def borders(chunks: Iterable[bytes]) -> Iterator[Piece]:
    """Yield all bytes of ``chunks`` in order, classified; CopyDone stands for ``rows.CLOSE``.

    Raises Truncated if they end within rows, a statement or a quoted string.
    """
    data_seen = False
    for text in texts(chunks):
        if not isinstance(text, Text):
            yield text
            continue
        match text.event:
            case CopyIn(sql):
                data_seen = True
                yield _copy(text.data, sql)
            case Statement(sql):
                makes_large_object = _LARGE_OBJECT.match(sql) is not None
                if _DATA.match(sql) or (data_seen and makes_large_object):
                    data_seen = True
                    yield Sql(text.data)
                else:
                    kind = PostData if data_seen else PreData
                    yield kind(text.data, not makes_large_object and not _NOT_SCHEMA.match(sql))
            case PsqlCommand() | None:
                yield (PostData if data_seen else PreData)(text.data, schema=True)


def _copy(data: bytes, sql: bytes) -> Copy:
    found = _COPY.fullmatch(sql)
    assert found is not None, sql  # noqa: S101 - pg_dump writes no other COPY
    table, statement = (text.decode(errors="surrogateescape") for text in (found[1], sql + b";"))
    return Copy(data, table, statement)
