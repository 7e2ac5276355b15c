"""No folder takes a byte, as where one disk has them all and is full: what need not write goes on."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from tests.operation_fixtures import Practice
from tests.plugin_output import plugin


@pytest.fixture
def practice(pg18, new_database, practise) -> Practice:
    made: Practice = practise(new_database(pg18, script="CREATE TABLE t (id int)"), MINIO_ENDPOINT="")
    made.ready_made()
    return made


def without_room(practice: Practice, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line where each write to a file fails, in whatever folder."""
    command = shlex.join([sys.executable, "-m", "mtn_tui", *arguments])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 0; exec {command}"],
        env=practice.environment | {"TMPDIR": str(practice.root)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def test_the_monitor_says_so(practice: Practice) -> None:
    told = plugin(without_room(practice, "monitor", "--quick").stdout)
    assert told.status == 2
    assert "Folders: " in told.text


def test_a_backup_names_what_is_amiss(practice: Practice) -> None:
    done = without_room(practice, "backup", "full")
    assert done.returncode == 2
    assert "could not be used: File too large" in done.stderr


def test_a_restore_goes_on(practice: Practice) -> None:
    target = f"{practice.source.name}__restored"
    practice.made.append(target)
    assert without_room(practice, "restore", "--latest", "--target", target).returncode == 1
    assert target in practice.databases()
