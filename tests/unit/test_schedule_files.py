"""The files that start the runs: those of ``config/`` are the generators', and each system can read them."""

from __future__ import annotations

import itertools
import plistlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from mtn_tui.cli.app import _COMMANDS, mtn
from mtn_tui.core.settings import Settings
from mtn_tui.operations.schedule import cron, launchd, systemd
from mtn_tui.operations.schedule.command import EXAMPLE, Command
from mtn_tui.operations.schedule.description import Run, runs
from mtn_tui.operations.schedule.systemd import Manager
from mtn_tui.operations.schedule.times import When, every

CONFIG = Path(__file__).parents[2] / "config"
RUNS = runs(Settings(db_name="Admisión_MTN_DB", db_user="admin"))
ODD = Command(
    ("/srv/Año 2026/100%/$HOME/it's/mtn",), Path('/srv/a "b"; #c/backup.conf'), "/opt/pg 18/bin:/bin", "es"
)

RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def read_crontab(text: str) -> list[tuple[list[set[int]], str]]:
    """The entries as crontab(5) has them: the values of five fields, and what the shell is given.

    Stricter than cron: a name of a month, a range or a blank line of blanks is refused too.
    """
    assert text.endswith("\n")
    entries = []
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        *fields, command = line.split(maxsplit=5)
        assert len(fields) == 5, line
        values = []
        for field, (low, high) in zip(fields, RANGES, strict=True):
            found = re.fullmatch(r"\*(?:/(\d+))?|(\d+(?:,\d+)*)", field)
            assert found, field
            step, listed = found.groups()
            chosen = set(map(int, listed.split(","))) if listed else set(range(low, high + 1, int(step or 1)))
            assert low <= min(chosen) <= max(chosen) <= high, field
            values.append(chosen)
        parts = re.split(r"(?<!\\)%", command)
        assert len(parts) == 1, "an unescaped percent sign ends the command"
        entries.append((values, command.replace("\\%", "%")))
    return entries


def started(when: When) -> set[tuple[int, int]]:
    """The hours and minutes at which it is started."""
    hours = {*when.hours, *when.again} or set(range(24))
    return set(itertools.product(hours, when.minutes))


def test_the_crontab_of_config_is_that_of_the_description():
    assert (CONFIG / "crontab.txt").read_text() == cron.block(RUNS, EXAMPLE)


def test_the_units_of_config_are_those_of_the_description():
    made = systemd.units(RUNS, EXAMPLE)
    assert {path.name: path.read_text() for path in (CONFIG / "systemd").iterdir()} == made


def test_the_property_lists_of_config_are_those_of_the_description():
    made = launchd.plists(RUNS, EXAMPLE)
    assert {path.name: path.read_bytes() for path in (CONFIG / "launchd").iterdir()} == made


@pytest.mark.parametrize("command", [EXAMPLE, ODD])
def test_cron_reads_each_run_at_its_times_and_the_shell_its_words(command):
    entries = read_crontab(cron.block(RUNS, command))
    for run, ((minutes, hours, days, months, weekdays), line) in zip(RUNS, entries, strict=True):
        assert set(itertools.product(hours, minutes)) == started(run.when)
        assert (len(days), len(months)) == (31, 12)
        assert weekdays == ({(run.when.weekday + 1) % 7} if run.when.weekday is not None else set(range(8)))
        said = subprocess.run(
            ["sh", "-c", line.replace("env ", "printf '%s\\n' ", 1).removesuffix(" >/dev/null")],
            capture_output=True,
            text=True,
            check=True,
        )
        assert said.stdout.splitlines() == [f"PATH={command.path}", *command.line(run)]


@pytest.mark.parametrize("minutes", [1, 2, 5, 15, 20, 30, 60, 90, 120, 240, 720, 1440])
def test_cron_reads_any_interval_of_differentials(minutes):
    run = Run("differential", ("backup", "diff"), every(minutes), "backup-diff", "/tmp/log")
    ((fields, _line),) = read_crontab(cron.entry(run, EXAMPLE) + "\n")
    assert set(itertools.product(fields[1], fields[0])) == started(run.when)


def test_launchd_reads_each_run_at_its_times_with_its_words_and_its_old_log():
    for command in (EXAMPLE, ODD):
        for run in RUNS:
            read = plistlib.loads(launchd.plists([run], command)[f"com.mtn.backup.{run.id}.plist"])
            assert read["ProgramArguments"] == list(command.line(run))
            times = set()
            for one in read["StartCalendarInterval"]:
                hours = [one["Hour"]] if "Hour" in one else range(24)
                times |= {(hour, one["Minute"]) for hour in hours}
            assert times == started(run.when)
    logs = {path.stem: plistlib.loads(path.read_bytes()) for path in (CONFIG / "launchd").iterdir()}
    assert logs["com.mtn.backup.full"]["StandardErrorPath"] == "/tmp/mtn-full-backup.log"
    assert logs["com.mtn.backup.differential"]["StandardOutPath"] == "/tmp/mtn-diff-backup.log"
    assert logs["com.mtn.backup.monitor"]["StandardOutPath"] == "/tmp/mtn-monitor.log"


@pytest.mark.skipif(shutil.which("plutil") is None, reason="only a Mac has plutil")
def test_a_mac_reads_them():
    subprocess.run(["plutil", "-lint", *(CONFIG / "launchd").iterdir()], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd to ask")
@pytest.mark.parametrize("system", [True, False])
def test_systemd_verifies_the_units(tmp_path, tmp_path_factory, system):
    program = tmp_path / "the 100% mtn"  # systemd takes no quotes in a program's name
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    command = Command((str(program),), ODD.configuration, ODD.path, "es")
    manager = Manager(system, "daemon", ("/srv/Año %i/a b", "/var/lib/mtn"))
    made = systemd.units(RUNS, command, manager)
    for name, text in made.items():
        (tmp_path / name).write_text(text)
    runtime = tmp_path_factory.getbasetemp().parent  # a short path: others have sockets there
    done = subprocess.run(
        ["systemd-analyze", *([] if system else ["--user"]), "verify", *(tmp_path / name for name in made)],
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(runtime)},
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ("ProtectSystem=full" in made["mtn-backup-full.service"]) is system


def test_a_unit_that_breaks_tells_people_and_one_that_finds_another_or_warns_does_not():
    service = (CONFIG / "systemd/mtn-backup-full.service").read_text().splitlines()
    assert "SuccessExitStatus=1 75" in service
    assert "OnFailure=mtn-backup-alert@%N.service" in service
    assert "Persistent=true" in (CONFIG / "systemd/mtn-backup-full.timer").read_text().splitlines()
    monitor = (CONFIG / "systemd/mtn-backup-monitor.service").read_text().splitlines()
    assert "SuccessExitStatus=1 2 3 75" in monitor


@pytest.mark.parametrize(
    ("code", "status", "tells"),
    [
        ("exited", "2", False),
        ("exited", "3", False),
        ("exited", "130", False),
        ("exited", "64", True),
        ("exited", "203", True),
        ("killed", "KILL", True),
        ("dumped", "SEGV", True),
        ("", "", True),
    ],
)
def test_systemd_tells_only_of_what_could_not_tell_itself(code, status, tells):
    alert = (CONFIG / "systemd/mtn-backup-alert@.service").read_text()
    (condition,) = re.findall("^ExecCondition=(.*)$", alert, re.MULTILINE)
    words = shlex.split(condition.replace("$$", "$"))
    environment = {"MONITOR_EXIT_CODE": code, "MONITOR_EXIT_STATUS": status} if code else {}
    done = subprocess.run(words, env=environment, check=False)
    assert (done.returncode == 0) is tells


def test_the_words_of_each_run_are_those_of_a_command():
    for run in RUNS:
        command, arguments = mtn, list(run.arguments)
        if arguments[0] not in _COMMANDS:
            continue
        with command.make_context("mtn", ["--scheduled", *arguments], resilient_parsing=True) as context:
            while isinstance(command, type(mtn)) or hasattr(command, "commands"):
                name = arguments.pop(0)
                command = command.get_command(context, name)
                assert command is not None, run.arguments
            command.make_context(name, arguments, parent=context).close()
