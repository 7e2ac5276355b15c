"""A key that was swapped does not go unnoticed: not by a backup, the doctor, a list or a restore."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mtn_tui.core.clock import local_stamp
from mtn_tui.core.models import MANIFEST
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.ui.text.backup import troubles
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database

NEW = "swapped by somebody\n"


@pytest.fixture
def small(pg18, new_database) -> Database:
    database = new_database(pg18)
    database.psql("CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 10) g")
    return database


def checks(here: Practice) -> list[dict[str, str]]:
    found = json.loads(here.here("doctor", "--json", check=None).stdout)
    return [one for one in found if one["check"] == "key-of-backups"]


def swap(here: Practice) -> str:
    """Put another key in the place of the right one; return the right one's fingerprint."""
    fingerprint = here.context.key.fingerprint
    here.key_file.write_text(NEW)
    return fingerprint


def test_a_swapped_key_is_told_by_the_backup_the_doctor_and_the_list(small, practise):
    here: Practice = practise(small)
    first = here.back_up().manifest
    assert [one["status"] for one in checks(here)] == ["ok"]
    theirs = swap(here)

    (failing,) = checks(here)
    assert failing["status"] == "fail"
    assert theirs in failing["title"]
    assert "ENCRYPTION_KEY_FILE=" in failing["hint"]

    made = here.here("backup", "full", check=1)
    assert f"Its fingerprint is {theirs}" in made.stderr
    assert "1 backup can't be read" in made.stderr
    assert "7.2" in made.stderr

    listed = here.here("list").stdout.splitlines()
    assert any("another key" in line for line in listed)
    assert "BROKEN" not in "".join(listed)
    shown = here.here("show", first.payload).stdout
    assert "another key: The backup was made with another key" in shown
    told = json.loads(here.here("list", "--json", "--filter", "is:another-key").stdout)
    assert [one["name"] for one in told] == [first.payload]

    (older,) = checks(here)
    assert (older["status"], theirs in older["title"]) == ("warn", True)
    again = here.here("backup", "full", check=0)
    assert "not the one that the last backup" not in again.stderr, "the last one has this key"


def test_verify_and_restore_of_one_lead_to_the_key_and_call_nothing_corrupted(small, practise):
    here: Practice = practise(small)
    name = here.back_up().manifest.payload
    swap(here)
    verified = here.here("verify", "--all", check=3)
    assert f"? {name}" in verified.stdout
    for text in ("another key", "ENCRYPTION_KEY_FILE", "(runbook 7.2)"):
        assert text in verified.stdout
    for wanted in ("--latest", name):
        refused = here.here("restore", wanted, "--target", "mtn_never", check=2)
        assert "another key" in refused.stderr
        assert "section 7.2" in refused.stderr
    old = here.root / "old.key"
    old.write_text("correct horse battery staple\n")
    here.mtn("verify", "--all", ENCRYPTION_KEY_FILE=str(old))


def test_of_many_copies_of_another_key_what_to_do_is_said_once(small, practise, s3):
    here: Practice = practise(small, s3)
    here.back_up()
    here.back_up()
    swap(here)
    verified = here.here("verify", "--all", check=3)
    for said in (verified.stdout, verified.stderr):
        assert said.count("made with another key") == 4, "each copy is named"
        assert said.count("(runbook 7.2)") == said.count("Put back the key") == 1
    told = [text for text, _tone in troubles(here.inventory.backups[0], here.inventory)]
    assert [("made with another key" in text, "Put back the key" in text) for text in told[:2]] == [
        (True, True),
        (True, False),
    ]


def until_next_second(here: Practice) -> None:
    began = local_stamp(here.context.clock.now())
    while local_stamp(here.context.clock.now()) == began:
        time.sleep(0.01)


def test_the_latest_passes_over_a_newer_one_of_another_key_and_says_which_key_it_needs(small, practise):
    here: Practice = practise(small)
    right = here.key_file.read_text()
    first = here.back_up().manifest.payload
    ours = swap(here)
    until_next_second(here)  # of one that can't be read only the second in its name is known
    second = here.back_up().manifest.payload
    theirs = here.context.key.fingerprint
    here.key_file.write_text(right)
    done = here.here("restore", "--latest", "--target", "mtn_never_made", "--dry-run", check=None)
    assert first in done.stdout
    assert f"{second}, of" in done.stderr
    for text in ("is skipped", theirs, ours, "ENCRYPTION_KEY_FILE", "(runbook 7.2)"):
        assert text in done.stderr


def test_a_manifest_whose_fingerprint_was_forged_is_broken_and_not_of_another_key(small, practise):
    """Else who changes a backup could have it taken for one of a lost key."""
    here: Practice = practise(small)
    manifest = here.back_up().manifest
    path = here.backups / (manifest.payload + MANIFEST)
    path.write_text(path.read_text().replace(f'"key":"{manifest.key}"', '"key":"0123456789abcdef"'))
    (found,) = here.inventory.backups
    assert found.copies[0].standing is CopyStatus.BROKEN


@pytest.mark.parametrize("right", [True, False])
def test_where_only_files_of_the_scripts_are_their_first_bytes_are_decrypted(small, practise, right):
    here: Practice = practise(small)
    here.legacy_backup()
    if not right:
        swap(here)
    made = here.here("backup", "full", check=0 if right else 1)
    assert ("not the one that the last backup was made with" in made.stderr) is not right


def test_a_damaged_file_of_the_scripts_is_not_taken_for_a_swapped_key(small, practise):
    here: Practice = practise(small)
    here.legacy_backup()
    newer = here.legacy_backup("20251103_203400")
    newer.write_bytes(newer.read_bytes()[:16] + bytes(64))
    here.here("backup", "full", check=0)


def test_what_others_keep_in_a_shared_bucket_raises_no_doubt_but_ours_does(pg18, new_database, practise, s3):
    here: Practice = practise(new_database(pg18), s3)
    here.back_up()
    for path in here.backups.iterdir():
        path.unlink()
    swap(here)
    other = new_database(pg18)
    here.configure(DB_NAME=other.name)
    assert [one["status"] for one in checks(here)] == ["ok"]
    done = here.here("backup", "full", check=1)  # for the folder that had backups is empty
    assert "not the one that the last backup was made with" not in done.stderr
    here.configure(DB_NAME=here.source.name)
    for path in here.backups.iterdir():
        path.unlink()
    made = here.here("backup", "full", check=1)
    assert "not the one that the last backup was made with" in made.stderr


def typed(here: Practice, answer: str) -> tuple[int, str]:
    """Run ``mtn backup full`` on a terminal; type ``answer`` once it asks."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "mtn_tui", "backup", "full"],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=here.environment | {"TERM": "xterm"},
        start_new_session=True,
    )
    os.close(follower)
    said, asked, until = b"", False, time.monotonic() + 120
    while time.monotonic() < until:
        if select.select([leader], [], [], 0.1)[0]:
            try:
                said += os.read(leader, 4096)
            except OSError:
                break
        if not asked and b"[y/N]" in said:
            os.write(leader, answer.encode() + b"\n")
            asked = True
    os.close(leader)
    return process.wait(60), said.decode()


@pytest.mark.sample("y")
@pytest.mark.parametrize("answer", ["n", "y"])
def test_on_a_terminal_it_is_asked_before_anything_is_made(small, practise, answer):
    here: Practice = practise(small)
    here.back_up()
    swap(here)
    code, said = typed(here, answer)
    assert "Make a backup with this key all the same?" in " ".join(said.split())
    made = [path for path in Path(here.backups).glob("*.gpg")]
    assert (code, len(made)) == ((64, 1) if answer == "n" else (0, 2)), said
