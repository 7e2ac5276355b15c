"""The statements of a differential that are not rows of tables: sequences, and views to be refreshed."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter

from psycopg import sql

from mtn_tui.postgres.connection import Connection, translated

_AT_ONCE = 500

_SEQUENCES = """
    SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind = 'S' AND c.relpersistence <> 't'
      AND (c.relpersistence <> 'u' OR NOT pg_is_in_recovery())
      AND n.nspname NOT IN ('pg_catalog', 'information_schema')
      AND (EXISTS (SELECT FROM pg_extension WHERE c.oid = ANY (extconfig)) OR NOT EXISTS (
          SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
            AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'))
    ORDER BY 1, 2
"""

_VIEWS = """
    SELECT c.oid::bigint, n.nspname, c.relname, c.relispopulated, c.relkind = 'm' AND NOT EXISTS (
            SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
              AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'),
        ARRAY(SELECT DISTINCT d.refobjid::bigint FROM pg_rewrite AS r JOIN pg_depend AS d
            ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid AND d.refclassid = 'pg_class'::regclass
            WHERE r.ev_class = c.oid AND d.refobjid <> c.oid)
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('v', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
    ORDER BY n.nspname, c.relname
"""


def sequences(connection: Connection) -> Iterator[bytes]:
    """A ``setval`` for every sequence that the server has, as it is now: they know no snapshots."""
    with translated():
        names = [(str(schema), str(name)) for schema, name in connection.execute(_SEQUENCES).fetchall()]
        for start in range(0, len(names), _AT_ONCE):
            some = [sql.Identifier(*name).as_string() for name in names[start : start + _AT_ONCE]]
            queries = [
                f"SELECT {number}, last_value, is_called FROM {one}"  # noqa: S608 - quoted
                for number, one in enumerate(some)
            ]
            for number, value, called in sorted(
                connection.execute("\nUNION ALL ".join(queries).encode()).fetchall()
            ):
                name = sql.Literal(some[int(str(number))]).as_string().strip()
                said = "true" if called else "false"
                yield f"SELECT pg_catalog.setval({name}, {value}, {said});\n".encode(errors="surrogateescape")


def refreshes(connection: Connection) -> list[bytes]:
    """A REFRESH for every materialized view, each after those that it reads.

    One that has no rows, or reads one that has none, is emptied: the full may have filled it.
    """
    with translated():
        rows = connection.execute(_VIEWS).fetchall()
    named = {
        int(str(oid)): sql.Identifier(str(schema), str(name)).as_string() for oid, schema, name, *_ in rows
    }
    materialized = {int(str(oid)) for oid, _schema, _name, _full, kept, _reads in rows if kept}
    empty = {int(str(oid)) for oid, _schema, _name, full, _kept, _reads in rows if not full}
    reads: dict[int, set[int]] = {
        int(str(oid)): {one for one in of if one in named}  # type: ignore[attr-defined]  # bigint[]
        for oid, _schema, _name, _full, _kept, of in rows
    }
    found = []
    for oid in TopologicalSorter(reads).static_order():
        if reads[oid] & empty:
            empty.add(oid)
        if oid in materialized:
            without = " WITH NO DATA" if oid in empty else ""
            found.append(f"REFRESH MATERIALIZED VIEW {named[oid]}{without}".encode(errors="surrogateescape"))
    return found
