"""Where a full can't be the base any more, a new full takes the differential's place, and why is said."""

from __future__ import annotations

import shutil

import pytest

from mtn_tui.core.models import Kind
from mtn_tui.demo.postgres_binaries import wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from tests.integration.test_differential import assert_same, by_hand, differential
from tests.pg_fixtures import UNSAFE, Database, new_place
from tests.standby_fixtures import standby

__all__ = ["standby"]

TABLE = """
    CREATE TABLE t (id int PRIMARY KEY, told text);
    INSERT INTO t SELECT n, 'of old' FROM generate_series(1, 90) AS n;
"""
PAGE = 32768
"""Transactions whose states lie in one page of the server's: a new one is begun at a multiple of it."""


class Own(PostgresServer):
    """A server whose files a test may change while it stands still."""

    def __init__(self, folder) -> None:
        super().__init__(wheel_binaries(), folder, settings=UNSAFE | {"autovacuum": "off"})

    def put_aside(self) -> None:
        """Copy its files, as a snapshot of its disk would."""
        self.stop()
        aside = self.folder / "aside"
        shutil.copytree(self._data, aside)
        for path in (aside, *aside.rglob("*")):
            shutil.chown(path, self._data.owner(), self._data.group())
        self.start()

    def put_back(self) -> None:
        """Have the files that were put aside again."""
        self.stop()
        shutil.rmtree(self._data)
        (self.folder / "aside").rename(self._data)
        self.start()

    def advance_to(self, xid: int) -> None:
        """Have the next transaction be about ``xid``, of 32 bits: less than 2^31 after the present one."""
        maintenance = Database(self, "postgres")
        maintenance.psql("ALTER DATABASE template0 ALLOW_CONNECTIONS true")
        for name in ("template0", "template1", "postgres", "wound"):
            Database(self, name).psql("VACUUM (FREEZE)")
        maintenance.psql("ALTER DATABASE template0 ALLOW_CONNECTIONS false")
        self.stop()
        number = str(xid // PAGE * PAGE)
        assert self._child("pg_resetwal", "-x", number, "-D", str(self._data)).wait() == 0
        self.start()

    def burn_to(self, xid: int) -> None:
        """Use all transactions up to about this one, of 64 bits."""
        Database(self, "wound").psql(f"""
            CREATE TEMPORARY TABLE burnt (n int);
            DO $$ BEGIN
                FOR n IN 1 .. {xid} - pg_current_xact_id()::text::bigint LOOP
                    BEGIN INSERT INTO burnt VALUES (n); EXCEPTION WHEN division_by_zero THEN END;
                END LOOP;
            END $$;
        """)


@pytest.fixture
def own(pg_workspace, tmp_path):
    """A server of the test's own, with a database called ``wound``."""
    with Own(new_place(pg_workspace, "own") / "server") as server:
        server.create_database("wound")
        Database(server, "wound").psql(TABLE)
        yield server
    shutil.rmtree(server.folder)


def full_instead(practice, reason: str):
    made = practice.back_up_changes()
    assert made.manifest.kind is Kind.FULL
    assert reason in made.instead
    assert practice.job.result["instead_of_differential"] == made.instead


def test_a_database_that_was_dropped_and_restored(pg18, new_database, practise):
    source = new_database(pg18, script=TABLE)
    practice = practise(source)
    full = practice.back_up()
    pg18.drop_database(source.name)
    pg18.create_database(source.name)
    by_hand(practice, full, into=source)
    full_instead(practice, "created again, or restored")
    assert differential(practice)


def test_another_server(pg18, own, practise):
    source = Database(own, "wound")
    practice = practise(source)
    practice.back_up()
    pg18.create_database("wound")
    try:
        practice.configure(DB_PORT=str(pg18.port), DB_PASSWORD=pg18.password)
        full_instead(practice, "no full backup of this database on this server")
    finally:
        pg18.drop_database("wound")


def test_a_server_whose_disk_was_put_back(own, practise):
    """It has the same identity, and has used the same transactions once more."""
    source = Database(own, "wound")
    practice = practise(source)
    own.put_aside()
    source.psql("UPDATE t SET told = 'gone with the disk' WHERE id = 1")
    practice.back_up()
    own.put_back()
    with source.connect() as connection:
        for number in range(200):
            connection.execute("UPDATE t SET told = %s WHERE id = %s", [str(number), number % 90])
    full_instead(practice, "put back to an earlier state")
    made = differential(practice)
    full = practice.inventory.find(made.manifest.base)
    own.create_database("beside")
    assert_same(source, by_hand(practice, full, made, into=Database(own, "beside")))


@pytest.mark.slow
def test_transactions_whose_numbers_begin_anew_between_the_two(own, practise):
    """Their 32 bits wrap round: that works, until the distance is half of them all."""
    source = Database(own, "wound")
    practice = practise(source)
    for xid in (2_000_000_000, 4_000_000_000, (1 << 32) - PAGE):
        own.advance_to(xid)
    source.psql("UPDATE t SET told = 'before the turn' WHERE id < 10")
    own.burn_to((1 << 32) - 100)
    with source.connect() as open_one:
        open_one.execute("BEGIN; UPDATE t SET told = 'begun before' WHERE id = 20")
        full = practice.back_up()
        assert (1 << 32) - 200 < full.manifest.horizon < 1 << 32
        own.burn_to((1 << 32) + 500)
        open_one.execute("SAVEPOINT a; INSERT INTO t VALUES (1000, 'after'); COMMIT")
    source.psql("DELETE FROM t WHERE id = 5; UPDATE t SET told = 'after' WHERE id = 50; VACUUM FREEZE t")
    made = differential(practice)
    assert made.manifest.horizon > 1 << 32
    own.create_database("beside")
    assert_same(source, by_hand(practice, full, made, into=Database(own, "beside")))
    for xid in (2_000_000_000, 2_200_000_000):
        own.advance_to(xid)
    full_instead(practice, "too many transactions since the full")


@pytest.mark.slow
def test_a_standby_that_was_promoted(standby, practise):
    primary = Database(standby.primary, "promoted")
    primary.server.create_database("promoted")
    primary.psql(TABLE)
    practice = practise(primary)
    practice.back_up()
    assert differential(practice)
    standby.follow()
    practice.configure(DB_PORT=str(standby.port))
    full_instead(practice, "the full is of the primary, and this is a standby")
    primary.psql("UPDATE t SET told = 'new' WHERE id < 5; DELETE FROM t WHERE id = 7")
    standby.follow()
    made = differential(practice)
    full = practice.inventory.find(made.manifest.base)
    primary.server.create_database("beside")
    assert_same(primary, by_hand(practice, full, made, into=Database(primary.server, "beside")))
    standby.follow()
    Database(standby, "postgres").psql("SELECT pg_promote()")
    full_instead(practice, "promoted or recovered since the full")
