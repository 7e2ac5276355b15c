"""Where the columns of a database's rows lie, of which its schema tells nothing.

A column that is dropped and added again under its name and type looks as before, but all rows
have lost what they had in it, though none was written anew: neither the schema nor
the rows' transactions tell. Its number in the catalogue does, for none is used twice.
The same goes for the attributes of composite types.
"""

from __future__ import annotations

from mtn_tui.postgres.connection import Connection, translated

_LAYOUT = """
    SELECT encode(sha256(convert_to(coalesce(string_agg(
        format('%I.%I %s %I', nspname, relname, attnum, attname), E'\\n'
        ORDER BY nspname COLLATE "C", relname COLLATE "C", attnum), ''), getdatabaseencoding())), 'hex')
    FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = attrelid
    JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE attnum > 0 AND NOT attisdropped AND relkind IN ('r', 'p', 'c') AND relpersistence <> 't'
      AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname !~ '^pg_(toast|temp)'
"""


def layout(connection: Connection) -> str:
    """A hash of the numbers of all columns, in hex. Call it within the snapshot. Raises PostgresError."""
    with translated():
        row = connection.execute(_LAYOUT).fetchone()
    assert row is not None  # noqa: S101 - it aggregates
    return str(row[0])
