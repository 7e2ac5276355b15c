"""A table goes in whole, by one connection; only one that outweighs the rest is shared by several."""

from __future__ import annotations

import os

import psycopg
import pytest

from mtn_tui.archive.reader import Archive
from mtn_tui.core.cancel import CancelToken
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.operations.restore import load as loading
from mtn_tui.postgres.compare import compare
from mtn_tui.postgres.load import LoadConnection
from mtn_tui.postgres.server import Server
from tests.archive_fixtures import KEY, Made, MemorySource, make
from tests.old_archives import in_three_runs
from tests.pg_fixtures import Database, new_place


def load(source: Database, target: Database, section: int) -> None:
    """As a restore does, but from sections of another size; what was loaded equals the source."""
    made = make(source.run("pg_dump"), pre_data=b"", post_data=b"", section=section)
    load_made(made, source, target, target.login)


def load_old(source: Database, target: Database, login: Server) -> None:
    """The same from an archive as earlier versions wrote it."""
    runs = {part: source.run("pg_dump", f"--section={part}") for part in ("pre-data", "data", "post-data")}
    made = in_three_runs(runs["data"], pre_data=runs["pre-data"], post_data=runs["post-data"])
    load_made(made, source, target, login)


def load_made(made: Made, source: Database, target: Database, login: Server) -> None:
    archive = Archive(MemorySource(made.payload), KEY, made.manifest)
    loading.load(
        archive,
        lambda: LoadConnection(login, target.name, "test", pytest.fail),
        CancelToken(),
        lambda _bytes: None,
        lambda _statements: None,
    )
    schemas = (source.dump("--schema-only").decode(), target.dump("--schema-only").decode())
    assert compare(source.login, source.name, target.name, schemas).differences == ()


@pytest.mark.sample("30000")
@pytest.mark.parametrize(
    ("server", "section"),
    [pytest.param("pg18", 3000, marks=pytest.mark.soak), ("pg18", 30_000), ("pg_system", 200_000)],
)
def test_however_a_dump_is_cut_the_same_is_loaded(request, new_rich, new_database, server, section):
    server = request.getfixturevalue(server)
    load(new_rich(server), new_database(server), section)


@pytest.mark.slow
def test_an_archive_of_three_runs_is_loaded_as_ever(pg18, new_rich, new_database):
    target = new_database(pg18)
    load_old(new_rich(pg18), target, target.login)


def test_a_place_set_before_the_rows_holds_for_what_comes_after_them(pg18, pg_workspace, new_database):
    """pg_dump says where things are kept once, and again only where that changes."""
    place = new_place(pg_workspace, "tablespace")
    if os.geteuid() == 0:
        os.chown(place, *_owner_of(pg18))
    source, target = new_database(pg18), new_database(pg18)
    source.psql(f"CREATE TABLESPACE place LOCATION '{place}'")
    try:
        source.psql("CREATE TABLE t (a int PRIMARY KEY USING INDEX TABLESPACE place) TABLESPACE place")
        load(source, target, 100_000)
        kept = "SELECT relname FROM pg_class WHERE reltablespace <> 0 AND oid >= 16384 ORDER BY 1"
        assert target.psql(kept) == b"t\nt_pkey\n"
    finally:
        for database in (source, target):
            database.psql("DROP TABLE IF EXISTS t")
        source.psql("DROP TABLESPACE place")


def _owner_of(server: PostgresServer) -> tuple[int, int]:
    status = (server.folder / "data").stat()
    return status.st_uid, status.st_gid


def test_whole_tables_are_written_as_they_stay(pg18, new_database):
    source, target = new_database(pg18), new_database(pg18)
    source.psql("""
        CREATE TABLE large (n, m) WITH (autovacuum_enabled = false) AS
            SELECT n, md5(n::text) FROM generate_series(1, 20000) AS n;
        CREATE TABLE "the 'small'" (n, m) WITH (autovacuum_enabled = false) AS
            SELECT n, md5(n::text) FROM generate_series(1, 2000) AS n;
    """)
    load(source, target, 100_000)
    frozen = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relallvisible > 0"
    assert target.psql(frozen) == b"the 'small'\n"


@pytest.fixture
def owner(pg18):
    """A role without privileges on anything but what it owns."""
    with psycopg.connect(pg18.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE ROLE piecemeal LOGIN PASSWORD 'piecemeal'")
        yield "piecemeal"
        connection.execute("DROP ROLE piecemeal")


def test_an_owner_who_may_not_empty_a_table_loads_it_all_the_same(pg18, owner, new_database):
    source, target = new_database(pg18), new_database(pg18)
    for database in (source, target):
        database.psql(f'ALTER DATABASE "{database.name}" OWNER TO {owner}')
    source.psql(f"""
        SET ROLE {owner};
        CREATE TABLE t AS SELECT n FROM generate_series(1, 10) AS n;
        REVOKE TRUNCATE ON t FROM {owner};
    """)
    load_old(source, target, Server(pg18.host, pg18.port, owner, owner))
    assert target.psql("SELECT relallvisible FROM pg_class WHERE relname = 't'") == b"0\n"
