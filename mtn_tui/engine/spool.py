"""Persistent outbox: one file per record, which survives the process that put it there.

The first line of ``<name>.jsonl`` is the record, each further one an event
since. A record is stored atomically (written aside, synced, renamed), each
added line is synced before ``add`` returns, and an incomplete last line counts
as not written. Whoever works on a record holds the ``flock`` of its file, which
the kernel releases with the process. ``finish`` deletes a record, ``set_aside``
moves it into the folder ``given-up``.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mtn_tui.engine.locks import is_still, try_lock
from mtn_tui.engine.statefiles import (
    PART,
    LineFile,
    make_folder,
    open_found,
    refusal,
    sync_folder,
    write_whole,
)

SUFFIX = ".jsonl"
GIVEN_UP = "given-up"

_PART_LEFT_AFTER = 3600.0
"""Seconds; writing takes far less, so an older part was left by a process that died."""

Record = Mapping[str, Any]  # JSON's own types, under keys that are never translated


class OutboxEntry:
    """A record locked by this process."""

    def __init__(self, path: Path, lines: list[Record]) -> None:
        self.path = path
        self.record = lines[0]
        self.since: list[Record] = lines[1:]
        """Lines added to the record, oldest first."""
        self._file: LineFile | None = None

    def add(self, line: Record) -> None:
        """Add a line, to ``since`` even if writing fails. Raises NoSpace and other StorageErrors."""
        self.since.append(line)
        if self._file is None:
            self._file = LineFile(self.path)
            self._file.begin_afresh()
        self._file.append(json.dumps(line).encode("ascii"))
        self._file.sync()

    def finish(self) -> None:
        """Delete the record: nothing is left to do. Raises StorageError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise refusal(error, self.path) from error

    def set_aside(self) -> None:
        """Move the record out of the waiting ones. Raises StorageError."""
        folder = self.path.parent / GIVEN_UP
        try:
            make_folder(folder)
            self.path.rename(folder / self.path.name)
            sync_folder(folder)
        except OSError as error:
            raise refusal(error, self.path) from error

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class Spool:
    """The records in one folder, which is created with the first. Safe across threads and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def set_aside(self) -> Path:
        """The folder of records that were set aside."""
        return self.folder / GIVEN_UP

    def put(self, name: str, record: Record) -> None:
        """Store a record; once this returns it survives a crash of the machine.

        ``name`` must be unique and sort by age. Raises NoSpace or another StorageError.
        """
        try:
            write_whole(self._path(name), json.dumps(record).encode("ascii") + b"\n")
        except OSError as error:
            with suppress(OSError):  # perhaps not durable, so it must not stay: the caller alone sends it
                self._path(name).unlink(missing_ok=True)
            raise refusal(error, self.folder) from error

    def names(self) -> list[str]:
        """Return the names of the waiting records, oldest first. Raises StorageError."""
        return self._names(self.folder)

    def given_up(self) -> list[str]:
        """Return the names of the records that were set aside, oldest first. Raises StorageError."""
        return self._names(self.set_aside)

    def look(self, name: str) -> list[Record]:
        """Read the record and its lines without locking it; empty if it is gone. Raises StorageError."""
        return self._read(self._path(name))

    @contextmanager
    def held(self, name: str) -> Iterator[OutboxEntry | None]:
        """Lock a record for the block; yields None if it is locked elsewhere or gone. Raises StorageError."""
        path = self._path(name)
        try:
            fd = open_found(path)
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            raise refusal(error, path) from error
        try:
            if not try_lock(fd) or not is_still(fd, path) or not (lines := self._read(path)):
                yield None
                return
            entry = OutboxEntry(path, lines)
            try:
                yield entry
            finally:
                entry.close()
        finally:
            os.close(fd)

    def sweep(self, now: float | None = None) -> None:
        """Remove files that dead processes left half-written. ``now`` is a Unix time."""
        with suppress(OSError):  # only tidying, which is tried again later
            for path in self.folder.glob(f"*{PART}"):
                if path.lstat().st_mtime < (time.time() if now is None else now) - _PART_LEFT_AFTER:
                    path.unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}{SUFFIX}"

    def _names(self, folder: Path) -> list[str]:
        try:
            found = [path.name for path in folder.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise refusal(error, folder) from error
        return sorted(name.removesuffix(SUFFIX) for name in found if name.endswith(SUFFIX))

    def _read(self, path: Path) -> list[Record]:
        try:
            with os.fdopen(open_found(path), "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise refusal(error, path) from error
        lines: list[Record] = []
        for number, raw in enumerate(data.split(b"\n")):
            try:
                line = json.loads(raw)
            except (ValueError, RecursionError):
                if number == 0:
                    return []  # not ours: ours are complete
                continue
            if isinstance(line, dict):
                lines.append(line)
        return lines
