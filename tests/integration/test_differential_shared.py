"""A differential's tables are applied over several connections where that may be, and else by one."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from mtn_tui.core.errors import MtnError
from mtn_tui.operations.restore import apply_changes, scratch
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.statement_kind import parts
from tests.integration.test_differential import LOOKS_ELSEWHERE, assert_same, differential

WITHIN = 60
"""Seconds that another connection may take to come; no test waits for them."""

WORK = """
    UPDATE users SET email = email || 'x' WHERE id % 7 = 0;
    UPDATE students SET first_names = first_names || 'x' WHERE id % 9 = 0;
    UPDATE applications SET motivation = 'another' WHERE id % 3 = 0;
    DELETE FROM interviews WHERE id % 5 = 0;
"""
TABLES = {"users", "students", "applications", "interviews"}

PUT_BACK = {
    "a trigger that always acts": """
        CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN
            IF current_setting('mtn.work', true) IS NULL THEN RAISE 'it acts'; END IF; RETURN OLD; END$$;
        CREATE TRIGGER loud BEFORE INSERT OR DELETE ON interviews EXECUTE FUNCTION loud();
        ALTER TABLE interviews ENABLE ALWAYS TRIGGER loud;
    """,
    "a check that holds for new rows": "ALTER TABLE users ADD CHECK (email LIKE '%x') NOT VALID",
    "a check that looks elsewhere": """
        CREATE FUNCTION known(bigint) RETURNS boolean LANGUAGE sql STABLE
            AS 'SELECT EXISTS (SELECT FROM public.users WHERE id = $1)';
        ALTER TABLE interviews ADD CHECK (known(interviewer_id));
    """,
    "deletes that are published": "CREATE PUBLICATION all_of_it FOR ALL TABLES",
    "row security that is forced": "ALTER TABLE users FORCE ROW LEVEL SECURITY",
}


class Watched:
    """Over which connections rows come, by table; the first waits with its table until another has one."""

    def __init__(self, *, meet: bool) -> None:
        self.by: dict[LoadConnection, set[str]] = {}
        self.met = threading.Event()
        self.second: Callable[[LoadConnection], object] = lambda _connection: None
        """Called with the second connection, before its rows."""
        if not meet:
            self.met.set()

    def rows_come(self, connection: LoadConnection, sql: bytes) -> None:
        if sql.startswith(b"COPY pg_temp."):
            return
        table = parts(sql.split(b" (")[0].removeprefix(b"COPY ").decode())[1]
        self.by.setdefault(connection, set()).add(table)
        if len(self.by) > 1 and not self.met.is_set():
            self.met.set()
            self.second(connection)
        assert self.met.wait(WITHIN), "all tables are one connection's"


@pytest.fixture
def watched(monkeypatch):
    """Watches the changes; the rows of the full come before."""
    apply, copy = apply_changes.apply_changes, LoadConnection.copy

    def watch(*, meet: bool = True) -> Watched:
        seen = Watched(meet=meet)

        def applying(*given):
            def noted(connection, sql):
                seen.rows_come(connection, sql)
                return copy(connection, sql)

            monkeypatch.setattr(LoadConnection, "copy", noted)
            return apply(*given)

        monkeypatch.setattr(apply_changes, "WORTH_SHARING", 0)
        monkeypatch.setattr(scratch, "apply_changes", applying)
        return seen

    return watch


def changed(practise, source, work):
    """An installation with a full of the source, and the differential of what the work changed since."""
    practice = practise(source)
    practice.back_up()
    source.psql(work)
    return practice, differential(practice)


def newest(practice, made):
    return practice.inventory.find(made.manifest.id)


def test_tables_are_shared_among_connections_and_are_as_in_the_source(any_pg, new_school, practise, watched):
    school = new_school(any_pg)
    practice, made = changed(practise, school, WORK)
    seen = watched()
    assert_same(school, practice.restore(backup=newest(practice, made)))
    assert len(seen.by) > 1
    assert sorted(table for tables in seen.by.values() for table in tables) == sorted(TABLES)
    assert practice.job.result["rows"] == sum(made.manifest.rows().values())


@pytest.mark.sample("a trigger", "row security")
@pytest.mark.parametrize("what", PUT_BACK)
def test_what_is_put_back_at_the_end_is_changed_in_one_transaction(pg18, new_school, practise, watched, what):
    school = new_school(pg18)
    school.psql(PUT_BACK[what])
    practice, made = changed(practise, school, "SET mtn.work = 1;" + WORK)
    seen = watched(meet=False)
    assert_same(school, practice.restore(backup=newest(practice, made)))
    assert len(seen.by) == 1


def test_rows_that_call_functions_see_what_another_table_holds(pg18, new_database, practise, watched):
    made_of, work = LOOKS_ELSEWHERE
    source = new_database(pg18, script=made_of)
    practice, made = changed(practise, source, work)
    seen = watched(meet=False)
    assert_same(source, practice.restore(backup=newest(practice, made)))
    assert len(seen.by) == 1


def test_comments_of_constraints_keep_no_table_from_being_shared(pg18, new_school, practise, watched):
    school = new_school(pg18)
    school.psql("""
        ALTER TABLE users ADD CONSTRAINT mail CHECK (email LIKE '%@%');
        COMMENT ON CONSTRAINT mail ON users IS 'as far as we look';
    """)
    practice, made = changed(practise, school, WORK)
    seen = watched()
    assert_same(school, practice.restore(backup=newest(practice, made)))
    assert len(seen.by) > 1


def test_where_one_connection_ends_the_restore_fails_and_leaves_no_database(
    pg18, new_school, practise, watched
):
    school = new_school(pg18)
    practice, made = changed(practise, school, WORK)
    seen = watched()

    def end(connection: LoadConnection) -> None:
        ((pid,),) = connection.rows(b"SELECT pg_backend_pid()")
        school.psql(f"SELECT pg_terminate_backend({pid}, 60000)")

    seen.second = end
    with pytest.raises(MtnError):
        practice.restore("given_up", backup=newest(practice, made))
    left = school.psql("SELECT datname FROM pg_database").decode()
    assert "given_up" not in left


def test_a_function_that_needs_the_search_path_gets_it_in_each_connection(
    pg_system, new_database, practise, watched
):
    """An extension's, until PostgreSQL 16: one of the database itself may look into other tables."""
    source = new_database(pg_system)
    source.psql("""
        CREATE EXTENSION cube; CREATE EXTENSION earthdistance;
        CREATE TABLE a (id int PRIMARY KEY, n int); CREATE INDEX ON a (ll_to_earth(n, n));
        CREATE TABLE b (LIKE a INCLUDING ALL); CREATE TABLE c (LIKE a INCLUDING ALL);
        INSERT INTO a VALUES (1, 10);
    """)
    work = "INSERT INTO a VALUES (2, 20); INSERT INTO b VALUES (3, 30); INSERT INTO c VALUES (4, 40)"
    practice, made = changed(practise, source, work)
    seen = watched()
    assert_same(source, practice.restore(backup=newest(practice, made)))
    assert len(seen.by) > 1


def test_large_objects_and_sequences_without_any_table_are_applied_once(
    pg18, new_database, practise, watched
):
    source = new_database(pg18)
    source.psql("CREATE TABLE t (id serial); SELECT lo_from_bytea(4711, 'before')")
    work = "SELECT lo_from_bytea(4712, 'after'); SELECT lo_unlink(4711); SELECT nextval('t_id_seq')"
    practice, made = changed(practise, source, work)
    seen = watched(meet=False)
    assert_same(source, practice.restore(backup=newest(practice, made)))
    assert not seen.by
