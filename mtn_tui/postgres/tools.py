"""Chooses and runs PostgreSQL's own programs.

A child gets no terminal and no shell, and its secrets in the environment. Its
stderr is kept for the log and for errors, without secrets, statements and rows.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from mtn_tui.core.errors import ConfigError, MtnError, NoSpace, PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.core.paths import is_file
from mtn_tui.postgres import readable, recovery_conflicts
from mtn_tui.postgres.server import REDIRECTING
from mtn_tui.postgres.their_words import tool_said
from mtn_tui.postgres.tool_lines import ToolLines

_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql*/bin",
    "/usr/local/opt/postgresql*/bin",
    "/Library/PostgreSQL/*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
_READ = 1 << 20

_LAST_LINES = 20

# Messages of libpq, in English by LC_MESSAGES=C, and of the server, in its configured language.
_LOST = (
    "server closed the connection unexpectedly",
    "could not receive data from server",
    "Connection refused",
    "terminating connection due to",
    "terminando la conexión",
)
_UNREADABLE = re.compile(
    "permission denied for (?:table|relation|sequence|schema) |user may lack SELECT privilege"
    "|permiso denegado (?:a la tabla|a la relación|a la secuencia|al esquema) "
)


@dataclass(frozen=True)
class Tool:
    """An installed program and its version."""

    path: Path
    version: str

    @property
    def major(self) -> int:
        """The major version."""
        return int(re.split(r"\D", self.version)[0])

    @property
    def minor(self) -> int | None:
        """The minor version; None before the first release, as in ``18beta1``."""
        _major, _dot, minor = self.version.partition(".")
        return int(minor) if minor.isdecimal() else None


def find_pg_dump(configured: Path | None, server_major: int) -> Tool:
    """Return the oldest installed pg_dump that is not older than the server.

    ``configured`` is PG_DUMP: only a given path is used; None, or a bare name, is
    looked for on PATH and where packages install it. Raises ConfigError with a fix.
    """
    pinned = configured is not None and "/" in str(configured)
    paths = [configured] if configured and pinned else _candidates(str(configured or "pg_dump"))
    found = [tool for path in paths if (tool := _tool(path))]
    if not found:
        raise ConfigError(
            _("pg_dump is not installed, or PG_DUMP names none: {looked}").format(
                looked=configured or "PATH, " + ", ".join(_PLACES)
            ),
            _("Install PostgreSQL's client programs, version {major} or newer.").format(major=server_major),
            "3.1",
        )
    fitting = sorted((tool for tool in found if tool.major >= server_major), key=lambda tool: tool.major)
    if fitting:
        beside(fitting[0], "pg_dumpall")
        return fitting[0]
    newest = max(found, key=lambda tool: tool.major)
    raise ConfigError(
        _(
            "pg_dump is version {version} ({path}), the server is {major}: an older one cannot dump it."
        ).format(version=newest.version, path=newest.path, major=server_major),
        _("Install the client programs of version {major}, and set PG_DUMP to the new pg_dump.").format(
            major=server_major
        ),
        "3.1",
    )


def beside(tool: Tool, name: str) -> Path:
    """Return another program of the same installation. Raises ConfigError if it is missing."""
    for path in (tool.path, tool.path.resolve()):
        if is_file(path.with_name(name)):
            return path.with_name(name)
    raise ConfigError(
        _("There is no {name} beside {path}.").format(name=name, path=tool.path),
        _("Let PG_DUMP name the pg_dump of a whole installation of PostgreSQL's client programs."),
        "3.1",
    )


def _candidates(name: str) -> list[Path]:
    folders = os.environ.get("PATH", "").split(os.pathsep)
    for place in _PLACES:
        folders += sorted(str(folder) for folder in Path("/").glob(place[1:]))
    return list(dict.fromkeys(path for folder in folders if folder and is_file(path := Path(folder, name))))


def _tool(path: Path) -> Tool | None:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+[\w.]*)", said.stdout)
    return Tool(path, version[1]) if version else None


class Child:
    """A running program whose output is read as a stream.

    Iterating yields chunks of its stdout and, at the end, raises PostgresError
    unless it exits with 0. ``kill`` ends it, from any thread, and so a blocked read.
    As a context manager it leaves nothing behind.
    """

    def __init__(
        self, command: list[str], environment: Mapping[str, str], on_line: Callable[[str], None] | None = None
    ) -> None:
        self.name = Path(command[0]).name
        self._user = environment.get("PGUSER", "")
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._on_line = on_line
        inherited = {name: value for name, value in os.environ.items() if name not in REDIRECTING}
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**inherited, "LC_MESSAGES": "C", "LANGUAGE": "C", **environment},
            bufsize=0,
        )
        self._grow_pipe()
        self._listener = threading.Thread(target=self._listen, name=f"{self.name} stderr", daemon=True)
        self._listener.start()

    def _grow_pipe(self) -> None:
        """Enlarge the pipe from 64 KiB to 1 MiB, for fewer switches between the two processes."""
        if hasattr(fcntl, "F_SETPIPE_SZ") and self._process.stdout:
            try:
                fcntl.fcntl(self._process.stdout, fcntl.F_SETPIPE_SZ, _READ)
            except OSError:
                return  # Beyond this user's limit: slower, not wrong.

    def _listen(self) -> None:
        assert self._process.stderr  # noqa: S101 - it was asked for above
        shown = ToolLines(self.name)
        for line in self._process.stderr:
            text = shown(line.decode(errors="backslashreplace").rstrip())
            if text is None:
                continue
            self._lines.append(text)
            if self._on_line:
                self._on_line(text)

    def has_output(self, seconds: float) -> bool:
        """Wait up to so many seconds for output or its end; return whether iterating would not block."""
        assert self._process.stdout  # noqa: S101 - it was asked for above
        poll = select.poll()
        poll.register(self._process.stdout, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def __iter__(self) -> Iterator[bytes]:
        assert self._process.stdout  # noqa: S101 - it was asked for above
        while piece := self._process.stdout.read(_READ):
            yield piece
        self._end()

    def _end(self) -> None:
        code = self._process.wait()
        self._listener.join()
        if code == 0:
            return
        raise self._failed(code)

    def _failed(self, code: int) -> MtnError:
        """Why it failed, in our words; its own come after them, marked."""
        said = "\n".join(self._lines)

        def title(ours: str) -> str:
            return f"{ours} {tool_said(self.name, said)}" if said else ours

        if "No space left on device" in said:
            hint = _("Make room there, then start this again.")
            return NoSpace(title(_("{tool} found the disk full.").format(tool=self.name)), hint)
        if recovery_conflicts.says_so(said):
            ours = _("The server cancelled {tool}: it was in the way of its primary's changes.")
            return PostgresError(title(ours.format(tool=self.name)), recovery_conflicts.hint())
        if any(words in said for words in _LOST):
            return ServerLost(
                title(_("{tool} lost the server.").format(tool=self.name)),
                _("See whether the server runs, and its log; then start this again."),
            )
        if _UNREADABLE.search(said):
            ours = _("{tool} failed: the user {user} may not read all of the database.")
            return PostgresError(
                title(ours.format(tool=self.name, user=self._user)),
                readable.mend(sql.Identifier(self._user).as_string()),
            )
        return PostgresError(
            title(_("{tool} failed (exit status {code}).").format(tool=self.name, code=code))
        )

    @property
    def said(self) -> str:
        """The last lines of its stderr."""
        return "\n".join(self._lines)

    @property
    def succeeded(self) -> bool:
        """Whether it has exited with 0; its output may still have to be read."""
        return self._process.poll() == 0

    def kill(self) -> None:
        """Kill it, if it still runs."""
        if self._process.poll() is None:
            self._process.kill()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_unused: object) -> None:
        self.kill()
        self._process.wait()
        self._listener.join()
        for stream in (self._process.stdout, self._process.stderr):
            if stream:
                stream.close()
