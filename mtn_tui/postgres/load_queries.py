"""What a connection that loads asks the server about tables and checks."""

MAY_BE_EMPTIED = b"""
    SELECT relkind = 'r' AND has_table_privilege(oid, 'TRUNCATE') AND NOT EXISTS (SELECT FROM ONLY %b)
        AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE confrelid = c.oid AND contype = 'f')
    FROM pg_catalog.pg_class AS c WHERE oid = '%b'::regclass
"""

TABLES_OF_EXTENSIONS = b"""
    SELECT nspname, relname FROM pg_catalog.pg_depend AS d
    JOIN pg_catalog.pg_class AS c ON c.oid = d.objid
    JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.deptype = 'e' AND c.relkind IN ('r', 'p')
"""

ARE_THERE = b"""
    SELECT pg_catalog.to_regclass(name) IS NOT NULL
    FROM unnest(ARRAY[%b]::text[]) WITH ORDINALITY AS given (name, number) ORDER BY number
"""

CHECKS_THAT_CALL = b"""
    SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_depend AS d ON d.objid = c.oid
        WHERE c.contype = 'c' AND d.classid = 'pg_catalog.pg_constraint'::regclass
          AND d.refclassid = 'pg_catalog.pg_proc'::regclass)
"""

MUCH_CHANGED = """
    SELECT name FROM (
        SELECT pg_catalog.unnest(%s::text[]) AS name, pg_catalog.unnest(%s::bigint[]) AS rows) AS changed
    LEFT JOIN pg_catalog.pg_class AS c ON c.oid = pg_catalog.to_regclass(name)
    WHERE rows > 50 + 0.1 * coalesce(reltuples, 0)
"""
