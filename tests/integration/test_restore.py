"""mtn restore: beside, verified, then in place; and everything it refuses to begin with."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from dataclasses import replace

import psycopg
import pytest

from mtn_tui.core.errors import MtnError, NoSpace, NotABackup, PostgresError, Refused, UsageError
from mtn_tui.core.identity import Extension
from mtn_tui.core.models import Rung
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.select import backup_at
from mtn_tui.operations.restore.restore import Request, restore
from mtn_tui.postgres import databases
from mtn_tui.postgres.connection import MAINTENANCE, connect
from tests.operation_fixtures import Practice, install
from tests.pg_fixtures import Database

ODD_ROLE = 'Role "odd" ñ'


@pytest.fixture
def small(pg18, new_database) -> Database:
    return new_database(
        pg18, script="CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 20)"
    )


@pytest.fixture
def practice(small, practise) -> Practice:
    """With one backup of ``small``."""
    made = practise(small)
    made.ready_made()
    return made


def target_of(
    practice: Practice, name: str, script: str = "CREATE TABLE old AS SELECT 42 AS answer"
) -> Database:
    """A database to restore into that exists already."""
    server = practice.source.server
    practice.made.append(name)
    server.create_database(name)
    database = Database(server, name)
    database.psql(script)
    return database


def scratch_left(practice: Practice) -> list[str]:
    return [name for name in practice.databases() if "__restoring" in name or "__replaced" in name]


def test_without_drop_an_existing_database_is_not_touched(practice):
    target = target_of(practice, "mtn_keep_me")
    with pytest.raises(Refused) as refused:
        practice.restore(target.name)
    assert "--drop" not in refused.value.hint
    assert target.psql("SELECT answer FROM old") == b"42\n"


def test_the_old_one_is_there_until_the_new_one_is_loaded_and_counted(practice):
    """It can be used all the while, and is gone when all is done; whoever is in it then is sent away."""
    target = target_of(practice, "mtn_in_use")
    context = practice.context
    request = Request(practice.inventory.latest(), target.name, drop=True)
    seen = []

    def watched(job: Job):
        phase = job.phase

        def look(name, *rest, **more):
            if name in ("load", "count", "put-in-place"):
                seen.append((name, target.psql("SELECT answer FROM old")))
            phase(name, *rest, **more)

        job.phase = look
        return restore(job, context, request)

    with target.connect() as session:
        done = practice.run("restore", watched)
        with pytest.raises(psycopg.OperationalError):
            session.execute("SELECT 1")
    assert seen == [(name, b"42\n") for name in ("load", "count", "put-in-place")]
    assert done.replaced
    assert target.dump() == practice.source.dump()
    assert scratch_left(practice) == []


def test_clients_that_come_back_at_once_do_not_keep_the_new_one_out(practice):
    target = target_of(practice, "mtn_busy")
    stop = threading.Event()
    login = practice.source.server.conninfo(target.name, application_name="a client")

    def come_back():
        while not stop.is_set():
            try:
                with psycopg.connect(login) as connection:
                    connection.execute("SELECT pg_sleep(600)")
            except psycopg.Error:
                time.sleep(0.001)

    clients = [threading.Thread(target=come_back) for _ in range(6)]
    for client in clients:
        client.start()
    try:
        practice.restore(target.name, drop=True)
    finally:
        stop.set()
        with connect(practice.context.server, MAINTENANCE) as connection:
            while any(client.is_alive() for client in clients):
                databases.end_sessions(connection, "a client")
                clients[0].join(0.05)
    assert target.dump() == practice.source.dump()
    assert scratch_left(practice) == []


def test_a_load_that_fails_leaves_the_target_as_it_was(practice):
    """The server has lost an extension's file, say: here a table that is in the way."""
    target = target_of(practice, "mtn_survivor")
    backup = practice.inventory.latest()
    wrong = replace(
        backup.manifest, counts={table: rows + 1 for table, rows in backup.manifest.rows().items()}
    )
    copies = tuple(replace(copy, manifest=wrong) for copy in backup.copies)
    with pytest.raises(PostgresError) as failed:
        practice.restore(target.name, Backup(backup.name, copies), drop=True)
    assert "public.t: 20 instead of 21 rows" in failed.value.title
    assert target.psql("SELECT answer FROM old") == b"42\n"
    assert scratch_left(practice) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--latest", "--target", "postgres"], "belongs to PostgreSQL itself"),
        (["--latest", "--target", "template1", "--drop"], "belongs to PostgreSQL itself"),
        (["--latest", "--target", "{production}", "--drop"], "is production"),
        (["--latest", "--target", "Matrícula MTN", "--drop"], "is production"),
        (["--latest", "--target", "x" * 64], "can't be a database's name"),
        (["--latest", "--target", "ñ" * 32], "can't be a database's name"),
        (["--latest", "--target", ""], "can't be a database's name"),
        (["--latest", "--target", "x", "--type", "differental"], "differential"),
        (["--latest", "--target", "x", "--at", "2020-09-15 12:00"], "There is no backup of 2020-09-15 12:00"),
        (["--latest", "--target", "x", "--at", "Tuesday"], "is not a moment"),
        (["--latest", "--target", "x__restoring_abcdefgh"], "a restore is working on"),
        (["--latest", "--target", "x__replaced_abcdefgh"], "a restore is working on"),
        (["--latest", "--target", "x__before_20260101_000000"], "or has replaced"),
        (["--target", "x"], "Say which backup"),
        (["aaaaaaaa", "--latest", "--target", "x"], "Say which backup"),
        (["aaaaaaaa", "--target", "x"], "There is no backup"),
        (["--file", "{legacy}", "--target", "x"], "--legacy"),
        (["--latest"], "--target"),
    ],
)
def test_what_is_refused_is_refused_before_any_database_is_made(cli, options, said):
    practice, before = cli
    names = {
        "production": practice.source.name,
        "diff": "admision_mtn_diff_20251003_203400.sql.gz.gpg",
        "legacy": "admision_mtn_full_MacBook-Pro-de-Jorge-4_20251003_203400.sql.gz.gpg",
    }
    done = practice.here("restore", *[option.format(**names) for option in options], check=64)
    assert said in done.stderr
    assert done.stdout == ""
    assert practice.databases() == before


@pytest.fixture(scope="module")
def refusing(pg18, tmp_path_factory):
    """One installation for every refusal: none of them changes anything."""
    name = f"mtn_refusing_{os.getpid()}"
    pg18.create_database(name)
    source = Database(pg18, name)
    practice = install(
        tmp_path_factory.mktemp("refusing"), source, PRODUCTION_DATABASES="Matrícula MTN, other"
    )
    practice.ready_made()
    pg18.create_database("Matrícula MTN")
    shutil.copy(practice.legacy_backup(), practice.backups / "admision_mtn_diff_20251003_203400.sql.gz.gpg")
    yield practice
    pg18.drop_database(name)
    pg18.drop_database("Matrícula MTN")


@pytest.fixture
def cli(refusing):
    return refusing, refusing.databases()


def test_a_role_that_is_missing_is_named_with_the_fix(practice):
    backup = practice.inventory.latest()
    wanting = replace(backup.manifest, roles=(*backup.manifest.roles, "nobody_here", ODD_ROLE))
    copies = tuple(replace(copy, manifest=wanting) for copy in backup.copies)
    with pytest.raises(PostgresError) as refused:
        practice.restore("mtn_no_role", Backup(backup.name, copies))
    assert f"nobody_here, {ODD_ROLE}" in refused.value.title
    assert ".roles.enc" in refused.value.hint
    assert "mtn_no_role" not in practice.databases()


def test_an_extension_that_is_missing_is_named_with_the_fix(practice):
    backup = practice.inventory.latest()
    wanting = replace(backup.manifest, extensions=(Extension("postgis", "3.4", "public"),))
    copies = tuple(replace(copy, manifest=wanting) for copy in backup.copies)
    with pytest.raises(PostgresError) as refused:
        practice.restore("mtn_no_extension", Backup(backup.name, copies))
    assert "postgis" in refused.value.title
    assert "Install" in refused.value.hint
    assert "mtn_no_extension" not in practice.databases()


def test_a_server_without_room_for_it_is_told_before_anything_is_made(practice):
    backup = practice.inventory.latest()
    manifest = replace(backup.manifest, sums=(10**15, backup.manifest.gzip))
    copies = tuple(replace(copy, manifest=manifest) for copy in backup.copies)
    with pytest.raises(NoSpace) as refused:
        practice.restore("mtn_no_room", Backup(backup.name, copies))
    assert "free; the restored database needs about 1.3 PB." in refused.value.title
    assert "mtn_no_room" not in practice.databases()


def test_only_roles_that_the_dump_names_are_asked_for(pg18, new_database, practise):
    """The superuser of the old server need not exist on the new one where he owns nothing."""
    source = new_database(pg18)
    owner = f"mtn_app_{os.getpid()}"
    source.psql(
        f'CREATE ROLE {owner}; ALTER DATABASE "{source.name}" OWNER TO {owner};'
        f"CREATE EXTENSION citext; SET ROLE {owner}; CREATE TABLE t (x citext)"
    )
    try:
        practice: Practice = practise(source)
        assert practice.back_up().manifest.roles == (owner,)
        source.psql("SELECT lo_from_bytea(0, 'x')")
        assert practice.back_up().manifest.roles == (pg18.user, owner)
    finally:
        source.psql(
            f'REASSIGN OWNED BY {owner} TO {pg18.user}; ALTER DATABASE "{source.name}" OWNER TO {pg18.user};'
            f"DROP OWNED BY {owner}; DROP ROLE {owner}"
        )


def database_facts(database: Database) -> list[tuple[object, ...]]:
    with database.connect() as connection:
        return connection.execute(
            """
            SELECT pg_get_userbyid(datdba), datconnlimit, shobj_description(d.oid, 'pg_database'),
                (SELECT array_agg(acl::text ORDER BY acl::text) FROM unnest(datacl) AS acl),
                (SELECT array_agg((setrole::regrole::text, setconfig)::text ORDER BY setrole::regrole::text)
                    FROM pg_db_role_setting WHERE setdatabase = d.oid)
            FROM pg_database AS d WHERE datname = current_database()
            """
        ).fetchall()


def test_what_belongs_to_the_database_itself_is_carried_over(pg18, new_database, practise):
    source = new_database(pg18)
    owner, reader, odd = (f"mtn_{who}_{os.getpid()}" for who in ("owner", "reader", 'odd "ñ'))
    quoted = '"' + odd.replace('"', '""') + '"'
    source.psql(
        f"""
        CREATE ROLE {owner}; CREATE ROLE {reader}; CREATE ROLE {quoted};
        COMMENT ON DATABASE "{source.name}" IS 'Admisión: "la" base''s';
        ALTER DATABASE "{source.name}" CONNECTION LIMIT 77;
        ALTER DATABASE "{source.name}" SET search_path TO "Mi, esquema", "c""d", public;
        ALTER DATABASE "{source.name}" SET work_mem = '7MB';
        ALTER DATABASE "{source.name}" SET "mtn.note" = 'it''s; --';
        ALTER DATABASE "{source.name}" SET DateStyle = 'SQL, DMY';
        ALTER ROLE {reader} IN DATABASE "{source.name}" SET search_path TO '';
        ALTER ROLE {quoted} IN DATABASE "{source.name}" SET statement_timeout = '5min';
        REVOKE ALL ON DATABASE "{source.name}" FROM PUBLIC;
        GRANT CONNECT ON DATABASE "{source.name}" TO {reader} WITH GRANT OPTION;
        GRANT CREATE ON DATABASE "{source.name}" TO {quoted};
        ALTER DATABASE "{source.name}" OWNER TO {owner};
        GRANT TEMPORARY ON DATABASE "{source.name}" TO {pg18.user};
        """
    )
    try:
        practice: Practice = practise(source)
        practice.back_up()
        restored = practice.restore()
        assert practice.job.warnings == ()
        assert database_facts(restored) == database_facts(source)
    finally:
        for name in (*practice.made, source.name):
            source.psql(f'ALTER DATABASE "{name}" OWNER TO {pg18.user}')
            source.psql(f'REVOKE ALL ON DATABASE "{name}" FROM {owner}, {reader}, {quoted}')
            for role in (reader, quoted):
                source.psql(f'ALTER ROLE {role} IN DATABASE "{name}" RESET ALL')
        source.psql(f"DROP ROLE {owner}; DROP ROLE {reader}; DROP ROLE {quoted}")


@pytest.mark.sample("LATIN1")
@pytest.mark.parametrize(
    "options",
    [
        "ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc",
        "ENCODING 'UTF8' LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C' LC_COLLATE 'C' LC_CTYPE 'C'",
        "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' LOCALE_PROVIDER libc",
    ],
)
def test_a_database_keeps_its_encoding_and_locale(pg18, practise, options):
    name = f"mtn_locale_{os.getpid()}"
    maintenance = Database(pg18, MAINTENANCE)
    maintenance.psql(f"CREATE DATABASE {name} TEMPLATE template0 {options}")
    try:
        source = Database(pg18, name)
        source.psql("SET client_encoding = 'UTF8'; CREATE TABLE t AS SELECT 'año' AS x")
        practice: Practice = practise(source)
        practice.back_up()
        restored = practice.restore()
        facts = (
            "SELECT pg_encoding_to_char(encoding), datlocprovider, datcollate, datctype, datlocale"
            " FROM pg_database WHERE datname = current_database()"
        )
        assert restored.psql(facts) == source.psql(facts)
        assert restored.dump() == source.dump()
    finally:
        pg18.drop_database(name)


def test_a_tablespace_that_is_missing_is_said_and_done_without(pg18, new_database, practise):
    source = new_database(pg18)
    space = f"mtn_space_{os.getpid()}"
    source.psql(
        f"SET allow_in_place_tablespaces = on; CREATE TABLESPACE {space} LOCATION '';"
        f"CREATE TABLE t (id int) TABLESPACE {space}; INSERT INTO t VALUES (1)"
    )
    practice: Practice = practise(source)
    practice.back_up()
    source.psql("ALTER TABLE t SET TABLESPACE pg_default")
    source.psql(f"DROP TABLESPACE {space}")
    restored = practice.restore()
    assert restored.dump() == source.dump()
    assert [space in text for text in practice.job.warnings] == [True]


def test_the_scripts_words_are_understood(practice, tmp_path):
    elsewhere = tmp_path / "a usb disk"
    elsewhere.mkdir()
    name = practice.inventory.latest().manifest.payload
    for path in practice.backups.glob(f"{name}*"):
        path.rename(elsewhere / path.name)
    practice.made.append("mtn_words")
    done = practice.here(
        "restore", "-f", str(elsewhere / name), "-t", "mtn_words", "-r", "full", "-s", "--json"
    )
    facts = json.loads(done.stdout)
    assert facts["target"] == "mtn_words"
    assert facts["name"] == name
    assert facts["store"] == "disk"
    assert facts["replaced"] is False
    assert facts["rows"] is None
    again = practice.here("restore", "-f", str(elsewhere / name), "-t", "mtn_words", "-d")
    assert "rows counted: 20, tables: 1" in again.stdout
    assert Database(practice.source.server, "mtn_words").dump() == practice.source.dump()
    assert list((practice.root / "logs").glob("restore_*.log"))
    figures = json.loads((practice.root / "logs/metrics/restore_latest.json").read_text())
    assert (figures["status"], figures["rows"]) == ("success", 20)
    proof = json.loads((elsewhere / f"{name}.proof.json").read_text())
    assert "restored" in proof["rungs"]


def test_rows_are_not_counted_where_the_configuration_says_so(practice):
    practice.configure(ENABLE_POST_RESTORE_VERIFY="false")
    practice.made.append("mtn_uncounted")
    done = practice.here("restore", "--latest", "--target", "mtn_uncounted", "--json")
    assert json.loads(done.stdout)["rows"] is None


def test_a_file_under_its_own_name_needs_neither_folder_nor_bucket(practice, tmp_path):
    name = practice.inventory.latest().manifest.payload
    backup = backup_at(practice.backups / name, practice.context.key)
    assert backup.rung is Rung.COMPLETE
    with pytest.raises(UsageError):
        backup_at(practice.backups / "nothing.sql.gz.gpg", practice.context.key)
    with pytest.raises(NotABackup):
        backup_at(practice.backups, practice.context.key)
    odd = tmp_path / "my backup.gpg"
    shutil.copy(practice.backups / name, odd)
    assert str(backup_at(odd, practice.context.key).name) == "my backup.gpg"


@pytest.mark.sample("here", "xxx")
@pytest.mark.parametrize(
    "target",
    ['it\'s "here"; DROP DATABASE postgres; --', "two\nlines\x1b[2J", "-d", "../x", "x" * 63, "$(id)"],
)
def test_a_target_of_any_name_is_that_database_and_no_other(practice, target):
    before = practice.databases()
    practice.made.append(target)
    done = practice.here("restore", "--latest", f"--target={target}", "--json")
    assert json.loads(done.stdout)["target"] == target
    assert "\x1b" not in done.stdout + done.stderr
    with practice.source.connect() as connection:
        there = {str(name) for (name,) in connection.execute("SELECT datname FROM pg_database").fetchall()}
    assert before <= there
    assert target in there
    practice.here("restore", "--latest", f"--target={target}", "--drop")
    practice.here("restore", "--latest", f"--target={target}", check=64)


def test_two_targets_whose_names_begin_alike_have_scratch_names_of_their_own(practice):
    """63 bytes leave no room for what is added: the name is shortened, never cut off behind."""
    one, other = "m" * 63, "m" * 62 + "n"
    for target in (one, other):
        practice.restore(target)
    assert {one, other} <= practice.databases()
    assert databases.scratch_name(one, "restoring", "abcdefgh").endswith("__restoring_abcdefgh")
    assert len(databases.scratch_name("ñ" * 31, "restoring", "abcdefgh").encode()) <= 63


def test_what_a_killed_restore_left_is_removed_by_the_next_and_nothing_else(practice):
    server = practice.source.server
    left = databases.scratch_name("mtn_again", "restoring", "aaaaaaaa")
    others = databases.scratch_name("mtn_again2", "restoring", "aaaaaaaa")
    for name in (left, others):
        practice.made.append(name)
        server.create_database(name)
    practice.restore("mtn_again")
    assert left not in practice.databases()
    assert others in practice.databases()


def test_a_dump_of_the_older_server_restores_into_the_newer(pg18, pg_system, new_school, practise):
    source = new_school(pg_system)
    practice: Practice = practise(source)
    practice.ready_made()
    restored = onto(practice, pg18, "mtn_from_older")
    try:
        assert restored.psql("SELECT count(*) FROM users") == source.psql("SELECT count(*) FROM users")
        assert practice.job.exit_code in (0, 1)
    finally:
        pg18.drop_database("mtn_from_older")


def test_a_dump_of_the_newer_server_restores_into_the_older_or_says_why_not(
    pg18, pg_system, new_school, practise
):
    source = new_school(pg18)
    practice: Practice = practise(source)
    practice.ready_made()
    try:
        restored = onto(practice, pg_system, "mtn_from_newer")
        assert restored.psql("SELECT count(*) FROM users") == source.psql("SELECT count(*) FROM users")
        said = practice.job.warnings
        assert len(set(said)) == len(said)
        assert any("may not be understood" in text for text in said)
        assert any("transaction_timeout" in text for text in said)
    finally:
        pg_system.drop_database("mtn_from_newer")


def test_an_extension_of_the_older_server_that_the_newer_lacks_is_refused(
    pg18, pg_system, new_database, practise
):
    source = new_database(pg_system)
    with source.connect() as connection, connect(pg18.login, MAINTENANCE) as there:
        ours, theirs = (
            {name for (name,) in one.execute("SELECT name FROM pg_available_extensions").fetchall()}
            for one in (connection, there)
        )
    extra = [name for name in ("pgcrypto", "sslinfo", "uuid-ossp", "xml2") if name in ours - theirs]
    if not extra:
        pytest.skip("both servers have the same extensions")
    source.psql(f'CREATE EXTENSION "{extra[0]}"')
    practice: Practice = practise(source)
    practice.back_up()
    with pytest.raises(PostgresError) as refused:
        onto(practice, pg18, "mtn_never")
    assert extra[0] in refused.value.title


def onto(practice: Practice, server, target: str) -> Database:
    """Restore the newest backup onto another server."""
    context = practice.context
    settings = context.settings.model_copy(
        update={"db_host": server.host, "db_port": server.port, "db_user": server.user}
        | {"db_password": type(context.settings.db_password)(server.password)}
    )
    elsewhere = replace(context, settings=settings)
    request = Request(practice.inventory.latest(), target)
    practice.run("restore", lambda job: restore(job, elsewhere, request), elsewhere)
    return Database(server, target)


def test_two_restores_into_one_target_do_not_meet(practice):
    with connect(practice.context.server, MAINTENANCE) as connection:
        assert connection.info.server_version
    context, backup = practice.context, practice.inventory.latest()
    practice.made.append("mtn_one_at_a_time")
    inside, go_on = threading.Event(), threading.Event()
    errors = []

    def slow(job: Job):
        phase = job.phase

        def stop_there(name, *rest, **more):
            if name == "count":
                inside.set()
                assert go_on.wait(60)
            phase(name, *rest, **more)

        job.phase = stop_there
        return restore(job, context, Request(backup, "mtn_one_at_a_time"))

    first = threading.Thread(target=lambda: practice.run("restore", slow))
    first.start()
    try:
        assert inside.wait(60)
        try:
            practice.restore("mtn_one_at_a_time", drop=True)
        except MtnError as error:
            errors.append(error)
    finally:
        go_on.set()
        first.join()
    assert [error.exit_code for error in errors] == [75]
    assert "mtn_one_at_a_time" in practice.databases()
