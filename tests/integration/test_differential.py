"""A differential on its full is the source as it was then: by psql alone, and by our own restore."""

from __future__ import annotations

import subprocess

import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.models import KEYS, Kind
from mtn_tui.operations.backup import key_file
from mtn_tui.postgres.compare import compare
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.statement_kind import parts


@pytest.fixture
def school(any_pg, new_school):
    return new_school(any_pg)


def assert_same(source, restored):
    """Schema, rows, sequences and large objects are equal."""
    schemas = tuple(one.dump("--schema-only").decode() for one in (source, restored))
    result = compare(source.login, source.name, restored.name, schemas)
    assert result.equal, [str(one) for one in result.differences]


def by_hand(practice, *made, into):
    """Restore with openssl, gunzip and psql."""
    for one in made:
        into.psql(practice.script(practice.payload(one.manifest)))
    return into


def differential(practice):
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.DIFF, made.instead
    return made


@pytest.fixture
def rich(any_pg, new_rich):
    """A database with every feature that a dump can hold."""
    return new_rich(any_pg)


def test_nothing_changed_is_a_small_differential_that_changes_nothing(rich, practise, new_database):
    practice = practise(rich)
    full = practice.back_up()
    made = differential(practice)
    assert made.manifest.base == full.manifest.id
    assert made.manifest.size < 20_000
    restored = by_hand(practice, full, made, into=new_database(rich.server))
    assert restored.dump() == rich.dump()


WORK = """
    UPDATE users SET email = email || 'x' WHERE id % 7 = 0;
    DELETE FROM interviews WHERE id % 5 = 0;
    INSERT INTO interviews SELECT * FROM (SELECT i.* FROM interviews AS i LIMIT 0) AS none;
"""


def test_full_and_differential_by_psql_alone_equal_the_source(school, practise, new_database):
    practice = practise(school)
    full = practice.back_up()
    school.psql(WORK)
    made = differential(practice)
    assert_same(school, by_hand(practice, full, made, into=new_database(school.server)))


def test_our_own_restore_of_a_differential_equals_the_source(school, practise):
    practice = practise(school)
    practice.back_up()
    school.psql(WORK)
    made = differential(practice)
    assert_same(school, practice.restore(backup=practice.inventory.find(made.manifest.id)))
    assert {one.rung.word for one in practice.inventory.backups} == {"restored"}


def test_of_a_large_table_only_what_changed_is_in_it(any_pg, new_database, practise):
    source = new_database(any_pg)
    source.psql("""
        CREATE TABLE big (id int PRIMARY KEY, told text);
        INSERT INTO big SELECT n, repeat('x', 20) || n FROM generate_series(1, 20000) AS n;
        DELETE FROM big WHERE id = 3;
    """)
    while source.psql("SELECT n_tup_del FROM pg_stat_user_tables") != b"1\n":
        pass  # a session tells what it did as it ends
    practice = practise(source)
    full = practice.back_up()
    assert practice.payload(full.manifest).with_name(full.manifest.payload + KEYS).exists()
    source.psql("""
        DELETE FROM big WHERE id BETWEEN 100 AND 110; UPDATE big SET told = 'new' WHERE id = 15000;
        INSERT INTO big VALUES (3, 'back'), (30000, 'more');
    """)
    made = differential(practice)
    assert b"repeat" not in practice.script(practice.payload(made.manifest))
    assert made.manifest.raw < 20_000
    assert_same(source, by_hand(practice, full, made, into=new_database(any_pg)))


def test_a_changed_schema_makes_a_full_and_says_why(any_pg, new_school, practise):
    school = new_school(any_pg)
    practice = practise(school)
    first = practice.back_up()
    school.psql("ALTER TABLE users ADD COLUMN nickname text")
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.FULL
    assert made.manifest.id != first.manifest.id
    assert "schema" in made.instead
    assert practice.job.result["instead_of_differential"] == made.instead


def test_a_column_that_was_dropped_and_added_again_makes_a_full_and_says_why(pg18, new_database, practise):
    """No row was written anew, and all have lost what they had in it: neither they nor the schema tell."""
    source = new_database(pg18, script="CREATE TABLE t AS SELECT 1 AS id, 'kept'::text AS told")
    practice = practise(source)
    practice.back_up()
    source.psql("ALTER TABLE t DROP told; ALTER TABLE t ADD told text")
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.FULL
    assert made.instead == "columns were dropped and added again since the full"
    assert_same(source, practice.restore(backup=practice.inventory.find(made.manifest.id)))


@pytest.mark.sample("on another full")
@pytest.mark.parametrize("again", ["twice", "after a later one", "on another full", "on nothing"])
def test_elsewhere_it_changes_nothing_and_says_why(again, pg18, new_school, practise, new_database):
    school = new_school(pg18)
    practice = practise(school)
    full = practice.back_up()
    school.psql("UPDATE users SET email = email || 'x' WHERE id % 7 = 0")
    made = differential(practice)
    target = new_database(pg18)
    if again == "twice":
        by_hand(practice, full, made, into=target)
    elif again == "after a later one":
        school.psql("UPDATE users SET email = email || 'y' WHERE id % 7 = 1")
        by_hand(practice, full, differential(practice), into=target)
    elif again == "on another full":
        by_hand(practice, practice.back_up(), into=target)
    before = target.dump()
    script = practice.script(practice.payload(made.manifest))
    with pytest.raises(AssertionError, match=f"belongs on the full {full.manifest.id}, freshly restored"):
        target.run("psql", "-X", "-f", "-", given=script)  # psql without an option of its own
    assert target.dump() == before


THREE = """
    CREATE TABLE merged (id int PRIMARY KEY, told text);
    CREATE TABLE replaced (told text);
    CREATE TABLE added (told text);
    INSERT INTO merged SELECT n, 'x' FROM generate_series(1, 50) AS n;
    INSERT INTO replaced SELECT told FROM merged;
    INSERT INTO added SELECT told FROM merged;
    DELETE FROM merged WHERE id = 50;
"""

OTHERWISE = {
    "INSERT INTO public.merged VALUES (100, 'more')": "merged",
    "DELETE FROM public.merged WHERE id = 5": "merged",
    "DELETE FROM public.merged WHERE id = 7": "merged",
    "UPDATE public.merged SET id = 100 WHERE id = 7": "merged",
    "INSERT INTO public.replaced VALUES ('more')": "replaced",
    "DELETE FROM public.replaced WHERE ctid = '(0,1)'": "replaced",
    "INSERT INTO public.added VALUES ('more')": "added",
    "DELETE FROM public.added WHERE ctid = '(0,1)'": "added",
}
"""What makes something else of the full, in which table. The differential deletes the row 7."""


def test_on_its_full_with_other_rows_it_changes_nothing_and_says_in_which_table(
    pg18, new_database, practise, monkeypatch
):
    monkeypatch.setattr(key_file, "_ROWS", 5)
    source = new_database(pg18)
    source.psql(THREE)
    while source.psql("SELECT sum(n_tup_del) FROM pg_stat_user_tables") != b"1\n":
        pass  # a session tells what it did as it ends
    practice = practise(source)
    full = practice.back_up()
    source.psql("""
        DELETE FROM merged WHERE id = 7; INSERT INTO merged VALUES (50, 'back');
        DELETE FROM replaced WHERE ctid = '(0,2)'; INSERT INTO added VALUES ('new');
    """)
    made = differential(practice)
    script = practice.script(practice.payload(made.manifest))
    for told in (b"public.merged: rows gone", b"public.replaced: all rows", b"public.added: new rows"):
        assert told in script
    restored = by_hand(practice, full, into=new_database(pg18))
    before = restored.dump()
    for other, table in OTHERWISE.items():
        changed = script.replace(b"\nBEGIN;\n", f"\nBEGIN; {other};\n".encode(), 1)
        with pytest.raises(AssertionError, match=rf"public\.{table} has .*Nothing was changed"):
            restored.run("psql", "-X", "-f", "-", given=changed)
        assert restored.dump() == before, other
    restored.psql(script)
    assert_same(source, restored)


def test_materialized_views_are_filled_once_with_the_rows_of_the_differential(pg18, new_database, practise):
    """One can't be filled as of the full; the other reads it within a function, of which nothing tells."""
    source = new_database(pg18)
    source.psql("""
        CREATE TABLE t (x int); INSERT INTO t VALUES (1), (2);
        CREATE MATERIALIZED VIEW z_read AS SELECT 10 / (count(*) - 1) AS share FROM t;
        CREATE FUNCTION share() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT share FROM public.z_read';
        CREATE MATERIALIZED VIEW a_reader AS SELECT share() AS x;
        DELETE FROM t WHERE x = 1;
    """)
    practice = practise(source)
    practice.back_up()
    source.psql("INSERT INTO t VALUES (3), (4); REFRESH MATERIALIZED VIEW z_read")
    source.psql("REFRESH MATERIALIZED VIEW a_reader")
    made = differential(practice)
    assert_same(source, practice.restore(backup=practice.inventory.find(made.manifest.id)))
    source.psql("TRUNCATE t; INSERT INTO t VALUES (9)")
    broken = differential(practice)
    with pytest.raises(PostgresError, match="division by zero"):
        practice.restore(backup=practice.inventory.find(broken.manifest.id))


def test_what_a_differential_has_counted_is_not_counted_again_and_the_rest_is(
    pg18, new_school, practise, monkeypatch
):
    school = new_school(pg18)
    practice = practise(school)
    practice.back_up()
    school.psql(WORK)
    made = differential(practice)
    asked: list[bytes] = []
    values = LoadConnection.values
    monkeypatch.setattr(LoadConnection, "values", lambda self, of: asked.extend(of) or values(self, of))
    practice.restore(backup=practice.inventory.find(made.manifest.id))
    counted = {one.rpartition(b".")[2].decode() for one in asked if b"count(*)" in one}
    assert not counted & {"users", "interviews"}
    assert counted | {"users", "interviews"} == {parts(table)[1] for table in made.manifest.rows()}
    assert practice.job.result["rows"] == sum(made.manifest.rows().values())


ODD = """
    CREATE TABLE a_child (id int PRIMARY KEY, parent int);
    CREATE TABLE b_parent (id int PRIMARY KEY);
    CREATE FUNCTION there(int) RETURNS boolean LANGUAGE sql STABLE
        AS 'SELECT EXISTS (SELECT FROM public.b_parent WHERE id = $1)';
    ALTER TABLE a_child ADD CONSTRAINT has_parent CHECK (there(parent));
    COMMENT ON CONSTRAINT has_parent ON a_child IS 'kept';
    CREATE TABLE published (said text);
    INSERT INTO published VALUES ('before');
    CREATE PUBLICATION everything FOR ALL TABLES;
    CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS
        $$BEGIN RAISE EXCEPTION 'no DDL here'; END$$;
    CREATE EVENT TRIGGER no_ddl ON ddl_command_start EXECUTE FUNCTION refuse();
"""


def test_checks_that_look_elsewhere_publications_and_event_triggers_do_not_stop_it(
    any_pg, new_database, practise
):
    source = new_database(any_pg)
    source.psql(ODD)
    practice = practise(source)
    full = practice.back_up()
    source.psql("""
        INSERT INTO b_parent VALUES (1), (2); INSERT INTO a_child VALUES (1, 1), (2, 2);
        TRUNCATE published; INSERT INTO published VALUES ('after');
    """)
    made = differential(practice)
    assert_same(source, by_hand(practice, full, made, into=new_database(any_pg)))
    assert_same(source, practice.restore(backup=practice.inventory.find(made.manifest.id)))


LOOKS_ELSEWHERE = (
    """
    CREATE TABLE z (id int PRIMARY KEY, n int NOT NULL);
    CREATE FUNCTION n_of(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
        DECLARE found int; BEGIN SELECT n INTO STRICT found FROM public.z WHERE id = $1; RETURN found; END$$;
    CREATE DOMAIN known AS int CHECK (n_of(VALUE) > 0);
    CREATE TABLE indexed (z int); CREATE INDEX ON indexed (n_of(z));
    CREATE TABLE a (z int, n int GENERATED ALWAYS AS (n_of(z)) STORED);
    CREATE TABLE checked (z known, several known[]);
    INSERT INTO z VALUES (1, 10); INSERT INTO indexed VALUES (1);
    """,
    """
    INSERT INTO z VALUES (2, 20); INSERT INTO indexed VALUES (2); INSERT INTO a (z) VALUES (2);
    INSERT INTO checked VALUES (2, '{2}');
    """,
)
"""What calls a function that looks into another table, which comes later in the order of names; and work."""


def test_rows_that_call_functions_come_after_what_these_look_into(any_pg, new_database, practise):
    made_of, work = LOOKS_ELSEWHERE
    source = new_database(any_pg, script=made_of)
    practice = practise(source)
    full = practice.back_up()
    source.psql(work)
    made = differential(practice)
    assert_same(source, by_hand(practice, full, made, into=new_database(any_pg)))
    assert_same(source, practice.restore(backup=practice.inventory.find(made.manifest.id)))


NEEDS_THE_PATH = """
    CREATE FUNCTION half(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
    CREATE FUNCTION small(int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
        $$BEGIN RETURN half($1) < 1000; END$$;
    CREATE DOMAIN little AS int CHECK (small(VALUE));
"""
"""A domain whose values are checked by a function that calls another without its schema."""


def test_a_function_that_needs_the_search_path_gets_it(pg18, new_database, practise):
    source = new_database(pg18)
    source.psql(NEEDS_THE_PATH)
    source.psql("""
        CREATE TABLE counts (id int PRIMARY KEY, n little);
        INSERT INTO counts VALUES (1, 10);
    """)
    practice = practise(source)
    practice.back_up()
    source.psql("INSERT INTO counts VALUES (2, 20)")
    made = differential(practice)
    assert_same(source, practice.restore(backup=practice.inventory.find(made.manifest.id)))


def test_limits_of_time_that_the_database_has_for_its_sessions_do_not_end_it(pg18, new_database, practise):
    source = new_database(pg18)
    source.psql("CREATE TABLE t (id int PRIMARY KEY, x text); INSERT INTO t SELECT 1, 'x'")
    practice = practise(source)
    practice.back_up()
    source.psql("INSERT INTO t SELECT n, repeat('x', 200) FROM generate_series(2, 40000) AS n")
    for name in ("transaction_timeout", "statement_timeout", "idle_in_transaction_session_timeout"):
        source.psql(f"ALTER DATABASE {source.name} SET {name} = '10ms'")
    made = differential(practice)
    restored = practice.restore(backup=practice.inventory.find(made.manifest.id))
    count = "SET statement_timeout = 0; SET transaction_timeout = 0; SELECT count(*) FROM t"
    assert restored.psql(count) == b"40000\n"


@pytest.mark.slow
def test_an_index_whose_function_needs_the_search_path_lets_its_table_be_read(
    pg_system, new_database, practise, monkeypatch
):
    """Until PostgreSQL 16: its body is put in as a query is planned, though no row calls it then."""
    monkeypatch.setattr(key_file, "_ROWS", 5)
    source = new_database(pg_system)
    source.psql("""
        CREATE FUNCTION half(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
        CREATE FUNCTION quarter(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT half(half($1))';
        CREATE TABLE t (id int PRIMARY KEY, n int); CREATE INDEX ON t (quarter(n));
        INSERT INTO t SELECT n, n FROM generate_series(1, 40) AS n; ANALYZE t;
        UPDATE t SET n = n + 1 WHERE id = 1; SELECT pg_stat_force_next_flush();
    """)
    practice = practise(source)
    practice.back_up()
    source.psql("INSERT INTO t VALUES (100, 100); DELETE FROM t WHERE id = 7")
    made = differential(practice)
    assert b"t: rows gone, and new" in practice.script(practice.payload(made.manifest))
    assert_same(source, practice.restore(backup=practice.inventory.find(made.manifest.id)))


def test_the_card_beside_the_backups_says_which_full_a_differential_is_of(pg18, new_school, practise):
    practice = practise(new_school(pg18))
    practice.back_up()
    full = practice.back_up()
    made = differential(practice)
    card = (practice.backups / "RESTORE-CARD.txt").read_text()
    which, where = [line.strip() for line in card.splitlines() if line.strip().startswith("grep")]

    def bash(line):
        return subprocess.run(
            ["bash", "-c", line], cwd=practice.backups, capture_output=True, text=True, check=True
        ).stdout.strip()

    base = bash(which.replace("DIFFERENTIAL.sql.gz.gpg", made.manifest.payload))
    assert base == f'"base":"{full.manifest.id}"'
    assert bash(where.replace("THAT_BASE", full.manifest.id)) == f"{full.manifest.payload}.manifest.json"


def test_names_that_hold_the_quotes_of_the_script_are_quoted_by_others(pg18, new_database, practise):
    """Merged, replaced and added rows, of a schema, tables and columns so called."""
    source = new_database(pg18)
    source.psql("""
        CREATE SCHEMA "a$mtn$";
        CREATE TABLE "a$mtn$"."$mtn$ $mtn1$" ("k$mtn$" int PRIMARY KEY, v text);
        CREATE TABLE "b$mtn2$" ("$mtn$;" int);
        INSERT INTO "a$mtn$"."$mtn$ $mtn1$" SELECT n, repeat('x', 20) FROM generate_series(0, 20000) n;
        INSERT INTO "b$mtn2$" SELECT generate_series(1, 9);
        DELETE FROM "a$mtn$"."$mtn$ $mtn1$" WHERE "k$mtn$" = 0;
    """)
    while source.psql("SELECT sum(n_tup_del) FROM pg_stat_user_tables") != b"1\n":
        pass  # a session tells what it did as it ends
    practice = practise(source)
    full = practice.back_up()
    source.psql("""
        DELETE FROM "a$mtn$"."$mtn$ $mtn1$" WHERE "k$mtn$" < 4;
        UPDATE "a$mtn$"."$mtn$ $mtn1$" SET v = '$mtn$' WHERE "k$mtn$" = 7;
        DELETE FROM "b$mtn2$" WHERE "$mtn$;" = 2;
    """)
    made = differential(practice)
    script = practice.script(practice.payload(made.manifest))
    assert b"rows gone, and new" in script
    assert b"all rows" in script
    assert b"DO $mtn2$" in script
    assert_same(source, by_hand(practice, full, made, into=new_database(pg18)))
    assert_same(source, practice.restore(backup=practice.inventory.find(made.manifest.id)))
