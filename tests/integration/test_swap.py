"""Production is replaced by a swap: confirmed, kept, undone."""

from __future__ import annotations

import json
import os
import threading
import time
from dataclasses import replace

import psycopg
import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import PostgresError, Refused, UsageError
from mtn_tui.operations.common.beside import READ_ONLY
from mtn_tui.operations.restore.kept import drop_kept
from mtn_tui.operations.restore.promote import promote
from mtn_tui.operations.restore.swap import exchange
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.swap import swap
from tests.pg_fixtures import Database
from tests.swap_fixtures import BEFORE, count, production


def restore_production(live, *more: str, check: int = 0):
    name = live.database.name
    return live.practice.here("restore", "--latest", "--target", name, "--drop", *more, check=check)


@pytest.mark.every_server
def test_production_is_kept_and_comes_back_and_that_can_be_undone(any_pg, new_database, practise):
    live = production(practise(new_database(any_pg, script=BEFORE)))
    done = restore_production(live, "--confirm", live.words)
    assert live.rows == 50
    (kept,) = live.kept
    assert count(kept) == 53
    assert f"kept as {kept.name}" in done.stdout
    assert "The swap itself took 0." in done.stdout
    print(done.stdout)
    (told,) = (
        one for one in json.loads(live.practice.here("kept", "--json").stdout) if one["name"] == kept.name
    )
    assert (told["name"], told["of"], told["past"]) == (kept.name, live.database.name, False)
    assert told["size"] > 1_000_000

    undone = live.practice.here("undo", "--confirm", live.words, "--json")
    facts = json.loads(undone.stdout)
    assert (facts["put_back"], facts["target"]) == (kept.name, live.database.name)
    assert live.rows == 53
    (kept,) = live.kept
    assert (kept.name, count(kept)) == (facts["kept"], 50)

    live.practice.here("undo", live.database.name, "--confirm", live.words)
    assert live.rows == 50
    assert [count(one) for one in live.kept] == [53]
    assert [job.kind for job in live.practice.jobs] == ["undo", "undo", "restore"]


def test_production_is_not_replaced_without_the_words_for_its_server(live):
    before, identifier = live.practice.databases(), live.words.rpartition(" ")[2]
    words = (
        "",
        "CONFIRM DELETE PRODUCTION",
        "CONFIRM DELETE PRODUCTION 7000000000000000001",
        f"confirm delete production {identifier}",
    )
    for given in words:
        done = restore_production(live, "--confirm", given, check=64)
        assert "is production" in done.stderr
        assert "--dry-run" in done.stderr
    assert (live.rows, live.practice.databases()) == (53, before)
    restore_production(live, "--confirm", live.words)
    for given in words:
        live.practice.here("undo", "--confirm", given, check=64)
    assert (live.rows, len(live.kept)) == (50, 1)
    told = live.practice.here("undo", "--dry-run", check=1).stdout
    assert live.kept[0].name in told
    assert live.words in told
    assert (live.rows, len(live.kept)) == (50, 1)


def test_the_confirmation_is_looked_at_once_more_right_before_the_swap(live):
    new = Database(live.database.server, "mtn_ready")
    live.practice.made.append(new.name)
    new.server.create_database(new.name)
    context, name = live.practice.context, live.database.name

    def put(job):
        with connect(context.server, MAINTENANCE) as server:
            exchange(job, context, server, server, new.name, name, confirm="CONFIRM DELETE PRODUCTION 1")

    with pytest.raises(Refused):
        live.practice.run("restore", put)
    assert live.rows == 53


def test_a_name_of_production_that_nothing_has_needs_no_confirmation(live):
    live.database.server.drop_database(live.database.name)
    live.practice.here("restore", "--latest", "--target", live.database.name)
    assert live.rows == 50
    assert live.kept == []


def test_a_client_that_writes_all_through_a_swap_comes_back_to_the_new_one(live, capsys):
    """What it wrote until then is in the old one. How long it could not write is printed."""
    stop, written, gaps = threading.Event(), [], []
    login = live.database.server.conninfo(live.database.name, application_name="a client")

    def write():
        number, failing = 1000, None
        connection = None
        while not stop.is_set():
            try:
                if connection is None:
                    connection = psycopg.connect(login, autocommit=True)
                oid = connection.execute(
                    "WITH made AS (INSERT INTO applications VALUES (%s)) SELECT oid::bigint FROM pg_database"
                    " WHERE datname = current_database()",
                    [number],
                ).fetchone()[0]
                written.append((oid, number))
                number += 1
                if failing is not None:
                    gaps.append(time.monotonic() - failing)
                    failing = None
            except psycopg.Error:
                failing = failing or time.monotonic()
                if connection is not None:
                    connection.close()
                connection = None
            time.sleep(0.002)
        if connection is not None:
            connection.close()

    client = threading.Thread(target=write)
    client.start()
    try:
        done = restore_production(live, "--confirm", live.words, "--json")
        deadline = time.monotonic() + 60
        while not gaps and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        stop.set()
        client.join()
    without = json.loads(done.stdout)["seconds_without"]
    with capsys.disabled():
        print(f"\nclient without a database: {max(gaps):.2f} s; said: {without:.2f} s")
    (kept,) = live.kept
    ours = {row for _oid, row in written}
    in_old, in_new = (
        {int(line) for line in one.psql("SELECT id FROM applications WHERE id >= 1000").split()}
        for one in (kept, live.database)
    )
    oids = list(dict.fromkeys(oid for oid, _row in written))
    assert len(oids) == 2
    # The last row before the session was ended may be in, though the client never heard of it.
    assert {row for oid, row in written if oid == oids[0]} <= in_old
    assert in_new == {row for oid, row in written if oid == oids[1]}
    assert in_old | in_new >= ours


def test_what_belongs_to_the_name_stays_with_the_name(live):
    """Changed since the backup, and even since the swap: the living one's is true."""
    name = live.database.name
    live.database.psql(
        f"COMMENT ON DATABASE \"{name}\" IS 'since'; ALTER DATABASE \"{name}\" SET work_mem = '7MB';"
        f'ALTER DATABASE "{name}" CONNECTION LIMIT 44; REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC'
    )
    restore_production(live, "--confirm", live.words)
    facts = """
        SELECT shobj_description(oid, 'pg_database'), datconnlimit,
            (SELECT array_agg(acl::text ORDER BY acl::text) FROM unnest(datacl) AS acl),
            (SELECT setconfig FROM pg_db_role_setting WHERE setdatabase = d.oid)
        FROM pg_database AS d WHERE datname = current_database()
    """
    (kept,) = live.kept
    assert live.database.psql(facts) == kept.psql(facts)
    assert b"since|44" in live.database.psql(facts)
    live.database.psql(
        f'COMMENT ON DATABASE "{name}" IS \'later\'; ALTER DATABASE "{name}" RESET ALL;'
        f'GRANT ALL ON DATABASE "{name}" TO PUBLIC'
    )
    now = live.database.psql(facts)
    live.practice.here("undo", "--confirm", live.words)
    assert live.rows == 53
    assert live.database.psql(facts) == now


def test_what_staging_and_tests_were_before_is_not_kept_and_is_theirs_alone(live):
    practice = live.practice
    for target in (practice.context.settings.staging_db_name, f"{live.database.name}_test_202611"):
        practice.made.append(target)
        practice.here("restore", "--latest", "--target", target)
        database = Database(live.database.server, target)
        database.psql(f"CREATE TABLE scribbled (); ALTER DATABASE \"{target}\" SET work_mem = '9MB'")
        done = practice.here("restore", "--latest", "--target", target, "--drop")
        assert "kept" not in done.stdout
        assert [name for name in practice.databases() if name.startswith(target)] == [target]
        assert database.psql("SHOW work_mem") != b"9MB\n"


def test_a_staging_that_was_validated_is_promoted_and_writable_from_then_on(live):
    practice, staging = live.practice, live.practice.context.settings.staging_db_name
    practice.made.append(staging)
    restored = practice.restore(staging, closed=True)
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction), restored.connect() as connection:
        connection.execute("DELETE FROM applications")
    context, name = practice.context, live.database.name
    with pytest.raises(Refused):
        practice.run("promote", lambda job: promote(job, context, staging, name))
    assert live.rows == 53
    done = practice.run("promote", lambda job: promote(job, context, staging, name, confirm=live.words))
    assert live.rows == 50
    live.database.psql("INSERT INTO applications VALUES (99)")
    assert [one.name for one in live.kept] == [done.exchanged.kept]
    assert staging not in practice.databases()
    with pytest.raises(UsageError):
        practice.run("promote", lambda job: promote(job, context, staging, name, confirm=live.words))

    live.database.server.drop_database(name)
    practice.restore(staging, closed=True)
    practice.run("promote", lambda job: promote(job, context, staging, name))
    live.database.psql("INSERT INTO applications VALUES (99)")
    with live.database.connect() as connection:
        settings = connection.execute("SELECT setconfig FROM pg_db_role_setting").fetchall()
    assert READ_ONLY not in str(settings)


def test_what_is_put_in_place_can_be_connected_to_though_it_was_closed(live):
    practice, name = live.practice, live.database.name
    staging = practice.restore(practice.context.settings.staging_db_name)
    close = 'ALTER DATABASE "{}" ALLOW_CONNECTIONS false'
    live.database.psql(close.format(staging.name))
    practice.here("promote", staging.name, "--confirm", live.words)
    assert live.rows == 50
    (kept,) = live.kept
    live.database.psql(close.format(kept.name))
    practice.here("undo", name, "--confirm", live.words)
    assert live.rows == 53


def test_what_others_work_with_is_not_promoted(live, new_database):
    practice, name = live.practice, live.database.name
    theirs = new_database(live.database.server)
    live.database.server.drop_database(name)
    with theirs.connect():
        for words in ([], ["--confirm", live.words]):
            told = practice.here("promote", theirs.name, *words, check=64).stderr
            assert f"1 session is connected to {theirs.name}" in " ".join(told.split())
    assert theirs.name in practice.databases()
    assert name not in practice.databases()
    practice.here("promote", theirs.name)
    assert theirs.name not in practice.databases()


@pytest.mark.parametrize("source", ["template1", "school__restoring_abcdefgh"])
def test_what_is_half_made_or_the_servers_own_is_never_promoted(live, source):
    server, practice, context = live.database.server, live.practice, live.practice.context
    with pytest.raises(Refused, match="half-made"):
        practice.run("promote", lambda job: promote(job, context, source, "wasted"))
    assert "wasted" not in live.practice.databases()
    assert server.running


@pytest.mark.parametrize("source", [os.fsdecode(b"a\xff"), "", "x" * 64])
def test_what_can_be_no_name_is_never_promoted(live, source):
    done = live.practice.here("promote", "--target", "wasted", "--", source, check=64)
    assert "can't be a database's name" in done.stderr


@pytest.mark.parametrize("command", [["undo", ""], ["promote", "mtn_ready", "--target", ""]])
def test_a_shells_empty_variable_is_not_production(live, command):
    done = live.practice.here(*command, "--confirm", live.words, check=64)
    assert "'' can't be a database's name" in done.stderr
    assert live.rows == 53


def test_a_database_is_not_promoted_to_itself(live):
    done = live.practice.here("promote", "mtn_ready", "--target", "mtn_ready", check=64)
    assert "mtn_ready can't take its own place" in done.stderr


@pytest.mark.parametrize("target", ["school__replaced_abcdefgh", "school__before_20260101_000000"])
def test_nothing_gets_a_name_by_which_it_would_be_swept_or_taken_for_what_was_kept(live, target):
    done = live.practice.here("promote", "mtn_ready", "--target", target, check=64)
    assert "Choose another name" in done.stderr
    assert target not in live.practice.databases()


def test_where_a_name_was_shortened_undo_wants_to_be_told_which_one(pg18, new_database, practise):
    """Two databases whose names begin alike have kept ones that begin alike."""
    live = production(practise(new_database(pg18, script=BEFORE)))
    practice, name = live.practice, "admision_colegio_monte_tabor_nazaret_2026"
    with connect(pg18.login, MAINTENANCE) as connection:
        practice.made += [name, name + "_recovery"]
        for one in (name, name + "_recovery"):
            connection.execute(f"CREATE DATABASE {one}".encode())
    for one in (name + "_recovery", name):
        practice.here("restore", "--latest", "--target", one, "--drop")
    told = practice.here("undo", name, check=64).stderr
    assert "may have been" in told
    assert f"mtn undo {name} --kept NAME" in told
    kept = [one for one in practice.databases() if one.startswith(name[:39] + "__before_")]
    assert len(kept) == 2
    practice.here("undo", name, "--kept", max(kept))
    assert Database(pg18, name).psql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == b"0\n"


def test_where_a_clock_was_set_back_between_two_swaps_undo_wants_to_be_told_which_one(
    pg18, new_database, practise
):
    """At 23:50 by summer time and twenty minutes later, at 23:10 by winter time: as in Chile each April."""
    live = production(practise(new_database(pg18, script=BEFORE)))
    practice, name = live.practice, live.database.name
    first, last = f"{name}__before_20260404_235000", f"{name}__before_20260404_231000"
    for one in (first, last):
        new_database(pg18, name + "_new")
        with connect(pg18.login, MAINTENANCE) as connection:
            connection.execute(f"ALTER DATABASE {name} RENAME TO {one}".encode())
            connection.execute(f"ALTER DATABASE {name}_new RENAME TO {name}".encode())
    told = " ".join(practice.here("undo", name, "--confirm", live.words, check=64).stderr.split())
    assert f"{first} has the newest name, but {last} was replaced" in told
    assert f"mtn undo {name} --kept NAME" in told
    assert practice.here("undo", name, "--dry-run", check=64).stderr
    assert {first, last, name} <= practice.databases()
    practice.here("undo", name, "--kept", first, "--confirm", live.words)
    assert live.rows == 53


def test_a_kept_one_is_dropped_when_that_is_said_and_nothing_else_ever(live):
    restore_production(live, "--confirm", live.words)
    (kept,) = live.kept
    for other in (live.database.name, "postgres", "nothing__before_20260101_000000"):
        assert "no kept database" in live.practice.here("kept", "drop", other, "--yes", check=64).stderr
    assert "--yes" in live.practice.here("kept", "drop", kept.name, check=64).stderr
    assert live.kept == [kept]
    live.practice.configure(KEEP_REPLACED_DAYS="0")
    assert f"mtn kept drop {kept.name}" in live.practice.here("kept").stdout
    facts = json.loads(live.practice.here("kept", "--json", "drop", kept.name, "--yes").stdout)
    assert (facts["dropped"], facts["of"]) == (kept.name, live.database.name)
    assert live.kept == []
    assert "No previous version of" in live.practice.here("undo", "--confirm", live.words, check=64).stderr
    context = live.practice.context
    with pytest.raises(UsageError):
        live.practice.run("kept-drop", lambda job: drop_kept(job, context, live.database.name))


def test_what_was_a_template_is_kept_comes_back_and_can_be_dropped_like_any_other(live):
    live.database.psql(f'ALTER DATABASE "{live.database.name}" IS_TEMPLATE true')
    restore_production(live, "--confirm", live.words)
    (kept,) = live.kept
    assert kept.name in live.practice.here("kept").stdout
    live.practice.here("undo", "--confirm", live.words)
    assert live.rows == 53
    live.practice.here("undo", "--confirm", live.words)
    (kept,) = live.kept
    assert kept.name in live.practice.here("kept", "drop", kept.name, "--yes").stdout
    assert live.kept == []


def test_a_staging_that_was_a_template_leaves_nothing(live):
    staging = live.practice.restore(live.practice.context.settings.staging_db_name)
    staging.psql(f'ALTER DATABASE "{staging.name}" IS_TEMPLATE true')
    live.practice.here("restore", "--latest", "--target", staging.name, "--drop")
    assert [name for name in live.practice.databases() if name.startswith(staging.name)] == [staging.name]


def test_with_read_only_nothing_is_swapped_dropped_or_swept(live):
    restore_production(live, "--confirm", live.words)
    before = live.practice.databases()
    for command in (["undo", "--confirm", live.words], ["kept", "drop", live.kept[0].name, "--yes"]):
        live.practice.here("--read-only", *command, check=64)
    live.practice.here("--read-only", "kept")
    assert live.practice.databases() == before


@pytest.mark.soak
def test_a_session_that_may_not_be_ended_is_named_after_three_tries(live):
    """The server waits five seconds in each. Here a superuser's, against a plain owner."""
    role, name = f"mtn_swapper_{os.getpid()}", live.database.name
    live.database.psql(f"CREATE ROLE {role} LOGIN CREATEDB PASSWORD 'cambia-1'")
    live.database.psql(f'ALTER DATABASE "{name}" OWNER TO {role}')
    login = replace(live.database.login, user=role, password="cambia-1")
    try:
        with connect(login, MAINTENANCE) as server, connect(login, MAINTENANCE) as other:
            with live.database.connect() as session:
                with pytest.raises(PostgresError, match="in 3 tries") as refused:
                    swap(server, other, [(name, "mtn_other")], SystemClock())
                assert session.execute("SELECT 1").fetchone() == (1,)
            assert live.database.server.user in refused.value.title
        assert "mtn_other" not in live.practice.databases()
    finally:
        live.database.psql(f'ALTER DATABASE "{name}" OWNER TO {live.database.server.user}; DROP ROLE {role}')


@pytest.mark.slow
def test_a_prepared_transaction_of_the_last_moment_is_named_after_three_tries(pg_busy, new_database):
    held, new = new_database(pg_busy, script="CREATE TABLE t (x int)"), new_database(pg_busy)
    held.psql("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'of the last moment'")
    try:
        with connect(pg_busy.login, MAINTENANCE) as server, connect(pg_busy.login, MAINTENANCE) as other:
            with pytest.raises(PostgresError, match="PREPARED TRANSACTION 'of the last moment'"):
                swap(server, other, [(held.name, "mtn_other"), (new.name, held.name)], SystemClock())
    finally:
        held.psql("ROLLBACK PREPARED 'of the last moment'")


def test_both_get_their_names_or_neither(live):
    new = Database(live.database.server, "mtn_waiting")
    live.practice.made.append(new.name)
    new.server.create_database(new.name)
    context = live.practice.context
    with connect(context.server, MAINTENANCE) as server, connect(context.server, MAINTENANCE) as other:
        with pytest.raises(PostgresError, match="does not exist"):
            swap(server, other, [(live.database.name, "mtn_other"), ("mtn_missing", "x")], SystemClock())
    assert "mtn_other" not in live.practice.databases()
    assert live.rows == 53
