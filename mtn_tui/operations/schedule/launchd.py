"""The property lists of launchd, under the labels that the scripts' had."""

from __future__ import annotations

import plistlib
from collections.abc import Iterable
from pathlib import Path
from xml.parsers.expat import ExpatError

from mtn_tui.operations.schedule import cron
from mtn_tui.operations.schedule.command import Command
from mtn_tui.operations.schedule.description import Run
from mtn_tui.operations.schedule.times import When

PREFIX = "com.mtn.backup."


def plists(described: Iterable[Run], command: Command) -> dict[str, bytes]:
    """The content of every property list, by its file's name."""
    return {f"{PREFIX}{run.id}.plist": _plist(run, command) for run in described}


def _plist(run: Run, command: Command) -> bytes:
    return plistlib.dumps(
        {
            "Label": f"{PREFIX}{run.id}",
            "ProgramArguments": list(command.line(run)),
            "EnvironmentVariables": {"PATH": command.path},
            "StartCalendarInterval": moments(run.when),
            "StandardOutPath": run.log,
            "StandardErrorPath": run.log,
        },
        sort_keys=False,
    )


def moments(when: When) -> list[dict[str, int]]:
    """When it is started, one entry a moment of the day; what an entry leaves out is any."""
    day = {} if when.weekday is None else {"Weekday": (when.weekday + 1) % 7}
    hours: list[int | None] = [*sorted({*when.hours, *when.again})] or [None]
    return [
        {**day, **({} if hour is None else {"Hour": hour}), "Minute": minute}
        for hour in hours
        for minute in when.minutes
    ]


def is_of(content: bytes, configuration: Path) -> bool:
    """Whether a property list starts a run of this configuration."""
    return cron.ran_by(words_of(content), configuration, cron.KNOWN) is not None


def words_of(content: bytes) -> list[str]:
    """The words of the command that a property list starts; empty if it can't be read."""
    try:
        read = plistlib.loads(content)
    except (ValueError, ExpatError, plistlib.InvalidFileException):
        return []
    found = read if isinstance(read, dict) else {}
    words = found.get("ProgramArguments") or [found.get("Program", "")]
    return [str(word) for word in words] if isinstance(words, list) else []
