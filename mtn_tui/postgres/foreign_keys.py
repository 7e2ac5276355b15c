"""Whether the foreign keys of a database hold, asked of its rows: a differential is applied without them."""

from __future__ import annotations

from mtn_tui.postgres.connection import Connection, translated

_NOT_VALIDATED = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint AS c
    WHERE contype = 'f' AND conparentid = 0 AND NOT convalidated
        AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
    ORDER BY 1, 2
"""

# As PostgreSQL asks when a foreign key is added. Not those over periods: no join of equals tells of them.
_QUERIES = """
    SELECT c.conrelid::regclass::text, c.conname, format(
        'SELECT EXISTS (SELECT FROM %s %s AS f LEFT JOIN %s %s AS p ON %s WHERE p.%I IS NULL AND (%s))',
        CASE child.relkind WHEN 'p' THEN '' ELSE 'ONLY' END, c.conrelid::regclass,
        CASE parent.relkind WHEN 'p' THEN '' ELSE 'ONLY' END, c.confrelid::regclass,
        k.equal, k.one_of_parent, CASE c.confmatchtype WHEN 'f' THEN k.some ELSE k.every END)
    FROM pg_constraint AS c
    JOIN pg_class AS child ON child.oid = c.conrelid
    JOIN pg_class AS parent ON parent.oid = c.confrelid
    CROSS JOIN LATERAL (
        SELECT string_agg(
                format('p.%I OPERATOR(%I.%s) f.%I', p.attname, nspname, oprname, f.attname)
                || CASE WHEN p.attcollation NOT IN (0, f.attcollation) THEN (
                    SELECT format(' COLLATE %I.%I', nspname, collname) FROM pg_collation AS l
                    JOIN pg_namespace AS n ON n.oid = collnamespace WHERE l.oid = p.attcollation
                ) ELSE '' END, ' AND '
            ) AS equal,
            string_agg(format('f.%I IS NOT NULL', f.attname), ' AND ') AS every,
            string_agg(format('f.%I IS NOT NULL', f.attname), ' OR ') AS some,
            min(p.attname::text) AS one_of_parent
        FROM unnest(c.conkey, c.confkey, c.conpfeqop) AS pair (child, parent, operator)
        JOIN pg_attribute AS f ON f.attrelid = c.conrelid AND f.attnum = pair.child
        JOIN pg_attribute AS p ON p.attrelid = c.confrelid AND p.attnum = pair.parent
        JOIN pg_operator AS o ON o.oid = pair.operator
        JOIN pg_namespace AS n ON n.oid = o.oprnamespace
    ) AS k
    WHERE c.contype = 'f' AND c.conparentid = 0 AND c.convalidated
        AND coalesce((to_jsonb(c) ->> 'conenforced')::boolean, true)
        AND NOT coalesce((to_jsonb(c) ->> 'conperiod')::boolean, false)
    ORDER BY 1, 2
"""


def not_validated(connection: Connection) -> list[str]:
    """Foreign keys that are NOT VALID, as ``table: name``; not those that are meant not to be enforced."""
    with translated():
        rows = connection.execute(_NOT_VALIDATED).fetchall()
    return [f"{table}: {name}" for table, name in rows]


def violated(connection: Connection) -> list[str]:
    """Foreign keys with a row whose parent is not there, as ``table: name``. Reads their tables whole."""
    with translated():
        found = connection.execute(_QUERIES).fetchall()
        return [
            f"{table}: {name}"
            for table, name, query in found
            if connection.execute(str(query).encode()).fetchone() == (True,)
        ]
