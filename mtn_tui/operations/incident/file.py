"""Incidents on disk: ``<state>/incidents/<number>.jsonl``, a record a line, in a file that only grows.

Every record is on the disk before it counts. It is written under a lock, after
what others wrote meanwhile was read, so that two operators can't both begin a
step: an operator who does not hold the incident is refused, and told who does.

Where the state folder takes no more, an incident begins, or goes on after a
copy of what was written, in the same folder of a spare one (see
``engine.recordplace``), and says so in a note. The file in the latest folder
counts.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mtn_tui.core.clock import Clock
from mtn_tui.core.contacts import Severity
from mtn_tui.core.errors import MtnError, Refused, StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import read_moment
from mtn_tui.engine import recordplace
from mtn_tui.engine.journal import encoded
from mtn_tui.engine.statefiles import LineFile, files_in, make_folder, open_found, refusal, write_whole
from mtn_tui.operations.audit.record import unrecorded
from mtn_tui.operations.audit.trail import Entry, append
from mtn_tui.operations.incident.state import Actor, Facts, Incident, Record, Step, check, fold

FOLDER = "incidents"
_NAME = re.compile(r"([0-9]{4,})\.jsonl")


@dataclass(frozen=True)
class Found:
    """All incidents that there are."""

    incidents: tuple[Incident, ...]
    """The newest first."""
    unread: Mapping[int, StorageError]
    """Why some can't be read, by their numbers."""

    @property
    def numbers(self) -> list[int]:
        """The numbers of all incidents, those that can't be read among them."""
        return [*(one.number for one in self.incidents), *self.unread]

    def find(self, number: int | None, database: str = "") -> Incident:
        """The incident of that number; without one the one that is open, else the last.

        One of ``database`` comes before any other's. Raises UsageError if there is none,
        StorageError if it can't be read.
        """
        known = [one for one in self.incidents if number in (None, one.number)]
        if not known:
            for unread in (one for at, one in self.unread.items() if number in (None, at)):
                raise unread
            raise UsageError(_("There is no such incident."), _("Open one in the wizard: mtn"))
        known = [one for one in known if one.database == database] or known
        return next((one for one in known if one.is_open), known[0])


class IncidentFile:
    """One incident's file, as one session reads and writes it. All methods may raise StorageError."""

    def __init__(self, path: Path, who: Actor, clock: Clock, spares: Sequence[Path] = ()) -> None:
        self.path = path
        self.who = who
        self._spares = spares
        self._clock = clock
        self._state = self.look()

    @property
    def state(self) -> Incident:
        """As last looked at."""
        return self._state

    @property
    def is_mine(self) -> bool:
        """Whether this session holds the incident."""
        holder = self._state.holder
        return holder is not None and holder.session == self.who.session

    def look(self) -> Incident:
        """Read what anyone has written since."""
        self.path = self._latest()
        self._state = read(self.path)
        return self._state

    def take(self) -> Incident:
        """Take it over; the former holder's screen says so."""
        return self.record("took")

    def begin(self, step: Step, **facts: object) -> Incident:
        """Record that a step begins. Raises Refused if it may not begin now."""
        return self.record("began", step, facts)

    def done(self, step: Step, **facts: object) -> Incident:
        """Record that a step is done, with its evidence."""
        return self.record("done", step, facts)

    def failed(self, step: Step, error: MtnError) -> Incident:
        """Record that a step failed, and why."""
        return self.record("failed", step, {"hint": error.hint}, error.title)

    def skip(self, step: Step, reason: str) -> Incident:
        """Leave a step out. Raises Refused without a reason, and for those that are never left out."""
        if not reason.strip():
            raise Refused(_("No step is left out without a reason."), _("Say why; it stands in the report."))
        return self.record("skipped", step, {}, reason)

    def note(self, text: str) -> Incident:
        """Record a remark, even if another operator holds the incident."""
        return self.record("note", text=text)

    def called(self, person: str, name: str = "") -> Incident:
        """Record that the person of this key in contacts.toml was called; ``name`` is for the report."""
        return self.record("called", facts={"name": name} if name else {}, text=person)

    def tick(self, what: str) -> Incident:
        """Record that the operator has seen something that only people can see."""
        return self.record("ticked", text=what)

    def severe(self, severity: Severity) -> Incident:
        """Record how severe it is: that decides whom to call, and when."""
        return self.record("severe", facts={"severity": severity.value})

    def looked(self, findings: Sequence[str]) -> Incident:
        """Record what step 1 sees, a line each."""
        return self.record("looked", facts={"findings": list(findings)})

    def mended(self, kind: str, job: str) -> Incident:
        """Record that a job outside the steps has mended something."""
        return self.record("mended", facts={"kind": kind, "job": job})

    def close(self, outcome: str) -> Incident:
        """Close the incident; ``outcome`` stands in the report."""
        return self.record("closed", text=outcome)

    def record(
        self, event: str, step: Step | None = None, facts: Facts | None = None, text: str = ""
    ) -> Incident:
        """Write what happened. Raises Refused if it may not happen now."""
        while True:
            self.path = path = self._latest()
            try:
                if self._write(path, Record(self._clock.now(), event, self.who, step, facts or {}, text)):
                    return self._state
            except StorageError as error:
                self._go_on_elsewhere(path, error)

    def _write(self, path: Path, one: Record) -> bool:
        """Append a record; return False if the incident goes on in another folder by now."""
        lines = LineFile(path)
        try:
            with _locked(path):
                if self._latest() != path:
                    return False
                state = read(path)
                check(state, one)
                one = _audited(path, one)
                lines.begin_afresh()
                lines.append(_line(one))
                lines.sync()
                self._state = state.after(one)
                return True
        finally:
            lines.close()

    def _latest(self) -> Path:
        others = [one / FOLDER / self.path.name for one in recordplace.ours(self._spares)]
        return next((path for path in reversed(others) if os.path.lexists(path)), self.path)

    def _go_on_elsewhere(self, path: Path, error: StorageError) -> None:
        """Copy it to the next folder that takes it. Raises ``error`` where none does."""
        here, spares = path.parent.parent, list(self._spares)
        with _locked(path):
            if self._latest() != path:
                return  # somebody else has
            for folder in recordplace.usable(spares[spares.index(here) + 1 :] if here in spares else spares):
                note = Record(self._clock.now(), "note", self.who, text=_elsewhere(error, folder))
                try:
                    written = path.read_bytes()
                    whole = written[: written.rfind(b"\n") + 1]
                    write_whole(folder / FOLDER / path.name, whole + _line(note) + b"\n")
                except OSError:
                    continue
                return
        raise error


def _elsewhere(error: StorageError, folder: Path) -> str:
    return _(
        "{reason} This incident is recorded in {folder} from here on, which is gone when the machine"
        " restarts: keep its report (mtn incident export)."
    ).format(reason=error.title, folder=folder)


def open_incident(
    state: Path, database: str, who: Actor, clock: Clock, spares: Sequence[Path] = ()
) -> IncidentFile:
    """Begin an incident. Raises Refused if one of that database is open already."""
    about = Record(clock.now(), "opened", who, facts={"database": database})
    try:
        return IncidentFile(_begin(state / FOLDER, about, state, spares), who, clock, spares)
    except StorageError as error:
        for folder in recordplace.usable(spares):
            try:
                path = _begin(folder / FOLDER, about, state, spares)
            except StorageError:
                continue
            file = IncidentFile(path, who, clock, spares)
            file.note(_elsewhere(error, folder))
            return file
        raise


def _begin(folder: Path, about: Record, state: Path, spares: Sequence[Path]) -> Path:
    """A new file in ``folder``; ``state`` and ``spares`` are where the others lie."""
    try:
        make_folder(folder)
    except OSError as error:
        raise refusal(error, folder) from error
    with _locked(folder):
        known = look_through(state, spares)
        for one in known.incidents:
            if one.is_open and one.database == about.facts["database"]:
                raise Refused(
                    _("Incident {number} is open already.").format(number=one.number),
                    _("Continue it, or take it over."),
                )
        path = folder / f"{max(known.numbers, default=0) + 1:04}.jsonl"
        lines = LineFile(path, exclusive=True)
        try:
            lines.append(_line(_audited(path, about)))
            lines.sync()
            lines.sync_name()
        except StorageError:
            path.unlink()
            raise
        finally:
            lines.close()
    return path


def _audited(path: Path, one: Record) -> Record:
    """Record it in the audit trail too. Returns it with a fact that says why, if that can't be done."""
    told: dict[str, object] = {"text": one.text} if one.text else {}
    if one.step is not None:
        told["step"] = int(one.step)
    entry = Entry(
        one.at, one.who.operator, one.who.host, f"incident-{one.event}", f"incident {_number(path)}", told
    )
    try:
        append(path.parent.parent, entry)
    except StorageError as error:
        return replace(one, facts={**one.facts, "audit": unrecorded(error)})
    return one


def incidents(state: Path) -> list[Incident]:
    """All that can be read, the newest first."""
    return list(look_through(state).incidents)


def look_through(state: Path, spares: Sequence[Path] = ()) -> Found:
    """Read all incidents; ``unread`` names those that can't be. Raises StorageError if no folder can."""
    found, unread = [], {}
    for path in _files(state, spares):
        try:
            found.append(read(path))
        except StorageError as error:
            unread[_number(path)] = error
    return Found(tuple(sorted(found, key=lambda one: one.number, reverse=True)), unread)


def folders(state: Path, spares: Sequence[Path] = ()) -> list[Path]:
    """Folders that may hold incidents. A file in a later one counts."""
    return [one / FOLDER for one in (state, *recordplace.ours(spares))]


def _files(state: Path, spares: Sequence[Path]) -> list[Path]:
    """The files of all incidents. Raises StorageError if no folder can be read."""
    return files_in(folders(state, spares), _NAME.fullmatch)


def find(state: Path, number: int | None, database: str = "", spares: Sequence[Path] = ()) -> Incident:
    """As ``Found.find``, after reading all incidents."""
    return look_through(state, spares).find(number, database)


def path_of(state: Path, incident: Incident) -> Path:
    """The file in which it began; IncidentFile finds where it goes on."""
    return state / FOLDER / f"{incident.number:04}.jsonl"


def read(path: Path) -> Incident:
    """Read an incident's file; invalid lines, and one not complete yet, are skipped. Raises StorageError."""
    try:
        fd = open_found(path)
    except OSError as error:
        raise refusal(error, path) from error
    with os.fdopen(fd, "rb") as file:
        return fold(_number(path), _records(file.read()))


def _number(path: Path) -> int:
    name = _NAME.fullmatch(path.name)
    return int(name[1]) if name else 0


def _records(data: bytes) -> Iterator[Record]:
    for line in data.split(b"\n"):
        try:
            told = json.loads(line)
            yield Record(
                read_moment(told["at"]),
                str(told["event"]),
                Actor(str(told["operator"]), str(told["host"]), str(told["session"])),
                Step(told["step"]) if told["step"] is not None else None,
                dict(told["facts"]),
                str(told["text"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            continue


def _line(one: Record) -> bytes:
    return encoded(
        one.at,
        one.event,
        {
            "operator": one.who.operator,
            "host": one.who.host,
            "session": one.who.session,
            "step": None if one.step is None else int(one.step),
            "facts": one.facts,
            "text": one.text,
        },
    )


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file's lock in the block, so that nobody else writes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise refusal(error, path) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
