"""The audit trail: who did what, when; ``<state>/audit.jsonl``, a record a line, only ever appended to.

Each line is JSON: ``when`` (UTC), ``who``, ``host``, ``action``, ``subject``, ``facts`` and ``prev``, the
SHA-256 of the line before, its newline left out; of the first line it is empty. So a line that is changed,
taken out or put in is told by the line after it. What the last line was stands in ``audit.head``, which
tells lines that are cut off at the end. Whoever may write both files can write another history: a copy
elsewhere, or the last hash (``mtn audit --verify``) written down elsewhere, tells that too.

Actions and the names of facts are never translated; texts are redacted. Facts are names, counts and
reasons, never rows.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import read_moment
from mtn_tui.core.paths import present
from mtn_tui.core.redact import redact
from mtn_tui.engine import recordplace
from mtn_tui.engine.locks import try_lock
from mtn_tui.engine.statefiles import LineFile, open_found, refusal, write_whole
from mtn_tui.operations.common.context import Context

NAME = "audit.jsonl"
HEAD = "audit.head"

_WAIT = 5.0
"""Seconds to wait for others that write a line."""

_TRY_EVERY = 0.02
_LONGEST = 1 << 20
"""Bytes of a line; what comes after is never looked for."""


@dataclass(frozen=True)
class Entry:
    """One line."""

    when: datetime
    who: str
    host: str
    action: str
    subject: str = ""
    """What it was done to: a database, a backup, an incident."""
    facts: Mapping[str, object] | None = None


@dataclass(frozen=True)
class Verified:
    """What the whole trail came to."""

    lines: int
    last: str
    """The hash of the last line; empty if there is none."""
    wrong: int | None = None
    """The number of the first line that does not fit, from 1; None if all fit."""
    reason: str = ""
    torn: tuple[int, ...] = ()
    """Lines that were never finished: their writer was killed, or the disk was full."""


def append(state: Path, entry: Entry) -> None:
    """Append a line, durably. Raises StorageError."""
    path = state / NAME
    lines = LineFile(path)
    try:
        with _Lock(path):
            before = _last_line(path)
            line = _encoded(entry, hashlib.sha256(before).hexdigest() if before else "")
            lines.begin_afresh()
            lines.append(line)
            lines.sync()
            lines.sync_name()
            _keep_head(state, path, line)
    finally:
        lines.close()


class _Lock:
    """The trail's lock, held in the block. Raises StorageError if others hold it too long."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        try:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW)
        except OSError as error:
            raise refusal(error, self._path) from error
        until = time.monotonic() + _WAIT
        while not try_lock(self._fd, fcntl.LOCK_EX):
            if time.monotonic() > until:
                os.close(self._fd)
                raise StorageError(_("Others hold {path}.").format(path=self._path))
            time.sleep(_TRY_EVERY)

    def __exit__(self, *ended: object) -> None:
        os.close(self._fd)


def _encoded(entry: Entry, before: str) -> bytes:
    record = {
        "when": entry.when.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "who": entry.who,
        "host": entry.host,
        "action": entry.action,
        "subject": redact(entry.subject),
        "facts": redact.within(dict(entry.facts or {})),
        "prev": before,
    }
    return json.dumps(record, ensure_ascii=False, default=str).encode(errors="backslashreplace")


def _last_line(path: Path) -> bytes:
    """The last line, finished or not, without its newline. Raises StorageError."""
    try:
        with os.fdopen(open_found(path), "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - _LONGEST))
            return file.read().removesuffix(b"\n").rpartition(b"\n")[2]
    except OSError as error:
        raise refusal(error, path) from error


def _keep_head(state: Path, path: Path, line: bytes) -> None:
    head = {"size": path.stat().st_size, "sha256": hashlib.sha256(line).hexdigest()}
    try:
        write_whole(state / HEAD, json.dumps(head).encode("ascii") + b"\n")
    except OSError as error:
        raise refusal(error, state / HEAD) from error


def folders(context: Context) -> list[Path]:
    """The folders that have a trail: the state folder, and those that took records when it could not."""
    known = recordplace.folders(context.state, context.settings.temp_dir)
    return [one for one in known if present(one / NAME) or present(one / HEAD)]


def last(state: Path, count: int) -> list[Entry]:
    """The last lines that can be read, the newest last. Raises StorageError."""
    found: deque[Entry] = deque(maxlen=count)
    for line in _lines(state / NAME):
        entry = _read(line)
        if entry is not None:
            found.append(entry)
    return list(found)


def verify(state: Path) -> Verified:
    """Read the whole trail and compare each line with the next. Raises StorageError."""
    before, number, size = "", 0, 0
    torn: list[int] = []
    head = _head(state)
    reached = head is None
    for line in _lines(state / NAME):
        number += 1
        told = _previous(line)
        if told is None and _is_torn(line):
            torn.append(number)
        elif told != before:
            reason = _("it can't be read") if told is None else _("it does not follow the line before it")
            return Verified(number, before, number, reason, tuple(torn))
        before = hashlib.sha256(line).hexdigest()
        size += len(line) + 1
        if head is not None and size == head[0]:
            if before != head[1]:
                return Verified(number, before, number, _("it was another line"), tuple(torn))
            reached = True
    if not reached:
        return Verified(number, before, number + 1, _("lines that were here are gone"), tuple(torn))
    return Verified(number, before, None, "", tuple(torn))


def _is_torn(line: bytes) -> bool:
    """Whether it is the beginning of a line of ours."""
    return not line.endswith(b"}") and (line.startswith(b'{"when": ') or b'{"when": '.startswith(line))


def _previous(line: bytes) -> str | None:
    """What the line says of the one before; None if it can't be read."""
    try:
        told = json.loads(line)
        return str(told["prev"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _read(line: bytes) -> Entry | None:
    try:
        told = json.loads(line)
        words = {name: str(told[name]) for name in ("who", "host", "action", "subject")}
        return Entry(read_moment(told["when"]), **words, facts=dict(told["facts"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _head(state: Path) -> tuple[int, str] | None:
    """The size of the trail and the hash of its last line, as last written; None if that is not known."""
    try:
        with os.fdopen(open_found(state / HEAD), "rb") as file:
            told = json.loads(file.read(_LONGEST))
        return int(told["size"]), str(told["sha256"])
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, state / HEAD) from error
    except (ValueError, KeyError, TypeError):
        return None


def _lines(path: Path) -> Iterator[bytes]:
    """Every line, without its newline; none if there is no trail yet. Raises StorageError."""
    try:
        with os.fdopen(open_found(path), "rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")
    except FileNotFoundError:
        return
    except OSError as error:
        raise refusal(error, path) from error
