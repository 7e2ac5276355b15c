"""Finds logs and journals, follows them through renames, and tells them apart.

A job's log has all that its journal has, and is what operators know; so the
journal of a job whose log is here is left out. It is shown for a job that never
had a log, or whose log was deleted. They are matched by the job's id in the
log's first line. A journal younger than two seconds waits if jobs of its kind
have a log, which may be about to be created.

Reads ``*.log``, ``*.log.1`` and so on; not reports (``.txt``), compressed logs
or symlinks.
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from pathlib import Path

from mtn_tui.core.clock import Clock
from mtn_tui.core.moments import read_moment
from mtn_tui.engine.journal import SUFFIX
from mtn_tui.engine.logs.file import Gone, LogFile
from mtn_tui.engine.logs.lines import read_line, read_record, shown

PATIENCE = 2.0
"""Seconds to wait for the rest of an incomplete line, and for the log of a new journal."""

_ALL_EVERY = 2.0
"""Seconds between looks at idle files."""

_BUSY_FOR = 60.0
"""Seconds after its last write during which a file is checked at every look."""

_SETTLED = 2.0
"""Seconds to keep listing a folder after a change: its timestamps may be coarse."""

_NAME = re.compile(r"(?P<source>.+?)(?:_(?P<stamp>\d{8}_\d{6}))?\.log(?:\.\d{1,6})?", re.DOTALL)
_JOB = re.compile(rb"\S+ INFO  job id=([a-z2-7]{8}) ")

LOG_OF = {
    "backup-full": "full-backup",
    "backup-diff": "diff-backup",
    **{kind: kind for kind in ("restore", "test-load", "drill", "recover", "prune", "sync")},
}
"""Kinds of jobs that have a log of their own, and its name: of some that of the scripts."""

_LONGEST_SOURCE = 40


@dataclass(frozen=True)
class Trouble:
    """A log or folder that can't be read, and the system's reason."""

    path: Path
    reason: str


class LogFolder:
    """The logs in ``folder`` and the journals in ``jobs``, as of the last ``look``."""

    def __init__(self, folder: Path, jobs: Path, clock: Clock, zone: tzinfo | None) -> None:
        """``zone`` applies to times without an offset; None: the machine's."""
        self._folder = folder
        self._jobs = jobs
        self._clock = clock
        self._zone = zone
        self._files: dict[int, LogFile] = {}
        self._by_inode: dict[tuple[int, int], int] = {}
        self._next = 1
        self._busy: list[int] = []
        """Files that were written recently."""
        self._folders: list[float] = []
        self._changed_at = 0.0
        self._looked_at = 0.0
        self._with_logs: set[str] = set()
        """Ids of jobs known to have a log."""
        self._unread_logs: set[int] = set()
        """Logs whose job is not known yet."""
        self._journals: dict[int, bool] = {}
        """Whether a journal is shown, by its number, once that is decided."""
        self._troubles: dict[Path, Trouble] = {}

    @property
    def files(self) -> list[LogFile]:
        """Every log and journal; ``speaks`` tells which journals are shown."""
        return list(self._files.values())

    @property
    def troubles(self) -> list[Trouble]:
        """The files and folders that could not be read."""
        return list(self._troubles.values())

    def get(self, number: int) -> LogFile | None:
        """Return the file of this number; None if it is gone."""
        return self._files.get(number)

    def trouble(self, path: Path, error: OSError) -> None:
        """Record that ``path`` could not be read."""
        self._troubles[path] = Trouble(path, error.strerror or str(error))

    def well(self, file: LogFile) -> None:
        """Record that the file could be read."""
        if self._troubles:
            self._troubles.pop(file.path, None)

    def look(self) -> None:
        """Update the list of files and their sizes.

        While the folders do not change, idle files are skipped most times.
        """
        now = self._clock.monotonic()
        folders = [_modified(folder) for folder in (self._folder, self._jobs)]
        if folders != self._folders:
            self._folders, self._changed_at = folders, now
        quiet = now - self._changed_at > _SETTLED and now - self._looked_at < _ALL_EVERY
        if quiet and all(self._is_itself(self._files[number]) for number in self._busy):
            return
        self._looked_at = now
        seen = set()
        for key, (where, found) in self._there().items():
            number = self._by_inode.get(key)
            if number is None or not self._still(self._files[number], where, found):
                number = self._add(Path(where), found)
            seen.add(number)
        for number in self._files.keys() - seen:
            self._forget(number)
        self._by_inode = {file.identity: number for number, file in self._files.items()}
        late = self._clock.now().timestamp() - _BUSY_FOR
        self._busy = [number for number, file in self._files.items() if file.written > late]

    def _is_itself(self, file: LogFile) -> bool:
        """Return whether a file is unchanged except for growth."""
        try:
            found = file.path.lstat()
        except OSError:
            return False
        return (found.st_dev, found.st_ino) == file.identity and self._still(file, str(file.path), found)

    def _forget(self, number: int) -> None:
        self._troubles.pop(self._files.pop(number).path, None)

    def _there(self) -> dict[tuple[int, int], tuple[str, os.stat_result]]:
        """Return every file once; of several hard links, the one already known."""
        there: dict[tuple[int, int], tuple[str, os.stat_result]] = {}
        for where, found in (*self._listed(self._folder), *self._listed(self._jobs)):
            key = (found.st_dev, found.st_ino)
            number = self._by_inode.get(key)
            if key not in there or (number is not None and where == str(self._files[number].path)):
                there[key] = (where, found)
        return there

    def _listed(self, folder: Path) -> Iterator[tuple[str, os.stat_result]]:
        ours = _is_journal if folder == self._jobs else _NAME.fullmatch
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not ours(entry.name):
                        continue
                    try:
                        found = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if stat.S_ISREG(found.st_mode):
                        yield entry.path, found
            self._troubles.pop(folder, None)
        except FileNotFoundError:
            return  # nothing was ever logged there
        except OSError as error:
            self.trouble(folder, error)

    def _still(self, file: LogFile, where: str, found: os.stat_result) -> bool:
        """Return whether ``found`` is the known file of that inode, perhaps grown or renamed."""
        path = file.path if where == str(file.path) else Path(where)
        if path is not file.path and (_source(path), _stamp(path)) != (_source(file.path), _stamp(file.path)):
            return False  # the inode was reused
        try:
            return file.refresh(path, found)
        except Gone:
            return False
        except OSError as error:
            self.trouble(path, error)
            return True

    def _add(self, path: Path, found: os.stat_result) -> int:
        number, self._next = self._next, self._next + 1
        journal = _is_journal(path.name)
        if not journal:
            self._unread_logs.add(number)
        understand = read_record if journal else partial(read_line, zone=self._zone)
        self._files[number] = LogFile(
            number,
            path,
            found,
            source=_source(path),
            stamp=_stamp(path),
            understand=understand,
            skips=not journal,
        )
        return number

    def speaks(self, file: LogFile) -> bool:
        """Return whether a file is shown: every log is, and journals of jobs without a log."""
        if not _is_journal(file.path.name):
            return True
        if file.number not in self._journals:
            if file.path.stem in self._jobs_with_logs():
                self._journals[file.number] = False
            else:
                kind, began = _about(self._head(file, 4096))
                young = began is not None and self._clock.now() - began < timedelta(seconds=PATIENCE)
                if began is None or (young and kind in LOG_OF):
                    return False
                file.source = _named(LOG_OF.get(kind, kind)) or file.source
                file.stamp = began
                self._journals[file.number] = True
        return self._journals[file.number]

    def _jobs_with_logs(self) -> set[str]:
        for file in [self._files[number] for number in self._unread_logs if number in self._files]:
            head = self._head(file, 200)
            said = _JOB.match(head)
            if said:
                self._with_logs.add(said[1].decode())
            if said or b"\n" in head or len(head) == 200:
                self._unread_logs.discard(file.number)
        return self._with_logs

    def _head(self, file: LogFile, size: int) -> bytes:
        try:
            return file.read(0, size)
        except Gone:
            return b""
        except OSError as error:
            self.trouble(file.path, error)
            return b""


def _modified(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _is_journal(name: str) -> bool:
    return name.endswith(SUFFIX)


def _about(head: bytes) -> tuple[str, datetime | None]:
    """Parse a journal's first line: the kind of the job, and when it began (None if incomplete)."""
    try:
        record = json.loads(head.partition(b"\n")[0])
        return str(record["kind"]), read_moment(record["at"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return "", None


def _source(path: Path) -> str:
    match = _NAME.fullmatch(path.name)
    return _named(match["source"] if match else path.stem)


def _stamp(path: Path) -> datetime | None:
    """Return the local time in a log's name."""
    match = _NAME.fullmatch(path.name)
    try:
        return datetime.strptime(match["stamp"], "%Y%m%d_%H%M%S").astimezone(UTC) if match else None
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _named(name: str) -> str:
    return shown(name)[:_LONGEST_SOURCE]
