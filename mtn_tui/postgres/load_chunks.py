"""Statements, cut into what is sent to the server in one go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

_AT_ONCE = 100
_BYTES_AT_ONCE = 128 << 10
"""Statements that are sent in one go: many enough that waiting for the server's answers
counts for little, few enough that their locks do."""

# What begins or ends a transaction: it is sent alone.
_TRANSACTION = re.compile(
    rb"(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE)\b", re.IGNORECASE
)

EMPTY_PATH = re.compile(rb"SELECT pg_catalog\.set_config\('search_path', '', false\)\Z")
"""What pg_dump begins with: where a search path is asked for, it is set instead."""


def in_chunks(statements: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Cut into what can be sent in one go."""
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
