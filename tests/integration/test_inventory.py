"""mtn list and mtn show: what there is in both stores, whatever state it is in."""

from __future__ import annotations

import gzip
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from mtn_tui.archive.manifest import FORMAT
from mtn_tui.core.errors import ArchiveError, NotABackup, UsageError
from mtn_tui.core.models import MANIFEST, Kind, Rung
from mtn_tui.demo.ports import free_port
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.inventory.select import backup_at
from tests.operation_fixtures import Practice


@pytest.fixture
def small(pg18, new_database):
    return new_database(pg18, script="CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 50) g")


def lines_of(done):
    return done.stdout.splitlines()


def test_an_empty_installation_says_what_to_do(small, practise):
    done = practise(small).here("list")
    assert done.stdout == ""
    assert "mtn backup full" in done.stderr


def test_one_line_a_backup_the_newest_first(small, practise, s3):
    practice: Practice = practise(small, s3)
    ids = [practice.ready_made().id for _ in range(2)]
    legacy = practice.legacy_backup().name
    head, *rows = lines_of(practice.here("list"))
    assert re.split(r"  +", head) == ["ID", "Kind", "Moment", "Age", "Size", "Disk", "Bucket", "Proven to"]
    word = practice.inventory.find(legacy).short
    assert [row.split()[0] for row in rows] == [ids[1], ids[0], word]
    assert rows[0].split()[-3:] == ["✔", "✔", "complete"]
    assert rows[2].split()[-4:] == ["✔", "·", "legacy,", "present"]
    facts = json.loads(practice.here("list", "--json").stdout)
    assert [one["id"] for one in facts] == [ids[1], ids[0], word]
    assert facts[2]["name"] == legacy
    assert (facts[0]["rung"], facts[0]["kind"], facts[0]["suspect"]) == ("complete", "full", "")
    assert [copy["store"] for copy in facts[0]["copies"]] == ["disk", "bucket"]
    assert [copy["standing"] for copy in facts[0]["copies"]] == ["whole", "whole"]
    assert list(facts[0]["copies"][0]["rungs"])[-1] == "complete"
    assert datetime.fromisoformat(facts[0]["moment"]).utcoffset() is not None
    assert json.loads(practice.here("list", "--kind", "diff", "--json").stdout) == []


def test_backups_of_one_minute_are_listed_with_their_seconds(small, practise):
    practice: Practice = practise(small)
    for stamp in ("20251003_203400", "20251003_203411", "20251003_203500"):
        practice.legacy_backup(stamp)
    moments = [re.split(r"  +", row)[2] for row in lines_of(practice.here("list"))[1:]]
    assert moments[1:] == ["2025-10-03 20:34:11", "2025-10-03 20:34:00"]
    assert moments[0].startswith("2025-10-03 20:35 "), "alone in its minute: with its offset, as ever"


def test_a_filter_leaves_out_what_does_not_fit(small, practise):
    practice: Practice = practise(small)
    made = practice.ready_made()
    practice.legacy_backup()
    facts = json.loads(practice.here("list", "--json", "--filter", "kind:full age:<1d !is:legacy").stdout)
    assert [one["id"] for one in facts] == [made.id]
    facts = json.loads(practice.here("list", "--json", "--filter", small.name.upper()).stdout)
    assert [one["id"] for one in facts] == [made.id]
    done = practice.here("list", "--filter", "where:bucket")
    assert (done.stdout, "No backups match (of 2)" in done.stderr) == ("", True)
    done = practice.here("list", "--filter", "kind:ful", check=64)
    assert "'kind:ful'" in done.stderr
    assert "kind:full, kind:diff" in done.stderr


def test_show_tells_all_that_is_known_of_one(small, practise):
    practice: Practice = practise(small)
    manifest = practice.ready_made()
    said = practice.here("show", manifest.id).stdout
    for part in (manifest.payload, small.name, manifest.lsn, "public.t", "read back whole", "pg_dump 18"):
        assert part in said
    facts = json.loads(practice.here("show", manifest.payload, "--json").stdout)
    assert facts["rows"] == {"public.t": 50}
    assert facts["sha256"] == manifest.sha256
    assert facts["database"] == small.name
    assert int(facts["system_identifier"]) == manifest.server.system_identifier
    done = practice.here("show", "aaaaaaaa", check=64)
    assert "There is no backup 'aaaaaaaa'" in done.stderr
    legacy = practice.legacy_backup().name
    assert "legacy" in practice.here("show", legacy).stdout


def test_a_bucket_that_does_not_answer_is_said_and_the_disk_is_listed(small, practise, s3):
    practice: Practice = practise(small, s3)
    made = practice.ready_made()
    practice.configure(MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    done = practice.here("list", "--json", check=1)
    (facts,) = json.loads(done.stdout)
    assert facts["id"] == made.id
    assert "The bucket is not in this list" in done.stderr
    missing = practice.here("show", "aaaaaaaa", check=64)
    assert "bucket" in missing.stderr


def test_without_the_key_the_list_is_shown_and_nothing_in_it_believed(small, practise):
    practice: Practice = practise(small)
    practice.ready_made()
    practice.key_file.unlink()
    done = practice.here("list", "--json", check=1)
    (facts,) = json.loads(done.stdout)
    assert facts["copies"][0]["standing"] == "unchecked"
    assert facts["rung"] == "present"
    assert "encryption key is not there" in done.stderr
    assert not practice.key_file.exists()


def test_files_that_are_no_backups_are_passed_over(small, practise):
    practice: Practice = practise(small)
    made = practice.ready_made()
    for name in (
        "notes.txt",
        "admision_mtn_full_x_20251003_203400.sql.gz.gpg.part",
        "admision_mtn_full_x_00010101_000000.sql.gz.gpg",
        "admision_mtn_full_x_99991231_235959.sql.gz.gpg",
        "admision_mtn_full_x_20251303_203400.sql.gz.gpg",
        "\x1b[2J_full_x_20251003_203400.sql.gz.gpg",
    ):
        (practice.backups / name).write_bytes(b"x")
    os.mkfifo(practice.backups / "admision_mtn_full_pipe_20251003_203400.sql.gz.gpg")
    (practice.backups / "admision_mtn_full_link_20251003_203400.sql.gz.gpg").symlink_to("/etc/passwd")
    (practice.backups / "admision_mtn_full_loop_20251003_203400.sql.gz.gpg").symlink_to(
        "admision_mtn_full_loop_20251003_203400.sql.gz.gpg"
    )
    (practice.backups / "admision_mtn_full_folder_20251003_203400.sql.gz.gpg").mkdir()
    done = practice.here("list", "--json")
    assert [one["id"] for one in json.loads(done.stdout)] == [made.id]


def test_names_that_a_terminal_would_obey_are_shown_and_not_obeyed(small, practise):
    practice: Practice = practise(small)
    (practice.backups / "[bold]é\u202e{x}_full_x_20251003_203400.sql.gz.gpg").write_bytes(b"x")
    done = practice.here("show", "[bold]é\u202e{x}_full_x_20251003_203400.sql.gz.gpg")
    assert "[bold]é\\u202e{x}_full_x" in done.stdout
    assert "\u202e" not in done.stdout + done.stderr


def test_an_empty_file_or_rubbish_is_listed_and_proves_nothing(small, practise):
    practice: Practice = practise(small)
    empty = "admision_mtn_full_x_20251003_203400.sql.gz.gpg"
    (practice.backups / empty).write_bytes(b"")
    rubbish = "admision_mtn_full_x_20251003_203401.sql.gz.gpg"
    (practice.backups / rubbish).write_bytes(b"rubbish" * 100)
    for name in (rubbish,):
        (practice.backups / (name + ".proof.json")).write_bytes(b'{"sha256": [1], "rungs": 7}')
    for backup in practice.inventory.backups:
        standing = CopyStatus.BROKEN if str(backup.name) == empty else CopyStatus.LEGACY
        assert [copy.standing for copy in backup.copies] == [standing]
        assert backup.rung is Rung.PRESENT
    assert practice.here("verify", "--all", check=2).stdout.count("✖") == 2


def test_a_manifest_that_is_none_breaks_that_backup_alone(small, practise):
    practice: Practice = practise(small)
    good = practice.ready_made()
    bad = practice.backups / "admision_mtn_full_x_20251003_203400.sql.gz.gpg"
    bad.write_bytes(b"x")
    for data in (b"", b"{}", b"[]\n", b"\xff\xfe", b"null\n", b'{"mac": 1}\n', b"[" * 100_000):
        bad.with_name(bad.name + MANIFEST).write_bytes(data)
        inventory = practice.inventory
        assert [one.copies[0].standing for one in inventory.backups] == [CopyStatus.WHOLE, CopyStatus.BROKEN]
        assert inventory.latest().id == good.id


def test_the_manifest_of_a_newer_version_is_told_as_such(small, practise):
    practice: Practice = practise(small)
    name = practice.ready_made().payload
    path = practice.backups / (name + MANIFEST)
    body = json.loads(path.read_bytes())
    del body["mac"]
    body |= {"format": FORMAT + 1, "something": "new"}

    def canonical(value):
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    mac = hmac.digest(practice.context.key.mac, canonical(body), "sha256").hex()
    path.write_bytes(canonical({**body, "mac": mac}) + b"\n")
    (copy,) = practice.inventory.backups[0].copies
    assert copy.standing is CopyStatus.BROKEN
    assert "newer version" in copy.trouble.title
    assert "newer version" in practice.here("show", name).stdout
    done = practice.here("restore", name, "--target", "mtn_never", check=2)
    assert "newer version" in done.stderr
    assert "mtn_never" not in practice.databases()


def test_the_lower_of_two_copies_is_what_is_proven_and_the_better_is_used(small, practise, s3):
    practice: Practice = practise(small, s3)
    name = practice.ready_made().payload
    (practice.backups / f"{name}.proof.json").unlink()
    backup = practice.inventory.latest()
    assert backup.rung is Rung.PRESENT
    assert [copy.store.name for copy in backup.usable] == ["bucket", "disk"]
    (practice.backups / name).write_bytes(b"cut off")
    backup = practice.inventory.latest()
    assert [copy.standing for copy in backup.copies] == [CopyStatus.BROKEN, CopyStatus.WHOLE]
    assert [copy.store.name for copy in backup.usable] == ["bucket"]
    assert practice.restore(backup=backup).dump() == small.dump()


def test_the_newest_proven_one_is_the_latest(small, practise):
    practice: Practice = practise(small)
    proven = practice.ready_made()
    newer = practice.ready_made()
    (practice.backups / f"{newer.payload}.proof.json").unlink()
    assert practice.inventory.latest().id == proven.id
    (practice.backups / f"{proven.payload}.proof.json").unlink()
    assert practice.inventory.latest().id == newer.id
    for path in practice.backups.glob("*.manifest.json"):
        path.unlink()
    with pytest.raises(UsageError):
        practice.inventory.latest()
    with pytest.raises(UsageError):
        practice.inventory.latest(Kind.DIFF)


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    empty = tmp_path / "dump.sql"
    empty.touch()
    with pytest.raises(NotABackup, match="is empty"):
        backup_at(empty, None)


def test_of_two_databases_that_share_a_store_the_latest_is_ours(small, practise, new_database):
    practice: Practice = practise(small)
    ours = practice.ready_made()
    other = new_database(small.server)
    assert "Database" not in practice.here("list").stdout
    practice.configure(DB_NAME=other.name, BACKUP_PREFIX="other")
    theirs = practice.back_up()
    legacy = practice.legacy_backup().name
    head, *rows = lines_of(practice.here("list"))
    assert re.split(r"  +", head)[-2:] == ["Database", "Proven to"]
    assert [re.split(r"  +", row)[-2] for row in rows] == [other.name, small.name, "—"]
    listed = json.loads(practice.here("list", "--json").stdout)
    assert [one["database"] for one in listed] == [other.name, small.name, ""]
    (practice.backups / legacy).unlink()
    assert theirs.suspect == ""
    with pytest.raises(UsageError, match="no backup of mtn_missing yet") as missing:
        practice.inventory.latest(database="mtn_missing")
    said = missing.value.title
    assert ("2 of other databases" in said, small.name in said, other.name in said) == (True, True, True)
    assert "DB_NAME, from the environment or the configuration, is mtn_missing" in missing.value.hint
    practice.configure(DB_NAME=small.name, BACKUP_PREFIX="admision_mtn")
    practice.made.append("mtn_ours")
    done = practice.here("restore", "--latest", "--target", "mtn_ours", "--json")
    assert json.loads(done.stdout)["backup"] == ours.id
    assert {one.id for one in practice.inventory.backups} == {ours.id, theirs.manifest.id}


def test_a_clear_backup_of_the_scripts_is_listed_without_the_key(small, practise):
    practice: Practice = practise(small)
    path = practice.backups / "admision_mtn_full_20251003_203400.sql.gz"
    path.write_bytes(gzip.compress(small.run("pg_dump")))
    (backup,) = take_inventory([practice.context.stores.disk], None).backups
    assert backup.name.clear
    assert backup.moment == datetime(2025, 10, 3, 20, 34).astimezone(UTC)
    assert practice.restore(backup=backup, legacy=True).dump() == small.dump()


def test_a_disk_that_is_gone_is_said(small, practise):
    practice: Practice = practise(small)
    shutil.rmtree(practice.backups)
    done = practice.here("list", check=1)
    assert "The disk is not in this list" in done.stderr
    assert "BACKUP_DIR" in done.stderr
    assert isinstance(
        take_inventory(practice.context.stores, practice.context.key).unreachable["disk"], Exception
    )


def test_a_changed_manifest_is_never_restored(small, practise):
    practice: Practice = practise(small)
    name = practice.ready_made().payload
    path = practice.backups / (name + MANIFEST)
    path.write_bytes(path.read_bytes().replace(b'"rows":50', b'"rows":51'))
    with pytest.raises(ArchiveError) as refused:
        practice.restore("mtn_never", practice.inventory.backups[0])
    assert "changed after it was written" in refused.value.title


HANGS = """
import sys, threading
from mtn_tui.archive.keys import Key
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.storage.base import Entry

hangs_at = sys.argv[1]
asked = threading.Event()

class Hangs:
    name = identity = place = "bucket"

    def list(self, prefix=""):
        if hangs_at == "list":
            asked.set()
            threading.Event().wait()
        name = "full/admision_full_20261003_020000.sql.gz.gpg"
        return iter([Entry(name + end, 1, None) for end in ("", ".manifest.json", ".proof.json")])

    def open(self, key, *rest):
        asked.set()
        threading.Event().wait()

threading.Thread(target=take_inventory, args=([Hangs()], Key(b"key")), daemon=True).start()
asked.wait()
"""


@pytest.mark.parametrize("at", ["list", "open"])
def test_a_program_that_ends_does_not_wait_for_a_store_that_hangs(at):
    subprocess.run([sys.executable, "-c", HANGS, at], timeout=60, check=True)
