"""Installs the schedule into cron, systemd or launchd, and takes it out again.

First a plan: every file as it is and as it would be, to be shown. Only one system has the runs: those
that another one has are taken out of it. What the scripts had is put out of use, and comes back by
``remove``; no other line and no other file is touched.
"""

from __future__ import annotations

import difflib
import pwd
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.errors import ConfigError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.schedule import cron, launchd, systemd
from mtn_tui.operations.schedule.command import EXAMPLE, own_command
from mtn_tui.operations.schedule.description import runs
from mtn_tui.operations.schedule.machine import Machine, System, read_crontab, run_program, write_crontab
from mtn_tui.postgres.their_words import tool_said
from mtn_tui.storage import durable

CRONTAB = "crontab"
ASIDE = ".before-mtn"
"""At the end of the name of a property list whose place ours has taken."""


@dataclass(frozen=True)
class Change:
    """A file, or the crontab, as it is and as it would be; None if it is not there."""

    place: str
    before: bytes | None
    after: bytes | None
    path: Path | None = None
    """None: the crontab."""

    def diff(self) -> list[str]:
        """The lines that differ, as ``diff -u`` shows them."""
        before, after = _lines(self.before), _lines(self.after)
        return list(difflib.unified_diff(before, after, self.place, self.place, lineterm="", n=1))


def _lines(text: bytes | None) -> list[str]:
    return (text or b"").decode(errors="surrogateescape").split("\n")


@dataclass(frozen=True)
class Plan:
    """What would be done, in this order."""

    first: tuple[tuple[str, ...], ...]
    """Commands that stop what is taken out."""
    changes: tuple[Change, ...]
    then: tuple[tuple[str, ...], ...]
    """Commands that start what is new."""
    notes: tuple[str, ...] = ()
    """What else has to be done, by hand."""

    def diff(self) -> list[str]:
        """Everything that changes."""
        return [line for change in self.changes for line in change.diff()]


def contents(context: Context, system: System, machine: Machine | None = None) -> dict[str, bytes]:
    """What starts the runs: the text of each file, by its name; of cron the crontab's lines."""
    configuration, described = _configuration(context), runs(context.settings)
    command = own_command(configuration)
    if system is System.CRON:
        return {CRONTAB: cron.block(described, command).encode(errors="surrogateescape")}
    if system is System.LAUNCHD:
        return launchd.plists(described, command)
    root = (machine or Machine()).root
    manager = systemd.Manager(root, _owner(configuration), systemd.written_by(context.settings))
    units = systemd.units(described, command, manager)
    return {name: text.encode(errors="surrogateescape") for name, text in units.items()}


def plan_install(
    context: Context,
    system: System | None = None,
    machine: Machine | None = None,
    *,
    keep_scripts: bool = False,
) -> Plan:
    """Plan to have all runs started by ``system``, or by the one that fits this machine.

    Raises ConfigError if there is none or its files can't be read, Refused if another installation
    has its places.
    """
    machine = machine or Machine()
    return _plan(context, system or machine.fitting(), machine, scripts_off=not keep_scripts)


def plan_remove(context: Context, machine: Machine | None = None) -> Plan:
    """Plan to take the runs out of every system, and to bring back what the scripts had."""
    return _plan(context, None, machine or Machine(), scripts_off=False)


def carry_out(plan: Plan) -> None:
    """Do it; the crontab comes last, when what takes its place has begun. Raises ConfigError, Refused."""
    for command in plan.first:
        _run(command, must=False)
    for change in plan.changes:
        if change.path is not None:
            _write(change.path, change.after)
    for command in plan.then:
        _run(command, must=True)
    for change in plan.changes:
        if change.path is None:
            write_crontab(change.before or b"", change.after or b"")


def _plan(context: Context, system: System | None, machine: Machine, *, scripts_off: bool) -> Plan:
    configuration = _configuration(context)
    if system in (System.CRON, System.LAUNCHD) and machine.root and (owner := _owner(configuration)):
        raise Refused(
            _("{path} is {owner}'s, and root's runs would keep their records elsewhere.").format(
                path=configuration, owner=owner
            ),
            _("Run it as {owner}, without sudo.").format(owner=owner),
            "3.3",
        )
    wanted: dict[System, dict[str, bytes]] = {one: {} for one in System}
    if system is not None:
        wanted[system] = contents(context, system, machine)
    new_units, units_first, units_then = _units(machine, configuration, wanted[System.SYSTEMD])
    new_lists, lists_first, lists_then = _plists(
        machine, configuration, wanted[System.LAUNCHD], scripts_off=scripts_off
    )
    lines = wanted[System.CRON].get(CRONTAB, b"")
    changes = [*new_units, *new_lists, *_crontab(configuration, system, lines, scripts_off=scripts_off)]
    linger = system is System.SYSTEMD and not machine.root
    note = _("A user's timers run only while that user is logged in, unless: sudo loginctl enable-linger")
    return Plan(
        (*units_first, *lists_first),
        tuple(changes),
        (*units_then, *lists_then),
        (note,) if linger and changes else (),
    )


def _configuration(context: Context) -> Path:
    if context.configuration is None:
        raise ValueError("a context without a configuration has no schedule")
    return context.configuration.absolute()


def _owner(configuration: Path) -> str:
    """Whose the configuration is; empty if it is root's."""
    number = configuration.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name if number else ""
    except KeyError:
        return str(number)


def _crontab(configuration: Path, system: System | None, lines: bytes, *, scripts_off: bool) -> list[Change]:
    if system is not System.CRON and shutil.which("crontab") is None:
        return []
    before = read_crontab()
    after = cron.installed(before, lines, configuration, scripts_off=scripts_off)
    if system is None:
        after = cron.removed(before, configuration)
    return [] if after == before else [Change(CRONTAB, before, after)]


_Commands = list[tuple[str, ...]]


def _units(
    machine: Machine, configuration: Path, wanted: Mapping[str, bytes]
) -> tuple[list[Change], _Commands, _Commands]:
    folder = machine.units
    had = _contents_of(folder, f"{systemd.PREFIX}*")
    # Copies of the files in config/ are taken for ours too: whoever edited them left their first line.
    marks = tuple(
        systemd.mark(one).encode(errors="surrogateescape") + b"\n"
        for one in (configuration, EXAMPLE.configuration)
    )
    ours = {name: text for name, text in had.items() if text.startswith(marks)}
    for name in wanted:
        if name in had and name not in ours:
            raise _others(folder / name)
    changes = _changes(folder, ours, wanted)
    gone = [name for name in ours if name not in wanted and name.endswith(".timer")]
    timers = [name for name in wanted if name.endswith(".timer")]
    first = [(*machine.systemctl, "disable", "--now", *gone)] if gone else []
    then: _Commands = [(*machine.systemctl, "daemon-reload")] if changes else []
    if changes and timers:
        then.append((*machine.systemctl, "enable", "--now", *timers))
    return changes, first, then


def _plists(
    machine: Machine, configuration: Path, wanted: Mapping[str, bytes], *, scripts_off: bool
) -> tuple[list[Change], _Commands, _Commands]:
    folder = machine.plists
    had = _contents_of(folder, f"{launchd.PREFIX}*.plist")
    ours, scripts = {}, {}
    for name, text in had.items():
        if launchd.is_of(text, configuration):
            ours[name] = text
        elif cron.runs_a_script(text.decode(errors="replace")):
            scripts[name] = text
        elif name in wanted:
            raise _others(folder / name)
    changes = _changes(folder, ours, wanted)
    if wanted and scripts_off:
        for name, text in scripts.items():
            changes.append(Change(str(folder / f"{name}{ASIDE}"), None, text, folder / f"{name}{ASIDE}"))
            if name not in wanted:
                changes.append(Change(str(folder / name), text, None, folder / name))
    elif wanted and (taken := [name for name in scripts if name in wanted]):
        raise Refused(
            _("{path} starts a script, under the label that this run has.").format(path=folder / taken[0]),
            _("Leave out --keep-scripts: it is put aside, and “mtn schedule remove” brings it back."),
            "3.3",
        )
    changes += [] if wanted else _back(folder)
    replaced = [change.path for change in changes if change.path and change.before is not None]
    begun = [
        change.path
        for change in changes
        if change.path and change.path.suffix == ".plist" and change.after is not None
    ]
    stopped = [path for path in replaced if path.suffix == ".plist"]
    stopped += [folder / name for name in scripts if wanted and scripts_off and folder / name not in stopped]
    return (
        changes,
        [("launchctl", "unload", str(path)) for path in stopped],
        [("launchctl", "load", "-w", str(path)) for path in begun],
    )


def _back(folder: Path) -> list[Change]:
    """Property lists of the scripts, that were put aside, in their places again."""
    changes = []
    for path in sorted(folder.glob(f"{launchd.PREFIX}*{ASIDE}")):
        text, place = path.read_bytes(), path.with_name(path.name.removesuffix(ASIDE))
        changes += [Change(str(place), None, text, place), Change(str(path), text, None, path)]
    return changes


def _contents_of(folder: Path, pattern: str) -> dict[str, bytes]:
    """The files by their names, without folders: systemd has in such what was changed by hand of a unit.

    Raises ConfigError if one can't be read: it must not be written then.
    """
    found = {}
    for path in sorted(folder.glob(pattern)):
        if path.is_dir():
            continue
        try:
            found[path.name] = path.read_bytes()
        except FileNotFoundError:
            continue  # a link to nowhere
        except OSError as error:
            raise ConfigError(
                _("{path} can't be read: {reason}.").format(path=path, reason=error.strerror or error),
                _("Look at its permissions, then run it again."),
                "3.3",
            ) from error
    return found


def _changes(folder: Path, had: Mapping[str, bytes], wanted: Mapping[str, bytes]) -> list[Change]:
    return [
        Change(str(folder / name), had.get(name), wanted.get(name), folder / name)
        for name in sorted({*had, *wanted})
        if had.get(name) != wanted.get(name)
    ]


def _others(path: Path) -> Refused:
    return Refused(
        _("{path} is not of this configuration, and is left as it is.").format(path=path),
        _(
            "Choose --system cron, which has room for several; or remove it with the "
            "configuration it belongs to."
        ),
        "3.3",
    )


def _write(path: Path, text: bytes | None) -> None:
    try:
        if text is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        durable.write(path, text, durable.replace)
        path.chmod(0o644)
    except OSError as error:
        raise ConfigError(
            _("{path} could not be written: {reason}.").format(path=path, reason=error.strerror or error),
            _("Look at the permissions of its folder, then run it again."),
            "3.3",
        ) from error


def _run(command: Sequence[str], *, must: bool) -> None:
    try:
        done = run_program(command)
    except FileNotFoundError as error:
        raise ConfigError(
            _("There is no {program} on this machine.").format(program=command[0]),
            _("Choose another with --system."),
            "3.3",
        ) from error
    if must and done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip() or str(done.returncode)
        raise ConfigError(
            _("“{command}” failed.").format(command=" ".join(command)) + " " + tool_said(command[0], said),
            _("The files are written. Correct what it names, then run it again."),
            "3.3",
        )
