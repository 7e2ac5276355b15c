"""A real pgbouncer before a test's server, where the machine has one (.ci/run installs it)."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from mtn_tui.demo.ports import free_port
from mtn_tui.demo.postgres_server import PostgresServer
from mtn_tui.postgres.server import Server

_PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"

Pooled = Callable[[str], Server]
"""A login that leads through a pgbouncer of that ``pool_mode`` to the test's server."""


@pytest.fixture
def pooled(pg18: PostgresServer) -> Iterator[Pooled]:
    program = shutil.which("pgbouncer", path=_PLACES)
    if program is None:
        pytest.skip("no pgbouncer is installed on this machine")
    with ExitStack() as stack:
        yield lambda mode, **more: stack.enter_context(_Bouncer(program, pg18, mode, more)).login


class _Bouncer:
    def __init__(self, program: str, server: PostgresServer, mode: str, more: dict[str, object]) -> None:
        self._server = server
        self._folder = Path(subprocess.check_output(["mktemp", "-d"], text=True).strip())
        self.login = replace(server.login, port=free_port())
        login = server.login
        settings = {
            "listen_addr": login.host,
            "listen_port": self.login.port,
            "unix_socket_dir": "",
            "auth_type": "plain",
            "auth_file": self._folder / "users",
            "pool_mode": mode,
            **more,
        }
        (self._folder / "users").write_text(f'"{login.user}" "{login.password}"\n')
        (self._folder / "pgbouncer.ini").write_text(
            f"[databases]\n* = host={login.host} port={login.port}\n[pgbouncer]\n"
            + "".join(f"{name} = {value}\n" for name, value in settings.items())
        )
        # It refuses to run as root.
        account = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        if account:
            shutil.chown(self._folder, account.pw_uid)
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [program, "-q", self._folder / "pgbouncer.ini"],
                user=account and account.pw_uid,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )

    def __enter__(self) -> _Bouncer:
        while True:
            try:
                psycopg.connect(
                    host=self.login.host,
                    port=self.login.port,
                    user=self.login.user,
                    password=self.login.password,
                    dbname="postgres",
                ).close()
                return self
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self._folder / "log").read_text()
                time.sleep(0.02)

    def __exit__(self, *_unused: object) -> None:
        self._process.kill()
        self._process.wait()
        shutil.rmtree(self._folder)
