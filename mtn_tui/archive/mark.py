"""The statement that ends a backup's script: it writes the backup's id into the database's comment.

A differential demands that mark of the database it is applied to.
"""

from __future__ import annotations

import re

_ID = b"[a-z2-7]{8}"


def statement(backup_id: bytes) -> bytes:
    """The mark of one backup. An id is letters and digits: nothing in it needs quoting."""
    return (
        rb"""DO $mtn$
BEGIN
    EXECUTE format('COMMENT ON DATABASE %%I IS %%L', current_database(), btrim(concat_ws(' ',
        regexp_replace(shobj_description(oid, 'pg_database'), '\s*\[mtn [a-z2-7]+\]', '', 'g'),
        '[mtn %b]'))) FROM pg_database WHERE datname = current_database();
END
$mtn$"""
        % backup_id
    )


_MARK = re.compile(re.escape(statement(b"@")).replace(b"@", _ID))


def is_one(sql: bytes) -> bool:
    """Whether a statement is the mark of some backup, byte for byte."""
    return _MARK.fullmatch(sql) is not None
