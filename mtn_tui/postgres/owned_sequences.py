"""Sequences that feed columns, and how one is set forward that its column has overtaken."""

from __future__ import annotations

from collections.abc import Iterable

from psycopg import sql

from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.leaf_tables import Table

_OWNED = """
    SELECT n.nspname, s.relname, quote_ident(a.attname), q.seqincrement > 0, q.seqmin, q.seqmax
    FROM pg_depend AS d
    JOIN pg_class AS s ON s.oid = d.objid AND s.relkind = 'S'
    JOIN pg_namespace AS n ON n.oid = s.relnamespace
    JOIN pg_sequence AS q ON q.seqrelid = s.oid
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
      AND d.deptype IN ('a', 'i') AND d.refobjid = %s
      AND CASE WHEN s.relkind = 'S' THEN has_sequence_privilege(s.oid, 'SELECT') END
    ORDER BY 1, 2
"""


def set_forward(connection: Connection, tables: Iterable[Table]) -> list[str]:
    """Statements that set forward the sequences of ``tables`` that are behind their columns now.

    Each looks once more, and never sets one back. Raises PostgresError.
    """
    found = []
    with translated():
        for table in tables:
            for schema, name, column, up, least, most in connection.execute(_OWNED, [table.oid]).fetchall():
                sequence = sql.Identifier(str(schema), str(name)).as_string()
                literal = sql.Literal(sequence).as_string(connection).strip()
                last, past = ("max", ">") if up else ("min", "<")
                behind = (
                    f"FROM (SELECT {last}({column})::numeric AS value FROM {table.quoted}) AS t,"  # noqa: S608
                    f" {sequence} AS s"
                    f" WHERE t.value BETWEEN {least} AND {most}"
                    f" AND (t.value {past} s.last_value OR t.value = s.last_value AND NOT s.is_called)"
                )
                if connection.execute(f"SELECT 1 {behind}".encode()).fetchone():
                    found.append(f"SELECT pg_catalog.setval({literal}, t.value::bigint) {behind}")
    return found
