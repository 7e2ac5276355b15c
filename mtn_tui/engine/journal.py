"""A job's journal: one JSON object per line, in a file that is only appended to.

``<state>/jobs/<id>.jsonl``. Every record has ``at`` (UTC) and ``event``:

    job       id kind subject operator host pid pid_start state=queued    the first line
    state     state, and at the end exit_code; of an error also error title hint runbook
    phase     phase total unit
    progress  phase done total unit rate eta                 at most four a second
    files     files                                          backups worked on, replaces the last
    making    file                                           name that it has claimed in BACKUP_DIR
    note      level name fields
    warning   name text fields
    result    result                                         merged into the earlier ones

A state is on disk before ``state`` returns; other records survive the process,
but not necessarily a power failure. Every text is redacted, except words that
only this program writes. ``mtn_tui.engine.jobview`` reads it.
"""

from __future__ import annotations

import json
import math
import os
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import AlreadyThere, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.core.redact import redact
from mtn_tui.engine.progress import Progress
from mtn_tui.engine.statefiles import LineFile, Nowhere, files_in, write_whole

SUFFIX = ".jsonl"

PROGRESS_EVERY = 0.25
"""Minimum seconds between records of progress."""

PLAIN_WORDS = frozenset(
    {"at", "event", "id", "kind", "host", "pid_start", "state", "error", "phase", "unit", "level", "name"}
)
"""Fields with this program's own words, not redacted: a short secret must not mangle them."""


Folders = Path | Sequence[Path]
"""One folder of journals, or several: jobs continue in a later one if the first can't be written.

Such a job has left the beginning of its journal in the earlier folder.
"""


def journal_path(folder: Path, job_id: str) -> Path:
    """Return the path of a job's journal in ``folder``."""
    return folder / f"{job_id}{SUFFIX}"


def find_journal(folders: Folders, job_id: str) -> Path:
    """Return the path of a journal, in the last folder that has it; if none has, the path in the first."""
    paths = [journal_path(folder, job_id) for folder in _each(folders)]
    return next((path for path in reversed(paths) if os.path.lexists(path)), paths[0])


def journals_in(folders: Folders) -> list[Path]:
    """Return one journal per job; empty if none has run. Raises StorageError if no folder can be read."""
    return files_in(_each(folders), lambda name: name.endswith(SUFFIX))


def _each(folders: Folders) -> Sequence[Path]:
    return [folders] if isinstance(folders, Path) else folders


class Journal:
    """Writes a journal. Thread-safe. Raises NoSpace and other StorageErrors."""

    def __init__(self, lines: LineFile | Nowhere, clock: Clock) -> None:
        self._lines = lines
        self._clock = clock
        self._lock = threading.Lock()
        self._progress_at = -math.inf
        self._pending: Progress | None = None
        self._first = b""

    @classmethod
    def create(cls, folder: Path, job_id: str, *, clock: Clock, **about: object) -> Journal:
        """Create ``<folder>/<job_id>.jsonl`` about a job. Raises AlreadyThere if it exists."""
        path = journal_path(folder, job_id)
        try:
            lines = LineFile(path, exclusive=True)
        except FileExistsError as error:
            raise AlreadyThere(_("There is a job {id} already.").format(id=job_id)) from error
        journal = cls(lines, clock)
        try:
            journal._write("job", {"id": job_id, **about}, sync=True)
            lines.sync_name()
        except BaseException:
            lines.close()
            path.unlink(missing_ok=True)
            raise
        return journal

    @property
    def path(self) -> Path:
        """Path of the journal."""
        return self._lines.path

    def go_on_in(self, folder: Path) -> None:
        """Copy the journal into another folder and continue there. Raises OSError and StorageError.

        If the old one can't be read any more, the copy has its first record only.
        """
        with self._lock:
            before = self._lines
            try:
                written = before.path.read_bytes()
            except OSError:
                written = self._first
            path = folder / before.path.name
            write_whole(path, written[: written.rfind(b"\n") + 1])
            self._lines = LineFile(path)
            before.close()

    def state(self, state: JobState, **fields: object) -> None:
        """Record a state; it is on disk when this returns."""
        with suppress(StorageError):  # the write below fails in the same way and raises it
            self.flush()
        self._write("state", {"state": state.value, **fields}, sync=True)

    def phase(self, name: str, total: int | None, unit: str) -> None:
        """Record the beginning of a phase of ``total`` units, None if unknown."""
        self.flush()
        with self._lock:
            self._progress_at = -math.inf
        self._write("phase", {"phase": name, "total": total, "unit": unit})

    def progress(self, progress: Progress) -> None:
        """Record progress, or keep it for ``flush`` if the last record is too recent."""
        with self._lock:
            now = self._clock.monotonic()
            if now - self._progress_at < PROGRESS_EVERY:
                self._pending = progress
                return
            self._progress_at = now
            self._pending = None
        self._write_progress(progress)

    def flush(self) -> None:
        """Record the progress kept by ``progress``, if any."""
        with self._lock:
            progress, self._pending = self._pending, None
        if progress is not None:
            self._write_progress(progress)

    def files(self, names: Iterable[str]) -> None:
        """Record the backups that are worked on."""
        self._write("files", {"files": list(names)})

    def making(self, name: str) -> None:
        """Record the name of a backup that is being made."""
        self._write("making", {"file": name})

    def note(self, level: str, name: str, fields: Mapping[str, object]) -> None:
        """Record an event."""
        self._write("note", {"level": level, "name": name, "fields": fields})

    def warning(self, name: str, text: str, fields: Mapping[str, object]) -> None:
        """Record a warning."""
        self._write("warning", {"name": name, "text": text, "fields": fields})

    def result(self, result: Mapping[str, object]) -> None:
        """Record facts of the outcome."""
        self._write("result", {"result": result})

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._lines.close()

    def _write_progress(self, progress: Progress) -> None:
        fields = asdict(progress)
        for figure in ("rate", "eta"):
            if fields[figure] is not None:
                fields[figure] = round(fields[figure], 1)
        self._write("progress", fields)

    def _write(self, event: str, fields: Mapping[str, object], *, sync: bool = False) -> None:
        line = encoded(self._clock.now(), event, fields)
        with self._lock:
            self._first = self._first or line + b"\n"
            self._lines.append(line)
            if sync:
                self._lines.sync()


def encoded(at: datetime, event: str, fields: Mapping[str, object]) -> bytes:
    """Encode a record as a line of ASCII, without the newline."""
    moment = at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    record: dict[str, object] = {"at": moment, "event": event}
    for name, value in fields.items():
        record[name] = value if name in PLAIN_WORDS else _plain(value)
    return json.dumps(record, allow_nan=False).encode("ascii")


def _plain(value: object) -> object:
    """Convert ``value`` to JSON types with every text redacted; other types become text."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {redact(str(name)): _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return redact(str(value))
