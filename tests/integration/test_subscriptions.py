"""Databases that take changes from a publisher: no copy and no old one takes any in their stead."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest

from mtn_tui.core.errors import PostgresError
from mtn_tui.operations.restore.swap import exchange
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.subscriptions import pause
from tests.pg_fixtures import Database
from tests.swap_fixtures import Live, production

PASSWORD = "the-publishers-password"
TAKEN = "CREATE TABLE taken (id int PRIMARY KEY)"
STATE = "SELECT subenabled, coalesce(subslotname, '-') FROM pg_subscription WHERE subdbid = {}".format(
    "(SELECT oid FROM pg_database WHERE datname = current_database())"
)
LIVE, PAUSED, COPY = b"t|nightly\n", b"f|nightly\n", b"f|-\n"


@pytest.fixture
def publisher(pg_busy, new_database) -> Iterator[Database]:
    made = new_database(pg_busy)
    made.psql(f"{TAKEN}; INSERT INTO taken VALUES (1); CREATE PUBLICATION p FOR TABLE taken")
    made.psql("SELECT pg_create_logical_replication_slot('nightly', 'pgoutput')")
    yield made
    made.psql("SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots")
    made.psql("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


@pytest.fixture
def subscribed(publisher, new_database, practise) -> Iterator[Live]:
    """Production with a live subscription; one row came before its backup, another after it."""
    source = new_database(publisher.server)
    source.psql(TAKEN)
    login = publisher.server.conninfo(publisher.name, fallback_application_name=PASSWORD)
    with source.connect() as connection:
        connection.execute(
            psycopg.sql.SQL(
                "CREATE SUBSCRIPTION nightly CONNECTION {} PUBLICATION p"
                " WITH (create_slot = false, slot_name = 'nightly')"
            ).format(login)
        )
        connection.execute("COMMENT ON SUBSCRIPTION nightly IS 'from the ministry'")
    arrives(source, 1)
    live = production(practise(source))
    publisher.psql("INSERT INTO taken VALUES (2)")
    arrives(source, 2)
    yield live
    with connect(source.login, MAINTENANCE) as server:
        for name in live.practice.databases():
            databases.detach(server, name)


def arrives(database: Database, rows: int) -> None:
    deadline = time.monotonic() + 60
    while int(database.psql("SELECT count(*) FROM taken")) != rows:
        assert time.monotonic() < deadline, database.psql("TABLE taken")
        time.sleep(0.05)


def restore(live: Live, *more: str, check: int = 1):
    name = live.database.name
    return live.practice.here(
        "restore", "--latest", "--target", name, "--drop", "--confirm", live.words, *more, check=check
    )


def test_a_swap_takes_the_subscription_out_of_use_and_undo_brings_it_back(subscribed: Live, publisher):
    live, database = subscribed, subscribed.database
    planned = restore(live, "--dry-run").stdout
    assert "subscriptions: nightly" in planned
    assert "TRUNCATE public.taken;" in planned

    done = restore(live)
    (kept,) = live.kept
    assert (database.psql(STATE), kept.psql(STATE)) == (COPY, PAUSED)
    assert "Subscriptions of " + database.name in done.stderr
    assert "slots: nightly" in done.stderr
    lines = [line.strip() for line in done.stdout.split("the publisher):\n")[1].splitlines()[:5]]
    publisher.psql("INSERT INTO taken VALUES (3)")

    undone = live.practice.here("undo", "--confirm", live.words)
    arrives(database, 3)
    (kept,) = live.kept
    assert (database.psql(STATE), kept.psql(STATE)) == (LIVE, COPY)
    comment = "SELECT obj_description(oid, 'pg_subscription') FROM pg_subscription WHERE subname = 'nightly'"
    assert b"from the ministry\n" in database.psql(comment)
    assert b"mtn:" not in database.psql(comment)
    assert "disabled" not in undone.stderr

    # Once more, and this time with the fresh copy that was told of.
    live.practice.here("undo", "--confirm", live.words, check=1)
    assert database.psql(STATE) == COPY
    publisher.psql(lines[0])
    for line in lines[1:]:
        database.psql(line)
    arrives(database, 3)
    publisher.psql("INSERT INTO taken VALUES (4)")
    arrives(database, 4)
    (kept,) = live.kept
    assert (kept.psql(STATE), kept.psql("SELECT count(*) FROM taken")) == (PAUSED, b"3\n")

    dropped = live.practice.here("kept", "drop", kept.name, "--yes", check=1)
    assert live.kept == []
    assert "pg_drop_replication_slot('nightly')" in dropped.stderr
    journals = [path.read_text() for path in live.practice.context.jobs.rglob("*.jsonl")]
    assert journals
    assert not any(PASSWORD in text for text in [planned, done.stdout, done.stderr, *journals])


@pytest.mark.slow
def test_in_place_tells_what_goes_with_the_old_one_and_how_to_get_a_fresh_copy(subscribed: Live, publisher):
    """And what still keeps it from being dropped, once it is backed up, costs it nothing."""
    live, database = subscribed, subscribed.database
    backup = live.practice.inventory.latest().id
    options = [backup, "--target", database.name, "--drop", "--in-place", "--confirm", live.words]
    planned = live.practice.here("restore", *options, "--dry-run", check=1).stdout
    told = planned[planned.index("subscriptions: nightly") :]
    assert "They are dropped with it" in told
    assert "TRUNCATE public.taken;" in told
    assert "swap" not in planned
    assert "undo" not in planned

    dump, tool = live.practice.values["PG_DUMP"], live.practice.root / "pg_dump"
    psql = f'{publisher.server.binaries / "psql"} -Xq "{publisher.server.conninfo(database.name)}"'
    held = f"echo \"BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'held'\" | {psql}"
    once = f'case "$*" in *--version*|*--statistics-only*) ;; *) {held} ;; esac'
    tool.write_text(f'#!/bin/sh\n{once}\nexec {dump} "$@"\n')
    tool.chmod(0o700)
    tool.with_name("pg_dumpall").symlink_to(f"{dump}all")
    live.practice.configure(PG_DUMP=str(tool))
    failed = live.practice.here("restore", *options, check=2)
    assert "holds prepared transactions" in failed.stderr
    assert "was dropped" not in failed.stderr
    assert database.psql(STATE) == LIVE
    database.psql("ROLLBACK PREPARED 'held'")
    live.practice.configure(PG_DUMP=dump)

    done = live.practice.here("restore", *options, check=1)
    assert (live.kept, database.psql(STATE), database.psql("TABLE taken")) == ([], COPY, b"1\n")
    assert "pg_drop_replication_slot('nightly')" in done.stderr
    lines = [line.strip() for line in done.stdout.split("the publisher):\n")[1].splitlines()[:5]]
    publisher.psql(lines[0])
    for line in lines[1:]:
        database.psql(line)
    arrives(database, 2)


def test_staging_is_restored_again_and_again_and_never_takes_part(subscribed: Live, publisher):
    practice, staging = subscribed.practice, subscribed.practice.context.settings.staging_db_name
    practice.made.append(staging)
    practice.here("restore", "--latest", "--target", staging, check=1)
    database = Database(publisher.server, staging)
    assert database.psql(STATE) == COPY
    # Somebody gave it a connection, and closed it: it is dropped all the same.
    database.psql("ALTER SUBSCRIPTION nightly SET (slot_name = 'other')")
    database.psql(f'ALTER DATABASE "{staging}" SET default_transaction_read_only = on')
    done = practice.here("restore", "--latest", "--target", staging, "--drop", check=1)
    assert "pg_drop_replication_slot('other')" in done.stderr
    assert database.psql(STATE) == COPY
    assert [name for name in practice.databases() if name.startswith(staging)] == [staging]
    # As pg_restore makes it: with the slot that production reads, which must stay.
    database.psql("ALTER SUBSCRIPTION nightly SET (slot_name = 'nightly')")
    done = practice.here("restore", "--latest", "--target", staging, "--drop", check=1)
    assert "pg_drop_replication_slot" not in done.stderr
    assert subscribed.database.psql(STATE) == LIVE
    publisher.psql("INSERT INTO taken VALUES (5)")
    arrives(subscribed.database, 3)


@pytest.mark.slow
def test_a_swap_that_fails_leaves_the_subscription_running(subscribed: Live, publisher):
    """And one that is killed between both leaves it disabled: the next look enables it again."""
    live, context, name = subscribed, subscribed.practice.context, subscribed.database.name
    new = Database(publisher.server, "mtn_ready")
    live.practice.made.append(new.name)
    publisher.server.create_database(new.name)
    new.psql("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'in_the_way'")

    def put(job):
        with connect(context.server, MAINTENANCE) as server, connect(context.server, MAINTENANCE) as other:
            exchange(job, context, server, other, new.name, name, confirm=live.words)

    with pytest.raises(PostgresError, match="could not be swapped"):
        live.practice.run("restore", put)
    assert live.database.psql(STATE) == LIVE
    new.psql("ROLLBACK PREPARED 'in_the_way'")

    with connect(context.server, MAINTENANCE) as server:
        assert pause(server, name, name) == ["nightly"]  # what a job that is killed here has done
    assert live.database.psql(STATE) == PAUSED
    told = live.practice.here("kept", check=1).stderr
    assert "enabled again" in told
    assert live.database.psql(STATE) == LIVE
    live.database.psql("ALTER SUBSCRIPTION nightly DISABLE")
    live.practice.here("kept")
    assert live.database.psql(STATE) == PAUSED  # by somebody who meant it


def test_leftovers_that_cannot_be_dropped_are_named_and_hold_up_nothing(live: Live, pg18):
    """Whatever the reason: here it is another role's database."""
    practice, name = live.practice, live.database.name
    practice.run("restore", lambda job: None)
    assert practice.job is not None
    left = f"{name}__restoring_{practice.job.id}"
    with psycopg.connect(pg18.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE ROLE mtn_weak LOGIN CREATEDB PASSWORD 'weak'")
        connection.execute("GRANT pg_monitor TO mtn_weak")
        connection.execute(f'CREATE DATABASE "{left}"')
    login = live.database.login
    try:
        practice.configure(DB_USER="mtn_weak", DB_PASSWORD="weak")
        told = practice.here("kept", check=1)
        assert left in told.stderr
        assert "can't be removed" in told.stderr
        practice.made.append("mtn_beside")
        done = practice.here("restore", "--latest", "--no-owner", "--target", "mtn_beside", check=1)
        assert left in done.stderr
        assert "mtn_beside" in practice.databases()
    finally:
        practice.configure(DB_USER=login.user, DB_PASSWORD=login.password or "")
        told = practice.here("kept", "--verbose", check=0)
        assert left in told.stderr
        assert left not in practice.databases()
        pg18.drop_database("mtn_beside")
        with psycopg.connect(pg18.conninfo(), autocommit=True) as connection:
            connection.execute("DROP ROLE mtn_weak")


def test_a_half_made_database_with_a_prepared_transaction_is_passed_over(pg_busy, new_database, practise):
    live = production(practise(new_database(pg_busy)))
    assert live.practice.job is not None
    left = new_database(pg_busy, f"{live.database.name}__restoring_{live.practice.job.id}")
    left.psql("BEGIN; CREATE TABLE t (); PREPARE TRANSACTION 'held'")
    try:
        done = restore(live)
        assert "prepared transaction" in done.stderr
        assert live.rows == 50
        assert left.name in live.practice.here("kept", check=1).stderr
    finally:
        left.psql("ROLLBACK PREPARED 'held'")


def test_who_is_no_superuser_makes_none_that_is_live_and_is_told_whose_he_may_not_disable(
    subscribed: Live, publisher
):
    practice, server = subscribed.practice, publisher.server
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        connection.execute("CREATE ROLE mtn_weak_sub LOGIN CREATEDB PASSWORD 'w-e-a-k'")
        connection.execute("GRANT pg_monitor, pg_create_subscription TO mtn_weak_sub")
    login = server.login
    try:
        practice.configure(DB_USER="mtn_weak_sub", DB_PASSWORD="w-e-a-k")
        done = practice.here("restore", "--latest", "--no-owner", "--target", "mtn_weak_copy", check=1)
        assert PASSWORD not in done.stderr
        copy = Database(server, "mtn_weak_copy")
        assert copy.psql("SELECT count(*) FROM taken") == b"1\n"
        assert copy.psql(STATE) == COPY
        # Somebody else's live subscription is not for them to disable: said before anything is made.
        name = subscribed.database.name
        planned = practice.here("restore", "--latest", "--target", name, "--drop", "--dry-run", check=None)
        assert "may not disable: nightly" in planned.stdout
    finally:
        practice.configure(DB_USER=login.user, DB_PASSWORD=login.password or "")
        with connect(login, MAINTENANCE) as connection:
            databases.drop(connection, "mtn_weak_copy")
            connection.execute("DROP ROLE mtn_weak_sub")
