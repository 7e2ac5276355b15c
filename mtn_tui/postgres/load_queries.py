"""What a connection that loads asks the server, of itself, of tables and of checks."""

import os

# Several loads keep the cores busy already, so parallel index builds are no faster.
_HELPERS = max((os.cpu_count() or 1) // 2 - 1, 0)

# After a crash the load is discarded, so no commit needs to wait for the disk. An autovacuum of a table
# yields to statements that lock it, but only after deadlock_timeout. JIT compilation of the query that checks
# a foreign key takes longer than running it.
FOR_LOADING = f"""
    SET synchronous_commit = off;
    SET array_nulls = on; SET standard_conforming_strings = on;
    SET quote_all_identifiers = off;
    SELECT set_config(name, greatest(setting::bigint, 262144)::text, false)
        FROM pg_catalog.pg_settings WHERE name = 'maintenance_work_mem';
    SELECT set_config(name, least(setting::int, {_HELPERS})::text, false)
        FROM pg_catalog.pg_settings WHERE name = 'max_parallel_maintenance_workers';
    SELECT set_config(name, 'off', false) FROM pg_catalog.pg_settings WHERE name = 'jit';
    SELECT set_config('deadlock_timeout', '100ms', false) WHERE current_setting('is_superuser') = 'on'
"""  # noqa: S608 - a number of our own

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
