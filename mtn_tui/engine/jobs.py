"""A job from the inside: how a running operation reports what it does.

An operation gets a Job and reports phases, progress and events to it; the job
writes the journal and the log. If those can't be written any more, the work
continues and its result stands: a full state disk must neither stop a backup
nor make it fail. The journal continues in the next folder that is writable
(``mtn_tui.engine.recordplace``).
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.clock import Clock, SystemClock
from mtn_tui.core.errors import AlreadyThere, Cancelled, MtnError, StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import JobState
from mtn_tui.core.traces import text_of, traced
from mtn_tui.engine import private, recordplace
from mtn_tui.engine.joblog import JobLog, Level
from mtn_tui.engine.journal import Journal
from mtn_tui.engine.locks import Holder
from mtn_tui.engine.process import Process, this_host, this_process
from mtn_tui.engine.progress import Meter, Progress
from mtn_tui.engine.statefiles import Nowhere

_ID_TRIES = 5


def new_job_id() -> str:
    """Return 8 random lower-case base32 letters (40 bits)."""
    return base64.b32encode(secrets.token_bytes(5)).decode("ascii").lower()


class Job:
    """A job of this process. Thread-safe. ``token`` is set once the job is asked to stop."""

    def __init__(
        self,
        job_id: str,
        journal: Journal,
        *,
        kind: str,
        subject: str,
        operator: str,
        host: str,
        process: Process,
        clock: Clock,
        token: CancelToken,
        spares: Sequence[Path],
    ) -> None:
        self.id = job_id
        self.kind = kind
        self.subject = subject
        self.operator = operator
        self.host = host
        self.process = process
        self.token = token
        self.stop_asked = False
        """Set at once by the signal handler; the token is set shortly after by another thread."""
        self.worked_on: tuple[str, ...] = ()
        """Names of the backups that were given to ``files`` last, and in ``backup`` the id."""
        self.backup = ""
        self._journal = journal
        self._spares = spares
        self._clock = clock
        self._lock = threading.RLock()
        # A separate lock, never held while a file is written: advance() is called in inner loops.
        self._counting = threading.Lock()
        self._recorded: Progress | None = None
        self._state = JobState.QUEUED
        self._meter: Meter | None = None
        self._warnings: list[str] = []
        self._outcome: dict[str, object] = {}
        self._log: JobLog | None = None
        self._journal_failed = False
        self._log_failed = False

    @classmethod
    def create(
        cls,
        folder: Path | None,
        *,
        kind: str,
        subject: str,
        operator: str,
        host: str | None = None,
        clock: Clock | None = None,
        new_id: Callable[[], str] = new_job_id,
        token: CancelToken | None = None,
        spares: Sequence[Path] = (),
    ) -> Job:
        """Create a queued job of this process, with its journal in ``folder``.

        If that fills up, the journal continues in one of ``spares`` (see
        ``recordplace``). ``subject`` is the database's name. Raises NoSpace or another
        StorageError if the journal can't be created. With None as folder there is no
        journal, and no other process sees the job.
        """
        clock = clock or SystemClock()
        host = host or this_host()
        process = this_process()
        about = {"kind": kind, "subject": subject, "operator": operator, "host": host}
        token = token or CancelToken()
        if folder is None:
            journal, job_id = Journal(Nowhere(), clock), new_id()
            return cls(job_id, journal, process=process, clock=clock, token=token, spares=(), **about)
        for left in reversed(range(_ID_TRIES)):
            job_id = new_id()
            try:
                journal = Journal.create(
                    folder,
                    job_id,
                    clock=clock,
                    **about,
                    pid=process.pid,
                    pid_start=process.start,
                    state=JobState.QUEUED,
                )
                break
            except AlreadyThere:
                if not left:
                    raise
        return cls(job_id, journal, process=process, clock=clock, token=token, spares=spares, **about)

    @property
    def journal_path(self) -> Path:
        """Path of the journal, which changes if it continues elsewhere."""
        return self._journal.path

    @property
    def warnings(self) -> tuple[str, ...]:
        """The texts given to ``warn`` so far."""
        with self._lock:
            return tuple(self._warnings)

    @property
    def outcome(self) -> dict[str, object]:
        """The facts given to ``result`` so far."""
        with self._lock:
            return dict(self._outcome)

    @property
    def state(self) -> JobState:
        """The present state."""
        return self._state

    def holder(self, operation: str) -> Holder:
        """Return the description of this job that a lock shows to others."""
        since = self._clock.now()
        return Holder(operation, self.subject, self.id, self.operator, self.host, self.process.pid, since)

    # For operations

    def log_to(self, log: JobLog) -> None:
        """Write to ``log`` from now on, and close it with the job. Raises StorageError."""
        with self._lock:
            about = {"kind": self.kind, "database": self.subject, "operator": self.operator}
            log.write("info", "job", {"id": self.id, **about, "host": self.host, "pid": self.process.pid})
            self._log = log

    def phase(self, name: str, total: int | None = None, unit: str = "bytes") -> None:
        """Begin a phase of ``total`` units (bytes, rows or items), None if unknown."""
        with self._lock:
            self.beat()
            meter = Meter(name, total=total, unit=unit, clock=self._clock)
            with self._counting:
                self._meter = meter
            self._to_journal(lambda: self._journal.phase(name, total, unit))
            self._to_log("info", "phase", {"name": name} if total is None else {"name": name, unit: total})

    def advance(self, count: int) -> None:
        """Report that ``count`` more units are done. Touches no file, so it may be called at any rate."""
        with self._counting:
            if self._meter is not None:
                self._meter.done += count

    def set_total(self, total: int | None) -> None:
        """Set the total units of the present phase; None if unknown."""
        with self._counting:
            if self._meter is not None:
                self._meter.total = total

    def files(self, *names: str, of: str = "") -> None:
        """Record which backups are worked on, and ``of`` which id; replaces those recorded before."""
        self.worked_on, self.backup = names, of
        self._to_journal(lambda: self._journal.files(names))

    def making(self, name: str) -> None:
        """Record that a backup of this name, claimed by this job alone, is being made, and worked on."""
        self._to_journal(lambda: self._journal.making(name))
        self.files(name)

    def note(self, level: Level, event: str, /, **fields: object) -> None:
        """Record an event; its name is never translated."""
        self._to_journal(lambda: self._journal.note(level, event, fields))
        self._to_log(level, event, fields)

    def warn(self, event: str, text: str, /, **fields: object) -> None:
        """Record a warning for the operator; the job will end with exit code 1."""
        with self._lock:
            self._warnings.append(text)
        self._to_journal(lambda: self._journal.warning(event, text, fields))
        self._to_log("warn", event, {"text": text, **fields})

    def confide(self, text: str) -> Path | None:
        """Save text that may contain rows where only this operator can read it; None if that fails."""
        try:
            return private.keep(self.journal_path.parent, self.id, text)
        except StorageError as error:
            self.note("warn", "rows-not-kept", reason=error.title)
            return None

    def result(self, result: Mapping[str, object]) -> None:
        """Record facts of the outcome: JSON values under keys that are never translated."""
        with self._lock:
            self._outcome.update(result)
        self._to_journal(lambda: self._journal.result(result))

    # For the host

    def beat(self) -> None:
        """Record the progress of the present phase; to be called a few times a second."""
        with self._lock:
            with self._counting:
                progress = self._meter.snapshot() if self._meter is not None else None
            if progress is not None and progress != self._recorded:
                self._recorded = progress
                self._to_journal(lambda: self._journal.progress(progress))

    def start(self) -> None:
        """Change the state from queued to running."""
        with self._lock:
            if self._state is JobState.QUEUED:
                self._move(JobState.RUNNING)

    def cancel(self, reason: str = "") -> None:
        """Ask the job to stop. Repeating it has no effect."""
        try:
            with self._lock:
                if self._state in (JobState.QUEUED, JobState.RUNNING):
                    self._move(JobState.CANCELLING)
                    self._to_log("warn", "cancelling", {"reason": reason} if reason else {})
        finally:
            self.token.cancel()

    def end(self, error: BaseException | None = None) -> None:
        """Record how the job ended: with ``error``, or successfully. Failures to record become warnings."""
        with self._lock:
            if self._state.over:
                return
            self.beat()
            if error is None:
                self._to_log("info", "succeeded", {"warnings": len(self._warnings)})
                self._move(JobState.SUCCEEDED, lambda: {"exit_code": 1 if self._warnings else 0})
                return
            if isinstance(error, MtnError) and error.private and (path := self.confide(error.private)):
                where = _("What the server said of rows is in {path}, for {operator} alone.")
                error.hint = f"{error.hint} {where.format(path=path, operator=self.operator)}".strip()
            told = _told(error)
            state = JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED
            if not isinstance(error, MtnError):
                self.note("error", "unexpected", traceback=traced(error))
            # Who was asked to stop, or for what makes no sense, has not failed.
            level: Level = "warn" if isinstance(error, Cancelled | UsageError) else "error"
            self._to_log(level, state.value, told)
            self._move(state, lambda: told)

    def close(self) -> None:
        """Close the journal and the log."""
        with self._lock:
            self._journal.close()
            if self._log is not None:
                self._log.close()

    def _move(self, state: JobState, fields: Callable[[], Mapping[str, object]] = dict) -> None:
        """Change the state. ``fields`` is called again if the journal moves on, which adds a warning."""
        self._state = state
        self._to_journal(lambda: self._journal.state(state, **fields()))

    def _to_journal(self, write: Callable[[], None]) -> None:
        while True:
            path = self._journal.path
            try:
                write()
            except StorageError as error:
                if self._goes_on(path, error):
                    continue
            return

    def _goes_on(self, broken: Path, error: StorageError) -> bool:
        """Return whether the journal, so far at ``broken``, can continue elsewhere. Warns once."""
        with self._lock:
            if self._journal.path != broken:
                return True  # another thread has already moved it
            if self._journal_failed:
                return False
            self._to_log("error", "journal-write-failed", {"reason": error.title})
            folder = self._next_folder()
            self._journal_failed = folder is None
            if folder is None:
                text = _("{reason} No other folder takes a file either: the record of this job breaks off.")
            else:
                text = _(
                    "{reason} This job is recorded in {folder} from then on, which is gone when the machine"
                    " restarts."
                )
            self.warn("recorded-elsewhere", f"{text.format(reason=error.title, folder=folder)} {error.hint}")
            return folder is not None

    def _next_folder(self) -> Path | None:
        here, spares = self._journal.path.parent.parent, list(self._spares)
        for folder in recordplace.usable(spares[spares.index(here) + 1 :] if here in spares else spares):
            try:
                self._journal.go_on_in(folder / "jobs")
            except (OSError, StorageError):
                continue  # too little room for what was written
            return folder
        return None

    def _to_log(self, level: Level, event: str, fields: Mapping[str, object]) -> None:
        with self._lock:
            if self._log is None:
                return
            try:
                self._log.write(level, event, fields)
            except StorageError as error:
                first, self._log_failed = not self._log_failed, True
                if first:
                    self.warn("log-write-failed", _("The log has gaps: {reason}").format(reason=error.title))


def _told(error: BaseException) -> dict[str, object]:
    name = type(error).__name__
    if isinstance(error, MtnError):
        told = {"error": name, "title": error.title, "hint": error.hint, "runbook": error.runbook}
        return {**told, "exit_code": error.exit_code}
    title = _("This is a fault of the program, not of yours: {error}: {text}").format(
        error=name, text=text_of(error)
    )
    hint = _("Nothing half-made was put in place. Send the job's log to whoever maintains the program.")
    return {"error": name, "title": title, "hint": hint, "runbook": "", "exit_code": 2}
