"""Rows that were lost come back from a database restored beside, and nothing else changes."""

from __future__ import annotations

import os

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import PostgresError, Refused, UsageError
from mtn_tui.operations.incident import steps
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor, Step
from mtn_tui.operations.recover.found import Request
from mtn_tui.operations.recover.recover import look, recover
from mtn_tui.postgres.compare import table_digests

KINDS = {
    "a parent, and what hangs on it by cascade": (
        """
        CREATE TABLE course (id int PRIMARY KEY, name text);
        CREATE TABLE seat (id int PRIMARY KEY, course int NOT NULL REFERENCES course ON DELETE CASCADE);
        INSERT INTO course VALUES (1, 'a'), (2, E'tab\\there\\nand \\\\. here'), (3, NULL);
        INSERT INTO seat SELECT n, 1 + n % 3 FROM generate_series(1, 30) AS n;
        """,
        "DELETE FROM course WHERE id IN (2, 3)",
    ),
    "an identity that is always generated": (
        """
        CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, told text);
        INSERT INTO t (told) VALUES ('a'), ('b'), ('c');
        """,
        "DELETE FROM t WHERE id = 2",
    ),
    "a generated column": (
        """
        CREATE TABLE t (id int PRIMARY KEY, twice int GENERATED ALWAYS AS (id * 2) STORED, told text);
        INSERT INTO t VALUES (1, DEFAULT, 'a'), (2, DEFAULT, 'b');
        """,
        "DELETE FROM t WHERE id = 1",
    ),
    "a key of several columns, of uncommon types": (
        """
        CREATE TABLE t (day timestamptz, kind "char", name varchar(9) COLLATE "C", told text,
            PRIMARY KEY (day, kind, name));
        INSERT INTO t SELECT '2026-04-05 03:30+00'::timestamptz + n * interval '1 s', 'x', n || ' ''\\"', n
            FROM generate_series(1, 9) AS n;
        """,
        "DELETE FROM t WHERE told::int % 2 = 0",
    ),
    "rows that refer to others of their table": (
        """
        CREATE TABLE t (id int PRIMARY KEY, above int REFERENCES t ON DELETE CASCADE);
        INSERT INTO t VALUES (9, NULL), (1, 9), (8, 1), (2, 8), (7, NULL);
        """,
        "DELETE FROM t WHERE id = 9",
    ),
    "partitions": (
        """
        CREATE TABLE t (id int, at date, told text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
        CREATE TABLE t1 PARTITION OF t FOR VALUES FROM ('2026-01-01') TO ('2026-02-01');
        CREATE TABLE t2 PARTITION OF t FOR VALUES FROM ('2026-02-01') TO ('2026-03-01')
            PARTITION BY LIST (id);
        CREATE TABLE t21 PARTITION OF t2 DEFAULT;
        CREATE TABLE of_it (id int PRIMARY KEY, t int, at date,
            FOREIGN KEY (t, at) REFERENCES t ON DELETE CASCADE);
        INSERT INTO t VALUES (1, '2026-01-05', 'a'), (2, '2026-02-05', 'b'), (3, '2026-02-06', 'c');
        INSERT INTO of_it VALUES (1, 1, '2026-01-05'), (2, 2, '2026-02-05'), (3, 3, '2026-02-06');
        """,
        "DELETE FROM t WHERE id < 3",
    ),
    "a table that inherits from another": (
        """
        CREATE TABLE t (id int PRIMARY KEY, told text);
        CREATE TABLE u (more text, PRIMARY KEY (id)) INHERITS (t);
        INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1, 'b', 'c'), (2, 'd', 'e');
        """,
        "DELETE FROM t WHERE id = 1",
    ),
    "a circle of foreign keys, deferrable": (
        """
        CREATE TABLE a (id int PRIMARY KEY, b int NOT NULL);
        CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a ON DELETE CASCADE);
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON DELETE CASCADE DEFERRABLE;
        BEGIN; SET CONSTRAINTS ALL DEFERRED; INSERT INTO a VALUES (1, 1), (2, 2);
        INSERT INTO b VALUES (1, 1), (2, 2); COMMIT;
        """,
        "DELETE FROM a WHERE id = 1",
    ),
    "a circle of foreign keys that can't be deferred, in whose rows there is none": (
        """
        CREATE TABLE a (id int PRIMARY KEY, b int);
        CREATE TABLE b (id int PRIMARY KEY, a int REFERENCES a ON DELETE CASCADE);
        ALTER TABLE a ADD FOREIGN KEY (b) REFERENCES b ON DELETE CASCADE;
        INSERT INTO a VALUES (1, NULL); INSERT INTO b VALUES (1, 1);
        INSERT INTO a VALUES (2, 1); INSERT INTO b VALUES (2, 2); INSERT INTO a VALUES (3, 2);
        """,
        "DELETE FROM a WHERE id = 1",
    ),
    "a unique key instead of a primary one, and odd names": (
        """
        CREATE SCHEMA "S s";
        CREATE TABLE "S s"."T""t" ("Id d" uuid NOT NULL UNIQUE, "n n" int, "select" text);
        INSERT INTO "S s"."T""t" SELECT gen_random_uuid(), n, n FROM generate_series(1, 5) AS n;
        """,
        'DELETE FROM "S s"."T""t" WHERE "n n" > 2',
    ),
    "a trigger that notes what is written": (
        """
        CREATE TABLE t (id int PRIMARY KEY); CREATE TABLE noted (told text);
        CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN INSERT INTO noted VALUES (TG_OP || NEW.id); RETURN NEW; END';
        INSERT INTO t VALUES (1), (2);
        CREATE TRIGGER note AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION note();
        """,
        "DELETE FROM t WHERE id = 2",
    ),
}


@pytest.fixture
def lost(new_database, practise):
    """Makes production of ``script``, a copy of it beside, and then lets ``loss`` happen to production."""

    def make(server, script, loss):
        live = new_database(server, script=script)
        beside = new_database(server, name=f"{live.name}_recovery", template=live.name)
        beside.psql(f'ALTER DATABASE "{beside.name}" SET default_transaction_read_only = on')
        live.psql(loss)
        return practise(live), live, beside

    return make


def run(practice, beside, **more):
    return practice.run("recover", lambda job: recover(job, practice.context, Request(beside.name, **more)))


def contents(database):
    """What all tables hold, but the one that a trigger writes to."""
    return {
        name: held
        for name, held in table_digests(database.login, database.name).items()
        if "noted" not in name
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_lost_rows_come_back_as_they_were(kind, lost, any_pg):
    practice, live, beside = lost(any_pg, *KINDS[kind])
    before = contents(live)
    found = look(practice.context, Request(beside.name))
    assert contents(live) == before
    assert not found.conflicts
    done = run(practice, beside)
    assert contents(live) == contents(beside)
    assert done.rows == found.rows == found.chosen > 0
    if "trigger" in kind:
        assert live.psql("SELECT told FROM noted") == b"INSERT2\n"


@pytest.mark.sample("a parent", "partitions", "a circle of foreign keys, deferrable")
@pytest.mark.parametrize("kind", KINDS)
def test_the_script_does_the_same_by_hand_and_no_second_time(kind, lost, pg18):
    practice, live, beside = lost(pg18, *KINDS[kind])
    found = look(practice.context, Request(beside.name))
    assert found.script.stat().st_mode & 0o777 == 0o600
    live.run("psql", "-X", "-f", str(found.script))
    assert contents(live) == contents(beside)
    live.run("psql", "-X", "-f", str(found.script), check=False)
    assert contents(live) == contents(beside)


REFUSED = {
    "a unique value is taken by a new row": (
        """
        CREATE TABLE t (id int PRIMARY KEY, told text UNIQUE); INSERT INTO t VALUES (1, 'secret'), (2, 'b');
        """,
        "DELETE FROM t; INSERT INTO t VALUES (3, 'secret')",
        "23505",
    ),
    "its parent is missing in both": (
        """
        CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (id int PRIMARY KEY, p int, told text);
        INSERT INTO t VALUES (1, 7, 'secret'), (2, NULL, 'b');
        """,
        "DELETE FROM t; ALTER TABLE t ADD FOREIGN KEY (p) REFERENCES p",
        "23503",
    ),
    "a trigger refuses it": (
        "CREATE TABLE t (id int PRIMARY KEY, told text); INSERT INTO t VALUES (1, 'secret'), (2, 'b');",
        """
        DELETE FROM t;
        CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.id = 1 THEN RAISE EXCEPTION 'not %', NEW.told; END IF; RETURN NEW; END $$;
        CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no();
        """,
        "P0001",
    ),
    "a trigger leaves it out without a word": (
        "CREATE TABLE t (id int PRIMARY KEY, told text); INSERT INTO t VALUES (1, 'secret'), (2, 'b');",
        """
        DELETE FROM t;
        CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.id = 1 THEN RETURN NULL; END IF; RETURN NEW; END $$;
        CREATE TRIGGER no BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION no();
        """,
        "",
    ),
    "a check that is newer": (
        "CREATE TABLE t (id int PRIMARY KEY, told text); INSERT INTO t VALUES (1, 'secret'), (2, 'b');",
        "DELETE FROM t; ALTER TABLE t ADD CHECK (told <> 'secret')",
        "23514",
    ),
    "what hangs on a refused row": (
        """
        CREATE TABLE t (id int PRIMARY KEY, told text UNIQUE);
        CREATE TABLE u (id int PRIMARY KEY, t int REFERENCES t ON DELETE CASCADE);
        INSERT INTO t VALUES (1, 'secret'), (2, 'b'); INSERT INTO u VALUES (1, 2);
        """,
        "DELETE FROM t; INSERT INTO t VALUES (3, 'secret')",
        "23505",
    ),
}


@pytest.mark.sample("a unique value", "its parent is missing", "what hangs on")
@pytest.mark.parametrize("kind", REFUSED)
def test_a_refused_row_is_named_and_the_others_come_back_only_if_that_is_chosen(kind, lost, pg18):
    script, loss, state = REFUSED[kind]
    practice, live, beside = lost(pg18, script, loss)
    before = contents(live)
    found = look(practice.context, Request(beside.name))
    assert [(one.state, one.batch.rows) for one in found.conflicts] == [(state, 1)]
    assert found.script is None
    with pytest.raises(PostgresError) as raised:
        run(practice, beside)
    assert contents(live) == before
    assert "t" in raised.value.title
    if state:
        assert "secret" in raised.value.private or "(7)" in raised.value.private
    done = run(practice, beside, leave_refused=True)
    assert done.refused == 1
    assert live.psql("SELECT told FROM t WHERE id = 2") == b"b\n"
    assert live.psql("SELECT count(*) FROM t WHERE id = 1") == b"0\n"


def test_values_of_rows_are_in_no_journal_and_no_log(lost, pg18):
    practice, _live, beside = lost(pg18, *REFUSED["a unique value is taken by a new row"][:2])
    look(practice.context, Request(beside.name))
    run(practice, beside, leave_refused=True)
    shared = [
        path
        for path in practice.root.rglob("*")
        if path.is_file() and b"secret" in path.read_bytes() and path.stat().st_mode & 0o077
    ]
    assert not shared
    journals = [path for path in practice.root.rglob("*.jsonl") if b"secret" in path.read_bytes()]
    assert not journals
    assert not list((practice.root / "temp").glob("mtn_recover_*/*"))


def test_only_what_hangs_on_the_named_table_comes_back_and_what_it_hangs_on(lost, pg18):
    practice, live, beside = lost(
        pg18,
        """
        CREATE TABLE family (id int PRIMARY KEY);
        CREATE TABLE course (id int PRIMARY KEY, family int REFERENCES family);
        CREATE TABLE seat (id int PRIMARY KEY, course int REFERENCES course);
        CREATE TABLE other (id int PRIMARY KEY, family int REFERENCES family);
        INSERT INTO family VALUES (1), (2), (3); INSERT INTO course VALUES (1, 1), (2, 2);
        INSERT INTO seat VALUES (1, 1), (2, 2), (3, NULL); INSERT INTO other VALUES (1, 1);
        """,
        """
        DELETE FROM seat; DELETE FROM other; DELETE FROM course WHERE id = 1; DELETE FROM family WHERE id <> 2
        """,
    )
    done = run(practice, beside, tables=("course",))
    assert [(one.name, one.written) for one in done.tables if one.written] == [
        ("public.family", 1),
        ("public.course", 1),
        ("public.seat", 1),
    ]
    assert live.psql("SELECT id FROM family ORDER BY 1") == b"1\n2\n"
    assert live.psql("SELECT id FROM seat") == b"1\n"
    with pytest.raises(UsageError):
        run(practice, beside, tables=("nothing",))


def test_a_sequence_is_set_forward_if_it_is_behind_and_never_back(lost, pg18):
    practice, live, beside = lost(
        pg18,
        """
        CREATE TABLE t (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY); INSERT INTO t VALUES (40);
        CREATE TABLE u (id serial PRIMARY KEY); INSERT INTO u VALUES (40); SELECT setval('u_id_seq', 90);
        """,
        "TRUNCATE t RESTART IDENTITY; DELETE FROM u",
    )
    found = look(practice.context, Request(beside.name))
    assert live.psql("SELECT nextval('t_id_seq'), nextval('u_id_seq')") == b"1|91\n"
    live.run("psql", "-X", "-f", str(found.script))
    assert live.psql("SELECT nextval('t_id_seq'), nextval('u_id_seq')") == b"41|92\n"
    live.psql("DELETE FROM t; DELETE FROM u; ALTER SEQUENCE t_id_seq RESTART")
    run(practice, beside)
    assert live.psql("SELECT nextval('t_id_seq'), nextval('u_id_seq')") == b"41|93\n"


def test_what_has_changed_since_it_was_looked_at_is_not_written(lost, pg18):
    practice, live, beside = lost(pg18, *KINDS["an identity that is always generated"])
    found = look(practice.context, Request(beside.name))
    live.psql("DELETE FROM t WHERE id = 3")
    before = contents(live)
    with pytest.raises(Refused):
        run(practice, beside, expected=found.chosen)
    assert contents(live) == before


def test_rows_written_since_and_changed_since_are_left_as_they_are(lost, pg18):
    practice, live, beside = lost(
        pg18,
        KINDS["a parent, and what hangs on it by cascade"][0],
        """
        DELETE FROM course WHERE id = 2; INSERT INTO course VALUES (9, 'new');
        UPDATE course SET name = 'c' WHERE id = 1
        """,
    )
    run(practice, beside)
    assert live.psql("SELECT id, length(name) FROM course ORDER BY id") == b"1|1\n2|20\n3|\n9|3\n"


@pytest.mark.slow
def test_many_rows_come_back_and_a_killed_job_changes_nothing(lost, pg18):
    practice, live, beside = lost(
        pg18,
        """
        CREATE TABLE t (id int PRIMARY KEY, told text);
        INSERT INTO t SELECT n, repeat('x', 20) || n FROM generate_series(1, 12000) AS n;
        """,
        "DELETE FROM t WHERE id > 10; CREATE TABLE gate (id int PRIMARY KEY)",
    )
    live.psql("""
        CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.id = 11000 THEN PERFORM pg_advisory_xact_lock(4711); END IF; RETURN NEW; END $$;
        CREATE TRIGGER wait BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION wait();
    """)
    before = contents(live)
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND NOT granted"
    with live.connect() as gate:
        gate.execute("SELECT pg_advisory_lock(4711)")
        process = practice.start("recover", f"--from={beside.name}", "--yes")
        while live.psql(waiting) == b"0\n":
            assert process.poll() is None, process.communicate()
        process.kill()
        process.communicate()
        gate.execute("SELECT pg_advisory_unlock(4711)")
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'mtn recover%'"
    while live.psql(ours) != b"0\n":
        pass
    assert contents(live) == before
    practice.mtn("recover", f"--from={beside.name}", "--yes")
    assert contents(live) | {"public.gate": None} == contents(beside) | {"public.gate": None}


def test_the_command_says_what_is_missing_and_copies_it_back(lost, pg18):
    practice, live, beside = lost(pg18, *KINDS["a parent, and what hangs on it by cascade"])
    told = practice.here("recover", "--dry-run").stdout
    assert "public.course: rows missing: 2; can be copied back: 2" in told
    assert "id=2" in told
    assert "psql -X" in told
    assert contents(live) != contents(beside)
    told = practice.here("recover", "--yes").stdout
    assert "22 rows" in told
    assert contents(live) == contents(beside)
    assert "No row" in practice.here("recover", "--dry-run").stdout
    practice.here("recover", "--from", "nowhere", "--dry-run", check=64)
    practice.here("recover", "--from", live.name, "--dry-run", check=64)


LINKED = (
    """
    CREATE TABLE p (id int, part text, UNIQUE (id, part));
    CREATE TABLE t (id int PRIMARY KEY);
    CREATE TABLE c (id int PRIMARY KEY, t int REFERENCES t ON DELETE SET NULL, p int, part text,
        FOREIGN KEY (p, part) REFERENCES p (id, part) ON DELETE SET NULL);
    ALTER TABLE p ALTER id SET NOT NULL, ALTER part SET NOT NULL;
    INSERT INTO t VALUES (1), (2), (3); INSERT INTO p VALUES (1, 'a'), (2, 'b');
    INSERT INTO c VALUES (1, 1, 1, 'a'), (2, 2, 2, 'b'), (3, 2, NULL, NULL), (4, 3, 1, 'a'),
        (5, 2, NULL, NULL);
    """,
    "DELETE FROM t WHERE id = 2; DELETE FROM p WHERE id = 1; UPDATE c SET t = 3 WHERE id = 3",
)


def test_references_that_became_null_are_told_and_set_again_only_if_that_is_chosen(lost, any_pg):
    practice, live, beside = lost(any_pg, *LINKED)
    held = "SELECT * FROM c ORDER BY id"
    before = live.psql(held)
    found = look(practice.context, Request(beside.name))
    assert sorted(found.links) == [("public.c", 2), ("public.c", 2)]
    assert "NULL" in practice.here("recover", "--dry-run").stdout
    chosen = look(practice.context, Request(beside.name, links=True))
    run(practice, beside)
    assert live.psql(held) == before
    live.psql("DELETE FROM t WHERE id = 2; DELETE FROM p WHERE id = 1")
    live.run("psql", "-X", "-f", str(chosen.script))
    again = beside.psql(held).replace(b"3|2||", b"3|3||")
    assert live.psql(held) == again
    live.psql(LINKED[1])
    practice.here("recover", "--yes", "--links")
    assert live.psql(held) == again


def test_references_that_were_left_null_can_be_set_again_later_and_no_others(lost, any_pg):
    practice, live, beside = lost(any_pg, *LINKED)
    held = "SELECT * FROM c ORDER BY id"
    live.psql("UPDATE c SET p = NULL, part = NULL WHERE id = 2")
    run(practice, beside)
    before = live.psql(held)
    found = look(practice.context, Request(beside.name))
    assert (found.tables, sum(count for _table, count in found.links), found.earlier) == ((), 4, 4)
    assert "--links" in practice.here("recover", "--dry-run").stdout
    practice.here("recover", "--yes")
    assert live.psql(held) == before
    chosen = look(practice.context, Request(beside.name, links=True))
    again = beside.psql(held).replace(b"2|2|2|b", b"2|2||").replace(b"3|2||", b"3|3||")
    assert chosen.linked == 4
    assert look(practice.context, Request(beside.name, ("p",))).null == 2, "those to the named table"
    assert "4 references" in practice.here("recover", "--yes", "--links").stdout
    assert live.psql(held) == again, "what was cleared on purpose stays NULL"
    assert look(practice.context, Request(beside.name)).links == ()
    live.psql("UPDATE c SET t = NULL WHERE id = 2; UPDATE c SET p = NULL, part = NULL WHERE id = 1")
    live.run("psql", "-X", "-f", str(chosen.script))
    assert live.psql(held) == again


def test_what_was_left_null_beside_another_restored_database_is_not_offered(lost, pg18):
    practice, live, beside = lost(pg18, *LINKED)
    run(practice, beside)
    assert look(practice.context, Request(beside.name)).links
    other = f"{beside.name}_b"
    live.psql(f'ALTER DATABASE "{beside.name}" RENAME TO "{other}"')
    live.psql(f'CREATE DATABASE "{beside.name}" TEMPLATE "{other}"')
    live.psql(f'DROP DATABASE "{other}"')
    assert look(practice.context, Request(beside.name)).links == ()


def test_an_incident_adds_up_what_all_its_runs_copied_back_and_left_null(lost, pg18):
    practice, live, beside = lost(pg18, *LINKED)
    file = open_incident(practice.context.state, live.name, Actor("ana", "db1", "s1"), SystemClock())
    for step in Step:
        file.begin(step)
        if step is Step.PRODUCTION:
            break
        file.done(step)

    def copied(**request):
        run(practice, beside, **request)
        file.begin(Step.PRODUCTION, job=practice.job.id)
        facts = steps.settle(file, practice.context).steps[Step.PRODUCTION].facts
        return facts["rows"], facts["linked"], facts["not_linked"]

    assert copied(tables=("t",)) == (1, 0, 2)
    assert copied(tables=("p",), links=True) == (2, 2, 2)
    assert copied() == (2, 2, 2), "nothing is counted twice"
    assert copied(links=True) == (2, 4, 0)


def test_references_of_two_foreign_keys_of_a_table_are_counted_together(lost, pg18):
    practice, _live, beside = lost(pg18, *LINKED)
    assert run(practice, beside).facts()["links"] == {"public.c": 4}


def test_the_owner_of_the_tables_needs_no_other_right(lost, pg18):
    role = f"mtn_recovers_{os.getpid()}"
    practice, live, beside = lost(pg18, KINDS["partitions"][0], "")
    try:
        live.psql(f"CREATE ROLE {role} LOGIN PASSWORD 'callada-1'")
        grants = f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}"
        beside.psql(f"SET default_transaction_read_only = off; {grants}")
        tables = "t", "t1", "t2", "t21", "of_it"
        live.psql("".join(f"ALTER TABLE {one} OWNER TO {role};" for one in tables) + KINDS["partitions"][1])
        practice.configure(DB_USER=role, DB_PASSWORD="callada-1")
        run(practice, beside)
        assert contents(live) == contents(beside)
    finally:
        for database in (live, beside):
            database.psql(f"SET default_transaction_read_only = off; DROP OWNED BY {role} CASCADE")
        live.psql(f"DROP ROLE {role}")


def test_a_table_whose_rows_only_its_index_tells_apart_is_named_as_one_without_a_key(lost, pg_system):
    """For the column "Ana" is "ana": by it the row that is there would pass for the one that is missing."""
    practice, live, beside = lost(
        pg_system,
        """
        CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE t (name text COLLATE any_case NOT NULL); CREATE UNIQUE INDEX ON t (name COLLATE "C");
        CREATE TABLE u (name text NOT NULL); CREATE UNIQUE INDEX ON u (name COLLATE any_case);
        INSERT INTO t VALUES ('Ana'), ('ana'); INSERT INTO u VALUES ('Ana'), ('Eva');
        """,
        "DELETE FROM t WHERE name COLLATE \"C\" = 'Ana'; DELETE FROM u WHERE name = 'Ana'",
    )
    found = look(practice.context, Request(beside.name))
    assert (found.keyless, found.rows) == (("public.t",), 1)
    run(practice, beside)
    assert live.psql("SELECT name FROM u ORDER BY 1") == b"Ana\nEva\n"


UNFIT = {
    "a value": "UPDATE a SET told = '7'; ALTER TABLE a ALTER told TYPE int USING told::int",
    "a value that is too long": "ALTER TABLE a ALTER told TYPE varchar(2)",
    "a label": "CREATE TYPE mood AS ENUM ('ok'); ALTER TABLE a ALTER told TYPE mood USING NULL",
    "a check of a domain": "CREATE DOMAIN odd AS text CHECK (VALUE <> 'one');"
    " ALTER TABLE a ALTER told TYPE odd",
    "a key": "ALTER TABLE a DROP id; ALTER TABLE a ADD id uuid PRIMARY KEY",
}


@pytest.mark.parametrize("change", UNFIT.values(), ids=UNFIT)
def test_a_table_that_holds_other_types_now_is_named_and_the_others_come_back(change, lost, pg18):
    practice, live, beside = lost(
        pg18,
        """
        CREATE TABLE a (id int PRIMARY KEY, told text); CREATE TABLE b (LIKE a INCLUDING ALL);
        INSERT INTO a VALUES (1, 'one'); INSERT INTO b VALUES (1, 'one'), (2, 'two');
        """,
        f"DELETE FROM a; DELETE FROM b WHERE id = 2; {change}",
    )
    found = look(practice.context, Request(beside.name))
    assert (found.unfit, found.rows, found.conflicts) == (("public.a",), 1, ())
    run(practice, beside)
    assert live.psql("SELECT * FROM b ORDER BY 1") == b"1|one\n2|two\n"
    assert live.psql("SELECT count(*) FROM a") == b"0\n"


def test_what_the_database_sets_for_its_sessions_changes_no_value_and_hides_no_key(lost, pg18):
    practice, live, beside = lost(
        pg18,
        """
        CREATE TABLE t (id int PRIMARY KEY, told text[]);
        INSERT INTO t VALUES (1, ARRAY[NULL, 'NULL']), (2, '{}');
        """,
        "DELETE FROM t WHERE id = 1",
    )
    for setting in ("quote_all_identifiers = on", "array_nulls = off", "datestyle = 'SQL, DMY'"):
        live.psql(f'ALTER DATABASE "{live.name}" SET {setting}')
    found = look(practice.context, Request(beside.name))
    live.run("psql", "-X", "-f", str(found.script))
    assert contents(live) == contents(beside)
    live.psql("DELETE FROM t WHERE id = 1")
    run(practice, beside)
    assert contents(live) == contents(beside)


def test_event_triggers_are_not_for_temporary_tables_of_ours(lost, pg18):
    practice, live, beside = lost(
        pg18,
        "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t VALUES (1), (2)",
        """
        DELETE FROM t WHERE id = 1;
        CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS
            'BEGIN RAISE EXCEPTION ''nothing is defined here''; END';
        CREATE EVENT TRIGGER no ON ddl_command_start EXECUTE FUNCTION no();
        """,
    )
    run(practice, beside)
    assert live.psql("SELECT count(*) FROM t") == b"2\n"


def test_a_table_with_an_index_whose_function_needs_the_search_path_is_compared(lost, pg_system):
    practice, live, beside = lost(
        pg_system,
        """
        CREATE FUNCTION half(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
        CREATE FUNCTION quarter(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT half(half($1))';
        CREATE TABLE t (id int PRIMARY KEY); CREATE INDEX ON t (quarter(id)); INSERT INTO t VALUES (1), (2);
        """,
        "DELETE FROM t WHERE id = 1",
    )
    run(practice, beside)
    assert live.psql("SELECT count(*) FROM t") == b"2\n"
