"""Incidents on disk: ``<state>/incidents/<number>.jsonl``, a record a line, in a file that only grows.

Every record is on the disk before it counts. It is written under a lock, after
what others wrote meanwhile was read, so that two operators can't both begin a
step: whoever has not got the incident is refused, and told who has.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.clock import Clock
from mtn_tui.core.errors import MtnError, Refused, StorageError, UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import read_moment
from mtn_tui.engine.journal import encoded
from mtn_tui.engine.statefiles import LineFile, make_folder, open_found, refusal
from mtn_tui.operations.incident import Facts, Incident, Record, Step, Who, check, fold

FOLDER = "incidents"
_NAME = re.compile(r"([0-9]{4,})\.jsonl")


@dataclass(frozen=True)
class Found:
    """What there is of incidents."""

    incidents: tuple[Incident, ...]
    """The newest first."""
    unread: Mapping[int, StorageError]
    """Why some can't be read, by their numbers."""

    @property
    def numbers(self) -> list[int]:
        return [*(one.number for one in self.incidents), *self.unread]

    def find(self, number: int | None, database: str = "") -> Incident:
        """The incident of that number; without one the one that is open, else the last.

        One of ``database`` comes before any other's. Raises UsageError where there is none,
        StorageError where it can't be read.
        """
        known = [one for one in self.incidents if number in (None, one.number)]
        if not known:
            for unread in (one for at, one in self.unread.items() if number in (None, at)):
                raise unread
            raise UsageError(
                _("There is no such incident."), _("There is one once the wizard was begun: mtn")
            )
        known = [one for one in known if one.database == database] or known
        return next((one for one in known if one.is_open), known[0])


class IncidentFile:
    """One incident, as one screen sees and moves it. Raises StorageErrors."""

    def __init__(self, path: Path, who: Who, clock: Clock) -> None:
        self.path = path
        self.who = who
        self._clock = clock
        self._state = read(path)

    @property
    def state(self) -> Incident:
        """As last looked at."""
        return self._state

    @property
    def is_mine(self) -> bool:
        holder = self._state.holder
        return holder is not None and holder.session == self.who.session

    def look(self) -> Incident:
        """Read what anyone has written since."""
        self._state = read(self.path)
        return self._state

    def take(self) -> Incident:
        """Take it over; whoever had it is told by their own screen."""
        return self.record("took")

    def begin(self, step: Step, **facts: object) -> Incident:
        return self.record("began", step, facts)

    def done(self, step: Step, **facts: object) -> Incident:
        return self.record("done", step, facts)

    def failed(self, step: Step, error: MtnError) -> Incident:
        return self.record("failed", step, {"hint": error.hint}, error.title)

    def skip(self, step: Step, reason: str) -> Incident:
        """Leave a step out. Raises Refused without a reason, and for those that are never left out."""
        if not reason.strip():
            raise Refused(_("No step is left out without a reason."), _("Say why; it stands in the report."))
        return self.record("skipped", step, {}, reason)

    def note(self, text: str) -> Incident:
        return self.record("note", text=text)

    def called(self, person: str) -> Incident:
        """Somebody of the escalation was called."""
        return self.record("called", text=person)

    def tick(self, what: str) -> Incident:
        """Something that only people can see was seen, by whoever is at this screen."""
        return self.record("ticked", text=what)

    def close(self, outcome: str) -> Incident:
        return self.record("closed", text=outcome)

    def record(
        self, event: str, step: Step | None = None, facts: Facts | None = None, text: str = ""
    ) -> Incident:
        """Write what happened. Raises Refused where it may not happen now."""
        lines = LineFile(self.path)
        try:
            with _locked(self.path):
                state = read(self.path)
                one = Record(self._clock.now(), event, self.who, step, facts or {}, text)
                check(state, one)
                lines.begin_afresh()
                lines.append(_line(one))
                lines.sync()
                self._state = state.after(one)
        finally:
            lines.close()
        return self._state


def open_incident(state: Path, database: str, who: Who, clock: Clock) -> IncidentFile:
    """Begin one. Raises Refused where one of that database is open: it is continued, or taken over."""
    folder = state / FOLDER
    try:
        make_folder(folder)
    except OSError as error:
        raise refusal(error, folder) from error
    with _locked(folder):
        known = look_through(state)
        for one in known.incidents:
            if one.is_open and one.database == database:
                raise Refused(
                    _("Incident {number} is open already.").format(number=one.number),
                    _("Continue it, or take it over."),
                )
        path = folder / f"{max(known.numbers, default=0) + 1:04}.jsonl"
        lines = LineFile(path, exclusive=True)
        try:
            lines.append(_line(Record(clock.now(), "opened", who, facts={"database": database})))
            lines.sync()
            lines.sync_name()
        finally:
            lines.close()
    return IncidentFile(path, who, clock)


def incidents(state: Path) -> list[Incident]:
    """All that can be read, the newest first."""
    return list(look_through(state).incidents)


def look_through(state: Path) -> Found:
    """All there ever were. One that can't be read is passed over, and told; StorageError for the folder."""
    found, unread = [], {}
    for path in _files(state / FOLDER):
        try:
            found.append(read(path))
        except StorageError as error:
            unread[_number(path)] = error
    return Found(tuple(sorted(found, key=lambda one: one.number, reverse=True)), unread)


def _files(folder: Path) -> list[Path]:
    """None where there never was an incident."""
    try:
        return [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise refusal(error, folder) from error


def find(state: Path, number: int | None, database: str = "") -> Incident:
    """As ``Found.find``, for whoever needs nothing else."""
    return look_through(state).find(number, database)


def path_of(state: Path, incident: Incident) -> Path:
    return state / FOLDER / f"{incident.number:04}.jsonl"


def read(path: Path) -> Incident:
    """What a file says by now; a line that can't be understood, or is not whole yet, is passed over."""
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
                Who(str(told["operator"]), str(told["host"]), str(told["session"])),
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
    """Nobody else writes meanwhile; held for as long as a line takes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        raise refusal(error, path) from error
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
