"""A folder of records on their way to somebody, which outlives whoever put them there.

One file a record, ``<name>.jsonl``: the first line is the record itself, each
further one what has come of it since. A record is there whole or not at all
(written beside, synced, renamed), a line is synced before ``add`` returns, and
a torn last line counts as not written. Whoever works on a record holds the
``flock`` of its file; the kernel lets go of it with the process. ``finish``
takes a record away, ``set_aside`` puts it into the folder ``given-up``.
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
"""Seconds; a record is written in far less, so a part that old is of a process that died."""

Record = Mapping[str, Any]  # JSON's own types, under keys that are never translated


class OutboxEntry:
    """A record that this process holds."""

    def __init__(self, path: Path, lines: list[Record]) -> None:
        self.path = path
        self.record = lines[0]
        self.since: list[Record] = lines[1:]
        """What was added to it, oldest first."""
        self._file: LineFile | None = None

    def add(self, line: Record) -> None:
        """Raises NoSpace and other StorageErrors; ``since`` tells it all the same."""
        self.since.append(line)
        if self._file is None:
            self._file = LineFile(self.path)
            self._file.begin_afresh()
        self._file.append(json.dumps(line).encode("ascii"))
        self._file.sync()

    def finish(self) -> None:
        """Take it away: nothing is left to be done. Raises StorageError."""
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            raise refusal(error, self.path) from error

    def set_aside(self) -> None:
        """Keep it, but not among those that wait. Raises StorageError."""
        folder = self.path.parent / GIVEN_UP
        try:
            make_folder(folder)
            self.path.rename(folder / self.path.name)
            sync_folder(folder)
        except OSError as error:
            raise refusal(error, self.path) from error

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


class Spool:
    """The records in one folder, which is made with the first. Safe from any thread and process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def set_aside(self) -> Path:
        """The folder of those that were."""
        return self.folder / GIVEN_UP

    def put(self, name: str, record: Record) -> None:
        """Keep a record; once this returns it survives a crash of the machine.

        ``name`` is one that was never used, and sorts by age. NoSpace or
        another StorageError where it can't be kept.
        """
        try:
            write_whole(self._path(name), json.dumps(record).encode("ascii") + b"\n")
        except OSError as error:
            with suppress(OSError):  # not proven to last, so not there: whoever sends it now sends it alone
                self._path(name).unlink(missing_ok=True)
            raise refusal(error, self.folder) from error

    def names(self) -> list[str]:
        """Of the records that wait, oldest first. Raises StorageError."""
        return self._names(self.folder)

    def given_up(self) -> list[str]:
        """Of those that were set aside, oldest first. Raises StorageError."""
        return self._names(self.set_aside)

    def look(self, name: str) -> list[Record]:
        """The record and what was added, without holding it; empty where it is gone. Raises StorageError."""
        return self._read(self._path(name))

    @contextmanager
    def held(self, name: str) -> Iterator[OutboxEntry | None]:
        """Work on a record; None where another process does just now, or it is gone. Raises StorageError."""
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
        """Remove what processes that died have left half-written. ``now`` is a Unix time."""
        with suppress(OSError):  # it is only tidiness, and comes again
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
                    return []  # nothing of ours: ours are whole
                continue
            if isinstance(line, dict):
                lines.append(line)
        return lines
