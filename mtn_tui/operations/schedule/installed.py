"""What this machine starts by itself: the runs of an installation, and the scripts that they replace."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mtn_tui.core.errors import MtnError
from mtn_tui.core.i18n import _
from mtn_tui.operations.schedule import cron, launchd
from mtn_tui.operations.schedule.machine import Machine, System, read_crontab

_TIMERS = "timers.target.wants"


@dataclass(frozen=True)
class Installed:
    """One command that is started."""

    system: System
    place: str
    """The crontab, or the file, that has it."""
    command: str
    """As it stands there."""
    run: str = ""
    """The id of the run that it is; empty for a script."""


@dataclass(frozen=True)
class Found:
    """All of them."""

    commands: tuple[Installed, ...]
    unreadable: dict[str, str] = field(default_factory=dict)
    """Places that could not be looked at, and why."""

    @property
    def runs(self) -> dict[str, list[Installed]]:
        """Those of this installation, by their run's id. More than one of a run do it twice."""
        by_run: dict[str, list[Installed]] = {}
        for one in self.commands:
            if one.run:
                by_run.setdefault(one.run, []).append(one)
        return by_run

    @property
    def scripts(self) -> tuple[Installed, ...]:
        """The scripts that are still started."""
        return tuple(one for one in self.commands if not one.run)


def installed(configuration: Path, machine: Machine | None = None) -> Found:
    """Look at cron, systemd and launchd for the runs of this configuration, and for the scripts."""
    machine = machine or Machine()
    found: list[Installed] = []
    unreadable: dict[str, str] = {}
    for place, look in _looks(machine):
        try:
            for system, where, command in look:
                words = cron.words_of(command)
                run = cron.ran_by(words, configuration, cron.KNOWN)
                if run or cron.runs_a_script(command):
                    found.append(Installed(system, where, command, run or ""))
        except OSError as error:
            unreadable[place] = error.strerror or str(error)
        except MtnError as error:
            unreadable[place] = error.title
    return Found(tuple(found), unreadable)


_Commands = Iterator[tuple[System, str, str]]


def _looks(machine: Machine) -> Iterator[tuple[str, _Commands]]:
    """Each place, and what yields its commands when it is looked at."""
    yield _("the crontab"), _of_user()
    for path in machine.crontabs:
        yield str(path), _of_system(path)
    for folder in (machine.system_units, machine.user_units):
        yield str(folder), _of_systemd(folder)
    for folder in (machine.system_plists, machine.user_plists):
        yield str(folder), _of_launchd(folder)


def _of_user() -> _Commands:
    if shutil.which("crontab"):
        yield from _entries(read_crontab(), _("the crontab"))


def _of_system(path: Path) -> _Commands:
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.is_file():
            yield from _entries(file.read_bytes(), str(file))


def _entries(text: bytes, place: str) -> _Commands:
    for line in text.decode(errors="surrogateescape").split("\n"):
        if cron.is_entry(line):
            yield System.CRON, place, line.rstrip("\r")


def _of_systemd(folder: Path) -> _Commands:
    """The commands of services whose timer is enabled."""
    for timer in _files(folder / _TIMERS, "*.timer"):
        service = folder / f"{timer.stem}.service"
        if not service.is_file():
            continue
        for line in service.read_text(errors="surrogateescape").splitlines():
            key, equals, command = line.partition("=")
            if equals and key.strip() == "ExecStart":
                yield System.SYSTEMD, str(service), command.replace("%%", "%").replace("$$", "$")


def _of_launchd(folder: Path) -> _Commands:
    for path in _files(folder, "*.plist"):
        yield System.LAUNCHD, str(path), shlex.join(launchd.words_of(path.read_bytes()))


def _files(folder: Path, pattern: str) -> Iterable[Path]:
    return sorted(folder.glob(pattern)) if folder.is_dir() else ()
