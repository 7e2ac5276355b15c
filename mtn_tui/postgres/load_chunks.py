"""Groups statements, and cuts rows, into what is sent to the server at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_AT_ONCE = 100
_BYTES_AT_ONCE = 128 << 10
"""Limits of a chunk: large enough that round trips hardly matter, small enough that the
locks held do not matter either."""

_MESSAGE = 32 << 10
"""Bytes of rows: so few are still in the server's cache when it reads them."""

# Statements that begin or end a transaction are sent alone.
_TRANSACTION = re.compile(
    rb"(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE)\b", re.IGNORECASE
)

EMPTY_PATH = re.compile(rb"SELECT pg_catalog\.set_config\('search_path', '', false\)\Z")
"""The statement with which pg_dump scripts begin; a requested search path replaces it."""


def in_chunks(statements: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Yield the statements in chunks."""
    chunk: list[bytes] = []
    size = 0
    for statement in statements:
        alone = any(one.match(statement) for one in (_TRANSACTION, EMPTY_PATH))
        if chunk and (alone or len(chunk) == _AT_ONCE or size + len(statement) > _BYTES_AT_ONCE):
            yield chunk
            chunk, size = [], 0
        chunk.append(statement)
        size += _BYTES_AT_ONCE if alone else len(statement)
    if chunk:
        yield chunk


def in_messages(rows: bytes) -> Iterator[bytes]:
    """Yield the rows in pieces, cut anywhere."""
    for start in range(0, len(rows), _MESSAGE):
        yield rows[start : start + _MESSAGE]
