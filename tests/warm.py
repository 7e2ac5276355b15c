"""Commands of ours as processes of their own, without the half second of imports that each would take.

A process that has imported all of the program waits beside the tests; whatever they start is
forked from it. It has its own process id, streams, environment and working folder, gets signals
and ends as any other, and runs ``mtn`` from its first line on. What it can't tell is how the
interpreter itself starts: tests of that use ``subprocess``.
"""

from __future__ import annotations

import atexit
import fcntl
import gc
import inspect
import json
import os
import pkgutil
import select
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from importlib import import_module
from itertools import cycle
from pathlib import Path
from typing import Any, NoReturn

_WITH_A_CONTROLLING_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
_ASKED = inspect.signature(subprocess.Popen._execute_child)
_LARGEST = 1 << 17
PASSPHRASE = "correct horse battery staple"
"""Of the tests' installations."""
SALTS = [b"%08d" % number for number in range(12)]
"""Of their backups. Stretching the passphrase takes a tenth of a second a salt: it is done before commands
are forked, not by each."""
_ENVIRONMENT = {"MTN_LANG": "en", "PYTHONWARNINGS": "error"}
"""What the waiting process was started with, and cannot change later."""


class Command(subprocess.Popen):
    """``Popen`` for ``python -m mtn_tui …``; what could not be the same when forked is started as ever."""

    _told = -1

    def __init__(self, command: Sequence[str], *, controlling: bool = False, **options: Any) -> None:
        """With ``controlling`` its standard input is the terminal of its session."""
        self._controlling = controlling
        self.forked = False
        super().__init__(command, **options)

    def _execute_child(self, *given: Any) -> None:
        asked = _ASKED.bind(self, *given).arguments
        words = _forkable(asked)
        if words is None:
            if self._controlling:
                asked["args"] = [sys.executable, "-c", _WITH_A_CONTROLLING_TERMINAL, *asked["args"]]
            super()._execute_child(*list(asked.values())[1:])
            return
        ends = [asked[name] for name in ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")]
        streams = [end if end != -1 else number for number, end in enumerate((ends[0], ends[3], ends[5]))]
        mask = os.umask(0)
        os.umask(mask)
        request = {
            "words": words,
            "environment": dict(asked["env"]),
            "folder": str(Path(asked["cwd"] or ".").absolute()),
            "session": asked["start_new_session"],
            "controlling": self._controlling,
            "umask": mask,
        }
        self._told, telling = os.pipe()
        self.forked = True
        try:
            socket.send_fds(_waiting(), [json.dumps(request).encode()], [*streams, telling])
        finally:
            os.close(telling)
            self._close_pipe_fds(*ends)
        self.pid = self._hear()
        self._child_created = True

    def _hear(self) -> int:
        """The next number that is told of it: its id, then its status."""
        told = os.read(self._told, 16)
        if not told:
            raise ChildProcessError("The process from which commands are forked has ended.")
        return int(told)

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if self._told == -1:
            return super()._try_wait(wait_flags)
        if wait_flags & os.WNOHANG and not select.select([self._told], [], [], 0)[0]:
            return 0, 0
        status = self._hear()
        os.close(self._told)
        self._told = -1
        return self.pid, status

    def _internal_poll(self, _deadstate: int | None = None, **more: Any) -> int | None:
        if self._told == -1:
            return super()._internal_poll(_deadstate, **more)
        if self.returncode is None and self._waitpid_lock.acquire(blocking=False):
            try:
                ended, status = self._try_wait(os.WNOHANG)
                if ended:
                    self._handle_exitstatus(status)
            finally:
                self._waitpid_lock.release()
        return self.returncode

    def __del__(self, *given: Any) -> None:
        super().__del__(*given)
        if self._told != -1:
            os.close(self._told)


def run(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """``subprocess.run`` of a command of ours, its output captured."""
    timeout = options.pop("timeout")
    with Command(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options) as process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _forkable(asked: Mapping[str, Any]) -> list[str] | None:
    """The arguments of ``mtn`` in a command that can be forked, else None."""
    command, environment = asked["args"], asked["env"]
    if not sys.platform.startswith("linux") or environment is None or isinstance(command, str):
        return None
    if asked["pass_fds"] or asked["preexec_fn"] or command[0] != sys.executable or "mtn_tui" not in command:
        return None
    module = command.index("mtn_tui")
    plain = command[1:module] in (["-m"], ["-P", "-m"])
    settled = {
        name: value
        for name, value in environment.items()
        if name.startswith(("PYTHON", "LC_", "LANG", "MTN_LANG"))
    }
    words = [os.fspath(word) for word in command[module + 1 :]]
    speaks = any(word.startswith("--lang") for word in words)
    return words if plain and settled == _ENVIRONMENT and not speaks else None


@cache
def _waiting() -> socket.socket:
    """Where the waiting process is asked."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    bare = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    with its:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(its.fileno())],
            stdin=subprocess.DEVNULL,
            cwd=Path(__file__).parents[1],
            env=bare | _ENVIRONMENT,
            pass_fds=[its.fileno()],
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _import_everything() -> None:
    package = import_module("mtn_tui")
    for module in pkgutil.walk_packages(package.__path__, "mtn_tui."):
        if not module.name.endswith("__main__"):
            import_module(module.name)


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork a process for each request. Returns in that process; ends with whoever asks."""
    heard, woken = os.pipe()
    requests.setblocking(False)
    os.set_blocking(woken, False)
    os.set_blocking(heard, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    telling: dict[int, int] = {}
    while True:
        select.select([requests, heard], [], [])
        with suppress(BlockingIOError):
            os.read(heard, 4096)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                _tell(telling.pop(ended[0]), ended[1])
        with suppress(BlockingIOError):
            message, descriptors, _flags, _address = socket.recv_fds(requests, _LARGEST, 4)
            if not message:
                sys.exit()
            pid = os.fork()
            if not pid:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for number, descriptor in enumerate(descriptors[:3]):
                    os.dup2(descriptor, number)
                requests.detach()
                os.closerange(3, max(heard, woken, *descriptors, *telling.values()) + 1)
                return dict(json.loads(message))
            for descriptor in descriptors[:3]:
                os.close(descriptor)
            telling[pid] = descriptors[3]
            os.write(descriptors[3], f"{pid:<16}".encode())


def _tell(descriptor: int, status: int) -> None:
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(descriptor, f"{status:<16}".encode())
    os.close(descriptor)


def _become(request: dict[str, Any]) -> None:
    """What a new interpreter with this environment and these streams would have."""
    if request["session"]:
        os.setsid()
    if request["controlling"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.umask(request["umask"])
    os.chdir(request["folder"])
    coerced = {"LC_CTYPE": os.environ["LC_CTYPE"]} if "LC_CTYPE" in os.environ else {}
    os.environ.clear()
    os.environ.update(request["environment"] | coerced)
    time.tzset()
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, name)
        buffering = 1 if name == "stderr" or os.isatty(number) else -1
        how = (buffering, old.encoding, old.errors)
        new = open(number, "w" if number else "r", *how, closefd=False)  # noqa: SIM115
        setattr(sys, name, new)
        setattr(sys, f"__{name}__", new)
    sys.argv = [
        str(Path(import_module("mtn_tui").__file__ or "").with_name("__main__.py")),
        *request["words"],
    ]


def _stretch() -> None:
    """Have the keys of all salts ready, and let backups use these salts alone."""
    key = import_module("mtn_tui.archive.keys").Key(PASSPHRASE.encode())
    assert key.mac
    for salt in SALTS:
        key.cipher(salt)


def _use_salts() -> None:
    first = os.getpid() % len(SALTS)
    salts = cycle(SALTS[first:] + SALTS[:first])
    import_module("mtn_tui.archive.cipher").token_bytes = lambda _length: next(salts)


def _main() -> None:
    """``mtn``; it ends as any interpreter, but does not take its modules apart: that takes five times as long
    as a small command."""
    try:
        import_module("mtn_tui.cli").main()
    except SystemExit as end:
        if isinstance(end.code, int | None):
            _end(end.code or 0)
        raise


def _end(code: int) -> NoReturn:
    threading._shutdown()
    atexit._run_exitfuncs()
    with suppress(OSError, ValueError):  # closed, or nobody reads: the interpreter would say so
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _import_everything()
        _stretch()
        gc.collect()
        gc.freeze()  # what is there already is not looked at in each command, and so not copied for it
        given = _serve(asked)
    _become(given)
    _use_salts()
    _main()
