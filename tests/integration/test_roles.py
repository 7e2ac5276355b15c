"""Restoring onto an empty server: roles from beside the backup, for a superuser and for a plain owner."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator

import pytest

from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import ArchiveError
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.incident import steps
from mtn_tui.operations.incident.file import open_incident
from mtn_tui.operations.incident.state import Actor, RecoveryMode, Step
from mtn_tui.operations.restore.roles import parse, read_companion
from tests.operation_fixtures import Practice, install
from tests.pg_fixtures import Database

APP, READER, ODD = (f"mtn_{who}_{os.getpid()}" for who in ("app", "reader", 'odd "ñ'))
QUOTED = '"' + ODD.replace('"', '""') + '"'
ALL = (APP, READER, QUOTED)


@pytest.fixture
def source(pg18, new_database) -> Iterator[Database]:
    """A database of an application's role; readers are members of it."""
    database = new_database(pg18)
    database.psql(
        f"""
        CREATE ROLE {APP} LOGIN CREATEDB PASSWORD 'secreta-1'; CREATE ROLE {READER} LOGIN CONNECTION LIMIT 3;
        CREATE ROLE {QUOTED} REPLICATION; ALTER ROLE {READER} SET work_mem = '7MB';
        COMMENT ON ROLE {APP} IS 'the application; it''s ours';
        GRANT {APP} TO {READER} WITH ADMIN OPTION;
        ALTER DATABASE "{database.name}" OWNER TO {APP}; GRANT ALL ON SCHEMA public TO {APP};
        SET ROLE {APP}; CREATE TABLE t AS SELECT 1 AS x; GRANT SELECT ON t TO {READER}, {QUOTED};
        """
    )
    yield database
    database.psql(f"REASSIGN OWNED BY {APP} TO {pg18.user}; DROP OWNED BY {', '.join(ALL)}")
    database.psql(f"DROP ROLE {', '.join(ALL)}")


@pytest.fixture
def elsewhere(source, practise, s3, pg_busy, tmp_path_factory) -> Iterator[Practice]:
    """An empty machine that is to restore: configuration, key and bucket, and a server without anything."""
    practise(source, s3).back_up()
    server = pg_busy
    practice = install(
        tmp_path_factory.mktemp("empty"),
        source,
        s3,
        DB_HOST=server.host,
        DB_PORT=str(server.port),
        DB_USER=server.user,
        DB_PASSWORD=server.password,
    )
    maintenance = Database(server, "postgres")
    yield practice
    server.drop_database(source.name)
    there = maintenance.psql("SELECT quote_ident(rolname) FROM pg_roles").decode().split("\n")
    for role in {*ALL, "mtn_maker"} & set(there):
        maintenance.psql(f"DROP OWNED BY {role}; DROP ROLE {role}")


def facts(database: Database) -> bytes:
    return database.psql(
        """
        SELECT rolname, rolsuper, rolcreatedb, rolcanlogin, rolreplication, rolconnlimit, rolpassword,
            rolconfig, shobj_description(oid, 'pg_authid')
        FROM pg_authid LEFT JOIN (SELECT setrole, setconfig AS rolconfig FROM pg_db_role_setting) AS s
            ON setrole = oid
        WHERE rolname LIKE 'mtn\\_%' ORDER BY 1;
        SELECT roleid::regrole, member::regrole, admin_option FROM pg_auth_members
        WHERE roleid::regrole::text LIKE 'mtn%' ORDER BY 1, 2
        """
    )


def restored(practice: Practice) -> Database:
    there = Database(practice.source.server, practice.source.name)
    values = practice.values
    assert values["DB_PORT"] != str(there.server.port)
    return there


def test_with_configuration_key_and_bucket_alone_all_of_it_comes_back(elsewhere, source, pg_busy):
    """``--roles`` on a server that has never heard of any of it, straight from the bucket."""
    shutil.rmtree(elsewhere.root / "state", ignore_errors=True)
    assert list(elsewhere.backups.iterdir()) == []
    command = ["restore", "--latest", "--target", source.name]
    told = elsewhere.here(*command, "--dry-run", check=2).stdout
    assert f"no roles {APP}, {ODD}, {READER}" in told
    assert "--roles" in told
    assert source.name not in Database(pg_busy, "postgres").psql("SELECT datname FROM pg_database").decode()
    assert "will be made" in elsewhere.here(*command, "--roles", "--dry-run").stdout
    done = json.loads(elsewhere.mtn(*command, "--roles", "--json").stdout)
    assert done["store"] == "bucket"
    assert set(done["roles"]["made"]) >= {APP, READER, ODD}
    assert done["roles"]["refused"] == []
    there = Database(pg_busy, source.name)
    assert facts(there) == facts(source)
    assert there.dump() == source.dump()
    assert b"secreta-1" not in b"".join(path.read_bytes() for path in (elsewhere.root / "logs").glob("*.log"))


def test_an_incident_on_an_empty_server_makes_the_roles_with_its_restore(elsewhere, source, pg_busy):
    """The wizard's steps 3, 4 and 6, with configuration, key and bucket alone."""
    context, backup = elsewhere.context, elsewhere.inventory.latest()
    made = steps.plan_staging(context, RecoveryMode.RESTORE, backup)
    assert Status.STOP not in {check.status for check in made.checks}
    assert READER in steps.roles_of(made)
    file = open_incident(context.state, source.name, Actor("ana", "db1", "s1"), SystemClock())
    for step in (Step.ASSESS, Step.NOTIFY, Step.CHOOSE):
        file.begin(step)
        file.done(step, **(steps.chosen(made) if step is Step.CHOOSE else {}))
    elsewhere.here(*steps.restore_arguments(context, file.state))
    elsewhere.here(*steps.promote_arguments(context, "", file.state))
    there = Database(pg_busy, source.name)
    assert facts(there) == facts(source)
    assert there.dump() == source.dump()
    assert steps.roles_of(steps.plan_staging(context, RecoveryMode.RESTORE, backup)) == ""


def test_a_role_that_is_there_is_left_as_it_is_its_password_too(elsewhere, source, pg_busy):
    maintenance = Database(pg_busy, "postgres")
    maintenance.psql(f"CREATE ROLE {APP} LOGIN PASSWORD 'another-1' CONNECTION LIMIT 9")
    before = maintenance.psql(f"SELECT * FROM pg_authid WHERE rolname = '{APP}'")
    done = elsewhere.here("restore", "--latest", "--target", source.name, "--roles", "--json")
    told = json.loads(done.stdout)["roles"]
    assert APP in told["left"]
    assert READER in told["made"]
    assert f"{READER} in {APP}" in told["joined"]
    assert maintenance.psql(f"SELECT * FROM pg_authid WHERE rolname = '{APP}'") == before


def test_a_plain_owner_is_told_before_what_cannot_be_had_and_may_do_without(elsewhere, source, pg_busy):
    maintenance = Database(pg_busy, "postgres")
    maintenance.psql("CREATE ROLE mtn_maker LOGIN CREATEDB PASSWORD 'hace-1'")
    elsewhere.configure(DB_USER="mtn_maker", DB_PASSWORD="hace-1")
    command = ["restore", "--latest", "--target", source.name]
    for options in (["--roles"], []):
        refused = elsewhere.here(*command, *options, check=2).stderr
        assert APP in refused
    assert "--no-owner" in elsewhere.here(*command, "--roles", check=2).stderr
    assert source.name not in maintenance.psql("SELECT datname FROM pg_database").decode()
    done = elsewhere.here(*command, "--roles", "--no-owner", check=1)
    assert (
        "will belong to mtn_maker"
        in elsewhere.here(*command, "--drop", "--roles", "--no-owner", "--dry-run", check=1).stdout
    )
    assert "Statements on owners and rights left out: " in done.stderr
    there = Database(pg_busy, source.name)
    assert there.psql("SELECT x, tableowner FROM t, pg_tables WHERE tablename = 't'") == b"1|mtn_maker\n"
    assert APP not in maintenance.psql("SELECT rolname FROM pg_roles").decode()


def test_who_may_make_roles_makes_what_is_no_superusers(elsewhere, source, pg_busy):
    maintenance = Database(pg_busy, "postgres")
    maintenance.psql("CREATE ROLE mtn_maker LOGIN CREATEDB CREATEROLE PASSWORD 'hace-1'")
    elsewhere.configure(DB_USER="mtn_maker", DB_PASSWORD="hace-1")
    done = elsewhere.here(
        "restore", "--latest", "--target", source.name, "--roles", "--no-owner", "--json", check=1
    )
    told = json.loads(done.stdout)["roles"]
    assert set(told["made"]) >= {APP, READER, ODD}
    assert any("REPLICATION" in one for one in told["refused"])
    assert maintenance.psql(f"SELECT rolcreatedb FROM pg_roles WHERE rolname = '{APP}'") == b"t\n"
    assert maintenance.psql(f"SELECT rolconnlimit FROM pg_roles WHERE rolname = '{READER}'") == b"3\n"


def test_roles_that_were_changed_or_are_gone_are_not_made(source, practise):
    practice: Practice = practise(source)
    manifest = practice.back_up().manifest
    copy, key = practice.inventory.latest().copies[0], practice.context.key
    assert {APP, READER, ODD} <= read_companion(copy, key).roles.keys()
    beside = practice.backups / f"{manifest.payload}.roles.enc"
    data = bytearray(beside.read_bytes())
    data[40] ^= 1
    beside.write_bytes(data)
    with pytest.raises(ArchiveError, match="changed"):
        read_companion(copy, key)
    refused = practice.here("restore", manifest.id, "--target", "mtn_never", "--roles", check=2)
    assert "can't be trusted" in refused.stderr
    beside.unlink()
    with pytest.raises(ArchiveError, match="No roles lie beside"):
        read_companion(copy, key)
    assert "mtn_never" not in practice.databases()


@pytest.mark.parametrize(
    "script",
    [
        b"DROP ROLE admin;",
        b"CREATE ROLE a; DROP DATABASE x;",
        b"ALTER ROLE admin WITH NOLOGIN;",
        b"CREATE ROLE a SUPERUSER;",
        b"GRANT ALL ON DATABASE x TO a;",
        b"\\! rm -rf /\n",
        b"\\connect x\n",
        b"COPY t FROM stdin;\n1\n\\.\n",
    ],
)
def test_nothing_but_what_pg_dumpall_writes_of_roles_is_believed(script):
    with pytest.raises(ArchiveError):
        parse(b"SET client_encoding = 'UTF8';\n" + script + b"\n")
