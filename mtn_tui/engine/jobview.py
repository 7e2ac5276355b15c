"""Jobs from the outside, read from their journals, whether running or long over.

A journal is written by other processes, users and versions, and may end in
mid-line; so whatever can't be parsed is skipped, and nothing is an error.
"""

from __future__ import annotations

import json
import math
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from mtn_tui.core.errors import StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.core.moments import read_moment
from mtn_tui.engine.journal import Folders, find_journal, journals_in
from mtn_tui.engine.process import Process, this_host
from mtn_tui.engine.progress import Progress
from mtn_tui.engine.statefiles import is_full, open_found, refusal

POLL_EVERY = 0.2
"""Seconds between looks at a journal that is followed."""

JOB_ID = re.compile("[a-z2-7]{8}")

USUALLY_HEARD_WITHIN = timedelta(minutes=10)
"""A job at work records its progress several times a second; some of its phases count nothing for minutes."""

_FIRST_LINE_WITHIN = 0.05
"""Seconds at most between the creation of a journal and its first line."""

_LARGEST = 1 << 63
"""Upper limit of numbers: ours are smaller, and larger ones can't be divided."""

_PROGRESS = b'"event": "progress"'
_PROGRESS_WITHIN = 80


@dataclass(frozen=True)
class JobView:
    """A snapshot of a job. ``subject`` is the database; times are in UTC.

    ``title``, ``hint``, ``runbook`` and ``error`` (its class) describe a failure;
    ``exit_code`` is None until the job is over. ``files`` are the backups it works on.
    """

    id: str
    kind: str = ""
    subject: str = ""
    operator: str = ""
    host: str = ""
    pid: int = 0
    pid_start: str = ""
    state: JobState = JobState.QUEUED
    phase: str = ""
    progress: Progress | None = None
    started: datetime | None = None
    updated: datetime | None = None
    ended: datetime | None = None
    error: str = ""
    title: str = ""
    hint: str = ""
    runbook: str = ""
    exit_code: int | None = None
    files: tuple[str, ...] = ()
    made: tuple[str, ...] = ()
    """Backups whose names the job has claimed on disk, finished or not."""
    warnings: tuple[str, ...] = ()
    result: Mapping[str, object] = field(default_factory=dict)

    @property
    def process(self) -> Process:
        """The process that runs the job."""
        return Process(self.pid, self.pid_start)

    def silent_since(self, host: str, now: datetime) -> datetime | None:
        """When it last wrote, if it runs elsewhere than on ``host`` and has been silent for too long.

        Whether its process still runs can be told on its own machine only.
        """
        if self.state.over or self.host == host or self.updated is None:
            return None
        return self.updated if now - self.updated > USUALLY_HEARD_WITHIN else None


def read_job(path: Path, host: str | None = None) -> JobView:
    """Read a job from its journal. Raises UsageError if there is none, StorageError if it can't be read.

    ``host`` is this machine's name: only its own jobs can be detected as lost.
    """
    with Follower(path, host) as follower:
        return follower.look()


def find_job(folders: Folders, job_id: str, host: str | None = None) -> JobView:
    """Return the job with this id, in upper or lower case. Raises UsageError if there is none."""
    name = job_id.strip().lower()
    if not JOB_ID.fullmatch(name):
        raise _no_job(job_id)
    return read_job(find_journal(folders, name), host)


def list_jobs(folders: Folders, host: str | None = None, limit: int | None = None) -> list[JobView]:
    """Return every job, newest first; with ``limit``, only the most recently written ones.

    Raises StorageError if a folder can't be read.
    """
    touched: list[tuple[float, Path]] = []
    for path in journals_in(folders):
        try:
            touched.append((path.lstat().st_mtime, path))
        except FileNotFoundError:
            continue  # gone since the folder was read
        except OSError as error:
            raise refusal(error, path.parent) from error
    touched.sort(reverse=True)
    views = []
    for _mtime, path in touched[:limit]:
        try:
            views.append(read_job(path, host))
        except UsageError:
            continue  # gone since the folder was read
        except StorageError as error:
            views.append(JobView(path.stem, state=JobState.LOST, title=error.title, hint=error.hint))
    oldest = datetime.min.replace(tzinfo=UTC)
    return sorted(views, key=lambda view: (view.started or oldest, view.id), reverse=True)


def follow(path: Path, stop: threading.Event, host: str | None = None) -> Iterator[JobView]:
    """Yield the job, then again on each change, until it is over or lost or ``stop`` is set."""
    with Follower(path, host) as follower:
        seen = None
        while True:
            view = follower.look()
            if view != seen:
                yield view
                seen = view
            if view.state.over or stop.wait(POLL_EVERY):
                return


class Follower:
    """Follows a journal, keeping it open; each look reads only what is new."""

    def __init__(
        self, path: Path, host: str | None = None, folders: Callable[[], Sequence[Path]] = tuple
    ) -> None:
        """``folders`` are those in which the journal may continue.

        Raises UsageError if there is no such journal, StorageError if it can't be read.
        """
        self._host = host or this_host()
        self._folders = folders
        self._begin(path)

    def _begin(self, path: Path) -> None:
        try:
            self._fd = open_found(path)
        except FileNotFoundError as error:
            raise _no_job(path.stem) from error
        except OSError as error:
            raise refusal(error, path) from error
        self._path = path
        self._view = JobView(path.stem)
        self._tail = b""
        self._any_line = False
        self._begun = False

    def look(self) -> JobView:
        """Read what is new and return the job; lost if its process is gone without having recorded an end."""
        self._read()
        if not self._any_line:
            # Its first line may be just about to be written.
            time.sleep(_FIRST_LINE_WITHIN)
            self._read()
        if not self._begun:
            # Its first line is incomplete: the job had not begun.
            return _lost(self._view, self._path)
        if not self._view.state.over and self._view.host == self._host and self._view.process.gone:
            # It may have written its end between our read and its exit.
            self._read()
            return self._view if self._view.state.over else _lost(self._view, self._path)
        return self._view

    def close(self) -> None:
        """Close the journal."""
        os.close(self._fd)

    def __enter__(self) -> Follower:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        self._read_on()
        folders = () if self._view.state.over else self._folders()
        path = find_journal(folders, self._path.stem) if folders else self._path
        if path == self._path:
            return
        before = self._fd
        try:
            self._begin(path)
        except (UsageError, StorageError):
            return  # just removed, or not readable for us
        os.close(before)
        self._read_on()

    def _read_on(self) -> None:
        while piece := os.read(self._fd, 1 << 20):
            *lines, self._tail = (self._tail + piece).split(b"\n")
            self._fold(lines)

    def _fold(self, lines: list[bytes]) -> None:
        self._any_line = self._any_line or bool(lines)
        skipped = b""
        for line in lines:
            # Most of a long journal is progress: of consecutive records only the last one matters.
            if line.find(_PROGRESS, 0, _PROGRESS_WITHIN) > 0:
                skipped = line
                continue
            self._fold_line(skipped)
            skipped = b""
            self._fold_line(line)
        self._fold_line(skipped)

    def _fold_line(self, line: bytes) -> None:
        try:
            record = json.loads(line) if line else None
        except (ValueError, RecursionError):
            return
        if not isinstance(record, dict):
            return
        fold = _EVENTS.get(_text(record, "event"))
        if fold is None:
            return
        self._begun = self._begun or fold is _job
        view = fold(self._view, record)
        self._view = replace(view, updated=_moment(record) or view.updated)


Record = Mapping[str, object]


def _job(view: JobView, record: Record) -> JobView:
    return replace(
        view,
        kind=_text(record, "kind"),
        subject=_text(record, "subject"),
        operator=_text(record, "operator"),
        host=_text(record, "host"),
        pid=_whole(record, "pid") or 0,
        pid_start=_text(record, "pid_start"),
        started=_moment(record),
    )


def _state(view: JobView, record: Record) -> JobView:
    try:
        state = JobState(_text(record, "state"))
    except ValueError:
        return view
    if view.state.over:
        return view
    return replace(
        view,
        state=state,
        started=(_moment(record) or view.started) if state is JobState.RUNNING else view.started,
        ended=_moment(record) if state.over else None,
        error=_text(record, "error"),
        title=_text(record, "title"),
        hint=_text(record, "hint"),
        runbook=_text(record, "runbook"),
        exit_code=_whole(record, "exit_code"),
    )


def _phase(view: JobView, record: Record) -> JobView:
    name = _text(record, "phase")
    unit = _text(record, "unit") or "bytes"
    return replace(view, phase=name, progress=Progress(name, 0, _whole(record, "total"), unit))


def _progress(view: JobView, record: Record) -> JobView:
    progress = Progress(
        _text(record, "phase"),
        _whole(record, "done") or 0,
        _whole(record, "total"),
        _text(record, "unit") or "bytes",
        _number(record, "rate"),
        _number(record, "eta"),
    )
    return replace(view, phase=progress.phase, progress=progress)


def _files(view: JobView, record: Record) -> JobView:
    names = record.get("files")
    if not isinstance(names, list):
        return view
    return replace(view, files=tuple(name for name in names if isinstance(name, str)))


def _making(view: JobView, record: Record) -> JobView:
    return replace(view, made=(*view.made, _text(record, "file")))


def _warning(view: JobView, record: Record) -> JobView:
    return replace(view, warnings=(*view.warnings, _text(record, "text")))


def _result(view: JobView, record: Record) -> JobView:
    result = record.get("result")
    return replace(view, result={**view.result, **result}) if isinstance(result, dict) else view


def _note(view: JobView, record: Record) -> JobView:
    return view


_EVENTS: Mapping[str, Callable[[JobView, Record], JobView]] = {
    "job": _job,
    "state": _state,
    "phase": _phase,
    "progress": _progress,
    "files": _files,
    "making": _making,
    "note": _note,
    "warning": _warning,
    "result": _result,
}


_SWAPPING = ("restore", "undo", "promote")


def _lost(view: JobView, journal: Path) -> JobView:
    title = _(
        "The process of this job is gone and did not say how it ended: "
        "it was killed, or the machine went down."
    )
    if is_full(journal.parent):
        title = _(
            "The process of this job ({pid}) is gone. How it ended is not recorded, "
            "for the disk is full: {path}"
        ).format(pid=view.pid, path=journal.parent)
    hint = _("What it had not finished does not count. Run it again.")
    if view.kind in _SWAPPING:
        hint = _(
            "{database} is the old one or the new one, whole: mtn kept says which, "
            "and removes what was left half-made."
        ).format(database=view.subject)
    return replace(
        view,
        state=JobState.LOST,
        ended=view.updated,
        title=title,
        hint=hint,
        exit_code=2,
    )


def _no_job(job_id: str) -> UsageError:
    return UsageError(_("There is no job {id}.").format(id=job_id), _("See which there are: mtn job list"))


def _text(record: Record, name: str) -> str:
    value = record.get(name)
    return value if isinstance(value, str) else ""


def _whole(record: Record, name: str) -> int | None:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) < _LARGEST else None


def _number(record: Record, name: str) -> float | None:
    value = record.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _moment(record: Record) -> datetime | None:
    try:
        return read_moment(_text(record, "at"))
    except ValueError:
        return None
