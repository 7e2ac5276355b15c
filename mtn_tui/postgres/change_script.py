"""The SQL of a differential, for psql as for our own restore: one transaction on a fresh copy of its full.

It demands the mark of its full in the database's comment and ends by writing its own, so that it can't be
applied twice, or to something else. In each table it counts the rows that it deletes, and all rows
afterwards: if both are right, there were as many before as in the full. Foreign keys, triggers, rules and row
security do not act meanwhile: by ``session_replication_role`` where that may be set, else by dropping or
disabling them; all of it is put back at the end of the same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import count

from psycopg import sql

from mtn_tui.postgres.changes import Change, Mode
from mtn_tui.postgres.leaf_tables import CALLING, OF_THEIR_OWN

ROWS_END = b"\\.\n"

_OPENING = """\
--
-- PostgreSQL database differential: what changed in {database} since its full backup {base},
-- as of {moment}. Apply it to that full, freshly restored, and to nothing else:
--     psql -d DATABASE -f THIS
--

\\set ON_ERROR_STOP on

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;
SET default_transaction_read_only = off;
SET xmloption = content;
SET DateStyle = 'ISO, YMD';
SET IntervalStyle = 'postgres';
SELECT pg_catalog.set_config('search_path', '', false);
SELECT pg_catalog.set_config(name, '0', false) FROM pg_catalog.pg_settings WHERE name = 'transaction_timeout';

BEGIN;

DO $mtn$
DECLARE
    said text := coalesce((SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database
        WHERE datname = pg_catalog.current_database()), '');
BEGIN
    IF pg_catalog.strpos(said, '[mtn {base}]') = 0 THEN
        RAISE EXCEPTION 'This differential belongs on the full {base}, freshly restored. Nothing was changed.'
            USING HINT = 'The comment of this database says: "' || said || '".';
    END IF;
END
$mtn$;
"""

# Everything is looked up in the database at hand. ``later`` takes what puts it back: in rounds, and in order.
_PREPARE = """
DO $mtn$
DECLARE
    replica boolean := true;
    later text[] := '{{}}';
    one record;
BEGIN
    BEGIN
        PERFORM pg_catalog.set_config('session_replication_role', 'replica', true);
    EXCEPTION WHEN insufficient_privilege THEN
        replica := false;
    END;
    -- First of all: they act on what follows.
    FOR one IN
        SELECT evtname AS name, evtenabled AS state FROM pg_catalog.pg_event_trigger
        WHERE evtenabled <> 'D' AND (evtenabled IN ('A', 'R') OR NOT replica)
          AND pg_catalog.pg_has_role(evtowner, 'USAGE')
    LOOP
        EXECUTE pg_catalog.format('ALTER EVENT TRIGGER %I DISABLE', one.name);
        later := later || pg_catalog.format('ALTER EVENT TRIGGER %I ENABLE %s', one.name,
            CASE one.state WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END);
    END LOOP;
    CREATE TEMPORARY TABLE mtn_touched (oid oid PRIMARY KEY) ON COMMIT DROP;
    CREATE TEMPORARY TABLE mtn_later (
        round integer, number integer GENERATED ALWAYS AS IDENTITY, sql text) ON COMMIT DROP;
    INSERT INTO pg_temp.mtn_later (round, sql) SELECT 3, sql FROM pg_catalog.unnest(later) AS sql;
END
$mtn$;

INSERT INTO pg_temp.mtn_touched
    SELECT pg_catalog.to_regclass(name) FROM pg_catalog.unnest(ARRAY[{names}]::text[]) AS name
    WHERE pg_catalog.to_regclass(name) IS NOT NULL
    UNION SELECT t.relid FROM pg_catalog.unnest(ARRAY[{names}]::text[]) AS name,
        LATERAL pg_catalog.pg_partition_tree(pg_catalog.to_regclass(name)) AS t WHERE t.relid IS NOT NULL;

DO $mtn$
DECLARE
    replica boolean := pg_catalog.current_setting('session_replication_role') = 'replica';
    one record;
BEGIN
    FOR one IN
        SELECT tgrelid::pg_catalog.regclass AS t, tgname AS name, tgenabled AS state
        FROM pg_catalog.pg_trigger JOIN pg_temp.mtn_touched AS touched ON touched.oid = tgrelid
        WHERE NOT tgisinternal AND tgenabled <> 'D' AND (tgenabled IN ('A', 'R') OR NOT replica)
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', one.t, one.name);
        INSERT INTO pg_temp.mtn_later (round, sql) VALUES (
            1, pg_catalog.format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', one.t,
                CASE one.state WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, one.name));
    END LOOP;

    FOR one IN
        SELECT ev_class::pg_catalog.regclass AS t, rulename AS name, ev_enabled AS state
        FROM pg_catalog.pg_rewrite JOIN pg_temp.mtn_touched AS touched ON touched.oid = ev_class
        WHERE rulename <> '_RETURN' AND ev_enabled <> 'D' AND (ev_enabled IN ('A', 'R') OR NOT replica)
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s DISABLE RULE %I', one.t, one.name);
        INSERT INTO pg_temp.mtn_later (round, sql) VALUES (
            1, pg_catalog.format('ALTER TABLE %s ENABLE %s RULE %I', one.t,
                CASE one.state WHEN 'A' THEN 'ALWAYS' WHEN 'R' THEN 'REPLICA' ELSE '' END, one.name));
    END LOOP;

    FOR one IN
        SELECT c.oid::pg_catalog.regclass AS t
        FROM pg_catalog.pg_class AS c JOIN pg_temp.mtn_touched AS touched USING (oid)
        WHERE relforcerowsecurity
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s NO FORCE ROW LEVEL SECURITY', one.t);
        INSERT INTO pg_temp.mtn_later (round, sql)
            VALUES (1, pg_catalog.format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', one.t));
    END LOOP;

    -- Of a table whose rows nothing tells apart none can be deleted while deletes are published.
    FOR one IN
        SELECT pubname AS name, pg_catalog.concat_ws(', ', CASE WHEN pubinsert THEN 'insert' END,
            CASE WHEN pubupdate THEN 'update' END, CASE WHEN pubtruncate THEN 'truncate' END) AS others
        FROM pg_catalog.pg_publication WHERE pubdelete AND pg_catalog.pg_has_role(pubowner, 'USAGE')
    LOOP
        EXECUTE pg_catalog.format('ALTER PUBLICATION %I SET (publish = %L)', one.name, one.others);
        INSERT INTO pg_temp.mtn_later (round, sql) VALUES (
            1, pg_catalog.format('ALTER PUBLICATION %I SET (publish = %L)', one.name,
                pg_catalog.concat_ws(', ', NULLIF(one.others, ''), 'delete')));
    END LOOP;

    -- Comments of constraints that go, or whose heirs go.
    INSERT INTO pg_temp.mtn_later (round, sql)
        SELECT 2, pg_catalog.format('COMMENT ON CONSTRAINT %I ON %s IS %L', c.conname,
            CASE c.conrelid WHEN 0 THEN 'DOMAIN ' || c.contypid::pg_catalog.regtype
                ELSE c.conrelid::pg_catalog.regclass::text END, said)
        FROM pg_catalog.pg_constraint AS c
        LEFT JOIN pg_catalog.pg_class AS r ON r.oid = c.conrelid
        LEFT JOIN pg_catalog.pg_type AS y ON y.oid = c.contypid,
        LATERAL pg_catalog.obj_description(c.oid, 'pg_constraint') AS said
        WHERE said IS NOT NULL
          AND (c.contype IN ('c', 'n') OR c.contype = 'f' AND NOT replica)
          AND pg_catalog.pg_has_role(COALESCE(r.relowner, y.typowner), 'USAGE');

    -- Checks that hold for new rows only, for here old ones come as new; and those that
    -- call functions, which may look into tables whose rows come later. What a table has of itself
    -- and of its parent as well goes after the parent's.
    LOOP
        FOR one IN
            WITH RECURSIVE above (oid) AS (
                SELECT oid FROM pg_temp.mtn_touched
                UNION SELECT inhparent FROM pg_catalog.pg_inherits JOIN above ON above.oid = inhrelid
            )
            SELECT c.conrelid::pg_catalog.regclass AS t, c.conname AS name,
                pg_catalog.pg_get_constraintdef(c.oid) AS definition
            FROM pg_catalog.pg_constraint AS c JOIN above ON above.oid = c.conrelid
            WHERE c.contype IN ('c', 'n') AND c.coninhcount = 0 AND (NOT c.convalidated OR EXISTS (
                SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_constraint'::regclass
                  AND d.objid = c.oid AND d.refclassid = 'pg_catalog.pg_proc'::regclass))
        LOOP
            EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', one.t, one.name);
            INSERT INTO pg_temp.mtn_later (round, sql) VALUES (
                1, pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', one.t, one.name, one.definition));
        END LOOP;
        EXIT WHEN NOT FOUND;
    END LOOP;
    FOR one IN
        SELECT c.contypid::pg_catalog.regtype AS t, c.conname AS name,
            pg_catalog.pg_get_constraintdef(c.oid) AS definition
        FROM pg_catalog.pg_constraint AS c JOIN pg_catalog.pg_type AS y ON y.oid = c.contypid
        WHERE c.contype = 'c' AND NOT c.convalidated AND pg_catalog.pg_has_role(y.typowner, 'USAGE')
    LOOP
        EXECUTE pg_catalog.format('ALTER DOMAIN %s DROP CONSTRAINT %I', one.t, one.name);
        INSERT INTO pg_temp.mtn_later (round, sql) VALUES (
            1, pg_catalog.format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', one.t, one.name, one.definition));
    END LOOP;

    -- Without the right to set the role, foreign keys would act: they go, and are checked anew at the end.
    FOR one IN
        WITH RECURSIVE keys (oid, parent) AS (
            SELECT c.oid, c.conparentid FROM pg_catalog.pg_constraint AS c
            WHERE NOT replica AND c.contype = 'f' AND (
                EXISTS (SELECT FROM pg_temp.mtn_touched AS t WHERE t.oid = c.conrelid)
                OR EXISTS (SELECT FROM pg_temp.mtn_touched AS t WHERE t.oid = c.confrelid))
            UNION
            SELECT c.oid, c.conparentid FROM keys JOIN pg_catalog.pg_constraint AS c ON c.oid = keys.parent
        )
        SELECT c.conrelid::pg_catalog.regclass AS t, c.conname AS name,
            pg_catalog.pg_get_constraintdef(c.oid) AS definition
        FROM keys JOIN pg_catalog.pg_constraint AS c USING (oid) WHERE keys.parent = 0
    LOOP
        EXECUTE pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I', one.t, one.name);
        INSERT INTO pg_temp.mtn_later (round, sql) VALUES (
            1, pg_catalog.format('ALTER TABLE %s ADD CONSTRAINT %I %s', one.t, one.name, one.definition));
    END LOOP;
END
$mtn$;
"""

CAN_BE_SHARED = f"""
    SELECT NOT EXISTS (SELECT FROM pg_temp.mtn_later WHERE sql NOT LIKE 'COMMENT ON CONSTRAINT %')
        AND NOT EXISTS (
            SELECT FROM ({CALLING}) AS calling JOIN pg_temp.mtn_touched AS touched USING (oid)
            WHERE calling.function IN ({OF_THEIR_OWN}))
""".encode()  # noqa: S608 - our own
"""Asked after the beginning: whether nothing was changed that other sessions would wait for, and that the end
puts back, and whether no function is called that may look into a table which another session changes.
So tables may be changed by several sessions, each of which plays the beginning."""

_PUT_BACK = b"""
SET CONSTRAINTS ALL IMMEDIATE;

DO $mtn$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT sql FROM pg_temp.mtn_later ORDER BY round, number LOOP
        EXECUTE one.sql;
    END LOOP;
END
$mtn$;
"""

_DELETED = """
DO {tag}
DECLARE
    gone bigint;
BEGIN
    {delete};
    GET DIAGNOSTICS gone = ROW_COUNT;
    IF gone <> {rows} THEN
        RAISE EXCEPTION '% has % of the {rows} rows that go: it is not as in the full. Nothing was changed.',
            {name}, gone;
    END IF;
END
{tag};
"""

_COUNTED = """
DO {tag}
DECLARE
    there bigint := (SELECT pg_catalog.count(*) FROM {rows_of} {condition});
BEGIN
    IF there <> {rows} THEN
        RAISE EXCEPTION '% has % rows, not {rows}: it was not as in the full. Nothing was changed.',
            {name}, there;
    END IF;
END
{tag};
"""


def opening(database: str, base: str, moment: str, changed: Sequence[Change]) -> bytes:
    """The beginning: settings, the demand for the full's mark, and what must not act meanwhile."""
    flat = " ".join(database.split())
    text = _OPENING.format(database=flat, base=base, moment=moment)
    if changed:
        text += _PREPARE.format(names=", ".join(_literal(change.table.quoted) for change in changed))
    return text.encode(errors="surrogateescape")


def before_gone(change: Change) -> bytes:
    """What stands before the keys of the rows that went; ROWS_END ends them."""
    key, rows_of = ", ".join(change.table.key), change.table.rows_of
    text = f"{_heading(change)}\n"
    text += f"CREATE TEMPORARY TABLE mtn_gone AS SELECT {key} FROM {rows_of} WITH NO DATA;\n"  # noqa: S608 - quoted
    text += f"COPY pg_temp.mtn_gone ({key}) FROM stdin;\n"
    return text.encode(errors="surrogateescape")


def before_rows(change: Change) -> bytes:
    """What stands before the rows of a table; ROWS_END ends them."""
    table = change.table
    if change.mode is Mode.MERGED:
        using = f"AS t USING pg_temp.mtn_gone AS gone WHERE {table.same_key('t', 'gone')}"
        text = _deleted(change, using, len(change.gone)) + "DROP TABLE pg_temp.mtn_gone;\n"
    elif change.mode is Mode.REPLACED:
        text = _heading(change) + _deleted(change, table.condition, change.base_rows)
    else:
        text = _heading(change)
    columns = f" ({', '.join(table.columns)})" if table.columns else ""
    text += f"\nCOPY {table.quoted}{columns} FROM stdin;\n"
    return text.encode(errors="surrogateescape")


def after_rows(change: Change) -> bytes:
    """What stands after a table's rows and their end."""
    table = change.table
    text = _COUNTED.format(
        tag=_tag(table.rows_of, table.condition, change.label),
        rows_of=table.rows_of,
        condition=table.condition,
        rows=change.now,
        name=_literal(change.label),
    )
    return text.encode(errors="surrogateescape")


def closing(mark: bytes, refresh: Iterable[bytes], end: bytes, *, put_back: bool) -> bytes:
    """The end: what is put back, the mark, and the views that are refreshed once that is done."""
    return b"".join(
        [
            _PUT_BACK if put_back else b"",
            b"\n" + mark + b";\n\nCOMMIT;\n\n",
            *(one + b";\n" for one in refresh),
            b"\n--\n" + end + b"\n--\n",
        ]
    )


def _heading(change: Change) -> str:
    told = {Mode.ADDED: "new rows", Mode.REPLACED: "all rows", Mode.MERGED: "rows gone, and new"}[change.mode]
    return f"\n--\n-- {' '.join(change.label.split())}: {told}\n--\n"


def _deleted(change: Change, which: str, rows: int) -> str:
    delete = f"DELETE FROM {change.table.rows_of} {which}".rstrip()  # noqa: S608 - quoted
    return _DELETED.format(
        tag=_tag(delete, change.label), delete=delete, rows=rows, name=_literal(change.label)
    )


def _tag(*quoted: str) -> str:
    """A dollar quote that does not occur in the texts it is to quote."""
    text = " ".join(quoted)
    return next(tag for n in count() if (tag := f"$mtn{n or ''}$") not in text)


def _literal(text: str) -> str:
    return sql.Literal(text).as_string()
