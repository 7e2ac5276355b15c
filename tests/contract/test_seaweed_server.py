"""The practice S3 server comes up, keeps what it has, and leaves nothing behind however it ends."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mtn_tui.core.errors import ConfigError
from mtn_tui.demo import seaweed as module
from mtn_tui.demo.ports import free_ports
from mtn_tui.demo.seaweed import SeaweedServer


def eventually(condition: Callable[[], bool], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def is_alive(pid: int) -> bool:
    """Not gone, and not a zombie that nobody has waited for either."""
    found = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True)
    return bool(found.stdout.strip()) and not found.stdout.strip().startswith("Z")


def sockets(port: int) -> list[str]:
    return [path.name for path in Path("/tmp").glob("*.sock") if str(port) in path.name]


def test_free_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


@pytest.mark.sample("kill")
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_it_holds_outlives_its_end_and_it_comes_back_on_the_same_port(tmp_path: Path, end: str) -> None:
    server = SeaweedServer(tmp_path)
    with server:
        client = server.client()
        client.put_object(server.bucket, "full/x", io.BytesIO(b"abc"), 3)
        port, pid = server.port, server.pid
        assert pid is not None
        getattr(server, end)()
        assert server.pid is None
        assert not is_alive(pid)
        assert sockets(port) == []
        server.start()
        assert server.port == port
        assert client.stat_object(server.bucket, "full/x").size == 3
    assert sockets(port) == []


def test_its_secret_is_on_no_command_line(tmp_path: Path) -> None:
    with SeaweedServer(tmp_path) as server:
        listed = subprocess.run(["ps", "-axww", "-o", "command="], check=True, capture_output=True, text=True)
        assert f"-s3.port={server.port}" in listed.stdout
        assert server.secret_key not in listed.stdout


ORPHAN = """
import sys, time
from pathlib import Path
from mtn_tui.demo.seaweed import SeaweedServer
server = SeaweedServer(Path(sys.argv[1])).start()
print(server.pid, server.port, flush=True)
time.sleep(600)
"""


def test_it_ends_with_the_process_that_started_it_even_if_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ORPHAN, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
        assert is_alive(pid)
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        assert eventually(lambda: not is_alive(pid))
        assert eventually(lambda: sockets(port) == [])


def test_without_seaweedfs_the_fix_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(module.sys, "executable", str(tmp_path / "python"))  # type: ignore[attr-defined]
    with pytest.raises(ConfigError, match="SeaweedFS") as raised:
        SeaweedServer(tmp_path).start()
    assert "demo" in raised.value.hint
