"""The scripts' files are backups like others: named, shown, read through, pinned, restored and counted."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from mtn_tui.core.models import PROOF, Rung
from mtn_tui.operations.inventory.fallback import newer_broken
from mtn_tui.operations.inventory.model import CopyStatus
from tests.integration.test_old_dumps import script
from tests.operation_fixtures import Practice
from tests.pg_fixtures import Database, NewDatabase


@pytest.fixture
def practice(pg18, new_database: NewDatabase, practise: Callable[..., Practice]) -> Practice:
    source = new_database(pg18)
    source.psql(
        'CREATE SCHEMA "Año"; CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 300) g;'
        'CREATE TABLE "Año"."it\'s ""x""" AS SELECT g AS id FROM generate_series(1, 7) g;'
        "CREATE TABLE none ();"
        "CREATE TABLE p (a int) PARTITION BY LIST (a); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
        "INSERT INTO p VALUES (1), (1)"
    )
    return practise(source)


@pytest.fixture
def target(practice: Practice) -> str:
    name = f"mtn_legacy_{os.getpid()}"
    practice.made.append(name)
    return name


def listed(practice: Practice) -> dict[str, object]:
    (facts,) = json.loads(practice.here("list", "--json").stdout)
    return facts


def restored(practice: Practice, target: str, *named: str, check: int = 0) -> dict[str, object]:
    done = practice.here("restore", *named, "--legacy", "--target", target, "--json", check=check)
    return json.loads(done.stdout) if done.stdout else {"said": done.stderr}


def test_its_short_id_stands_in_the_list_and_every_command_takes_it(practice, target):
    path = practice.legacy_backup()
    said = practice.here("list").stdout
    word = str(listed(practice)["id"])
    assert len(word) == 8
    assert said.splitlines()[1].startswith(f"{word}  full")
    assert path.name in practice.here("show", word).stdout
    assert f"ID      {word}" in practice.here("show", path.name).stdout
    assert path.name in practice.here("verify", word).stdout
    practice.here("pin", word)
    assert listed(practice)["pinned"]
    assert restored(practice, target, word)["name"] == path.name
    assert listed(practice)["rung"] == "restored"


def test_every_command_that_takes_a_backup_takes_a_file(practice):
    for command in (("show",), ("verify",), ("pin",), ("drill",), ("restore", "--target", "x")):
        assert "-f, --file FILE" in practice.here(command[0], "--help").stdout
        missing = practice.here(*command, "--file", "/nowhere/x.sql.gz", check=64).stderr
        assert "no file /nowhere/x.sql.gz" in missing or "no backup 'x.sql.gz'" in missing
        assert "BACKUP_DIR" not in missing


def test_a_file_that_lies_elsewhere_is_shown_read_through_and_restored_by_its_path(
    practice, target, tmp_path
):
    path = tmp_path / "de Jorge.gpg"
    practice.legacy_backup().rename(path)
    assert "de Jorge.gpg" in practice.here("show", "--file", str(path)).stdout
    assert "✔" in practice.here("verify", "--file", str(path)).stdout
    assert "read back whole" in practice.here("show", "--file", str(path)).stdout
    assert restored(practice, target, "--file", str(path))["rows"] == 309
    practice.key_file.unlink()
    assert "de Jorge.gpg" in practice.here("show", "--file", str(path), check=1).stdout


def test_a_pin_by_path_is_of_the_backup_in_the_stores(practice):
    path = practice.legacy_backup()
    practice.here("pin", "--file", str(path))
    assert listed(practice)["pinned"]
    practice.here("pin", "--off", "--file", path.name)
    assert not listed(practice)["pinned"]


@pytest.mark.parametrize("size", [0, 5, 16, -1])
def test_a_file_that_is_empty_or_was_cut_off_is_broken_before_anybody_reads_it(practice, target, size):
    path = practice.legacy_backup()
    os.truncate(path, size if size >= 0 else path.stat().st_size + size)
    assert [copy.standing for copy in practice.inventory.backups[0].copies] == [CopyStatus.BROKEN]
    row = practice.here("list").stdout.splitlines()[1]
    assert row.endswith("BROKEN  ·       broken"), row
    told = practice.here("verify", "--all", check=2).stdout
    for said in (row, told, practice.here("show", path.name).stdout):
        assert not any(word in said for word in ("decrypts", "legacy", "complete"))
    assert "broken" in practice.here("show", path.name).stdout
    refused = restored(practice, target, path.name, check=2)["said"]
    assert "is empty" in refused or "was cut off" in refused
    assert target not in practice.databases()


def test_a_copy_that_was_cut_off_leaves_the_other_one_to_be_restored(practice, target, s3):
    values = {"MINIO_ENDPOINT": f"http://{s3.endpoint}", "MINIO_BUCKET": s3.name}
    practice.configure(**values, MINIO_ACCESS_KEY=s3.access_key, MINIO_SECRET_KEY=s3.secret_key)
    path = practice.legacy_backup()
    bucket = practice.context.stores.bucket
    with closing(bucket), path.open("rb") as file:
        bucket.put(f"full/{path.name}", file, path.stat().st_size)
    os.truncate(path, 100)
    (backup,) = practice.inventory.backups
    assert backup.legacy
    assert [copy.store.name for copy in backup.sound] == ["bucket"]
    assert restored(practice, target, path.name, check=1)["store"] == "bucket"


def test_a_differential_of_the_scripts_that_was_cut_off_is_no_point_that_is_missed(practice):
    """Each was a dump of its own: a full before it loses nothing for it."""
    full = practice.legacy_backup("20251003_203400")
    cut = practice.backups / full.name.replace("_full_", "_diff_").replace("20251003_20", "20251003_21")
    cut.write_bytes(full.read_bytes()[:100])
    newest = practice.inventory.find(full.name)
    assert newer_broken(practice.inventory, newest, kind=None) is None


def test_what_was_proven_of_a_file_ends_once_it_is_cut_off_and_its_pin_stays(practice, target):
    path = practice.legacy_backup()
    practice.here("verify", "--all")
    practice.here("pin", path.name)
    assert practice.inventory.backups[0].rung is Rung.COMPLETE
    os.truncate(path, path.stat().st_size // 32 * 16)  # what the size alone does not tell
    cut = practice.inventory.backups[0]
    assert (cut.rung, cut.legacy) == (Rung.PRESENT, True)
    assert cut.pinned
    assert "decrypts" not in practice.here("list").stdout
    practice.here("verify", "--all", check=2)
    for said in (practice.here("list").stdout, practice.here("show", path.name).stdout):
        assert "broken" in said
        assert "decrypts" not in said
    assert not practice.inventory.backups[0].sound


def test_a_restore_that_finds_it_cut_off_leaves_that_beside_it(practice, target):
    path = practice.legacy_backup()
    os.truncate(path, path.stat().st_size // 32 * 16)
    assert practice.inventory.backups[0].sound
    assert "cut off" in str(restored(practice, target, path.name, check=2)["said"])
    assert not practice.inventory.backups[0].sound


@pytest.mark.parametrize("how", [(), ("--as-operator",)])
def test_its_rows_are_counted_against_its_own_copy_blocks(practice, target, how):
    name = practice.legacy_backup().name
    facts = restored(practice, target, name, *how, check=len(how))  # as the operator: a warning
    assert (facts["rows"], facts["tables"], facts["inserted"]) == (309, 4, [])
    assert {"load", "verify"} <= facts["seconds"].keys()
    assert Database(practice.source.server, target).dump() == practice.source.dump()
    more = ("--legacy", "--drop", "--target", target, "--skip-verify")
    done = practice.here("restore", name, *more, *how, check=len(how))
    assert "rows not counted" in done.stdout


def test_rows_that_come_through_the_root_of_their_partitions_are_counted(practice, target, tmp_path):
    path = tmp_path / "x.sql.gz"
    path.write_bytes(gzip.compress(practice.source.run("pg_dump", "--load-via-partition-root")))
    assert restored(practice, target, "--file", str(path))["rows"] == 309


def test_rows_that_come_as_inserts_are_not_counted_and_that_is_said(practice, target, tmp_path):
    path = tmp_path / "x.sql"
    path.write_bytes(practice.source.run("pg_dump", "--inserts", "--no-owner", "--no-acl"))
    facts = restored(practice, target, "--file", str(path))
    assert (facts["rows"], facts["inserted"]) == (None, ['"Año"."it\'s ""x"""', "public.p1", "public.t"])
    practice.mtn("restore", "--file", str(path), "--legacy", "--drop", "--target", target)
    said = practice.here("restore", "--file", str(path), "--legacy", "--drop", "--target", target).stdout
    assert "rows not counted" in said
    assert 'by INSERT, not by COPY: "Año"."it\'s ""x""", public.p1, public.t' in said


@pytest.mark.parametrize("version", ["9.0", "9.6", "10, qualified"])
def test_rows_of_a_dump_of_each_age_are_counted(practice, target, tmp_path, version):
    """Of some the tables are named by their search_path, in another encoding."""
    path = tmp_path / "viejo.sql"
    path.write_bytes(script(version, practice.source.server.user))
    facts = restored(practice, target, "--file", str(path), check=1 if version in ("9.0", "9.6") else 0)
    assert (facts["rows"], facts["tables"], facts["inserted"]) == (2, 1, ["public.child"])


@pytest.mark.parametrize("how", [(), ("--as-operator",)])
def test_rows_that_the_server_did_not_keep_are_missed_and_nothing_gets_the_name(
    practice, target, tmp_path, how
):
    dump = practice.source.run("pg_dump")
    trigger = (
        b"CREATE FUNCTION public.lose() RETURNS trigger LANGUAGE plpgsql AS"
        b" $$ BEGIN IF NEW.id = 7 THEN RETURN NULL; END IF; RETURN NEW; END $$;\n"
        b"CREATE TRIGGER lose BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.lose();\n\n"
    )
    path = tmp_path / "x.sql"
    path.write_bytes(dump.replace(b"COPY public.t (", trigger + b"COPY public.t ("))
    said = str(restored(practice, target, "--file", str(path), *how, check=2)["said"])
    assert "public.t: 299 instead of 300 rows" in said
    assert target not in practice.databases()


def test_counting_runs_nothing_of_the_script_as_the_operator(practice, target, tmp_path):
    """The planner runs an immutable function in an index's predicate, as whoever counts."""
    source = practice.source
    script = (
        b"--\n-- PostgreSQL database dump\n--\n\nCREATE TABLE public.seen (who text);\n"
        b"CREATE TABLE public.bait (a integer);\n"
        b"CREATE FUNCTION public.f(a integer) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS\n"
        b"$$ BEGIN PERFORM pg_catalog.set_config('mtn.who', session_user::text, false);"
        b" RAISE WARNING 'as %', session_user; RETURN true; END $$;\n"
        b"COPY public.bait (a) FROM stdin;\n1\n2\n\\.\n\n\n"
        b"CREATE INDEX bait_a ON public.bait USING btree (a) WHERE public.f(1);\n\n"
        b"--\n-- PostgreSQL database dump complete\n--\n"
    )
    path = tmp_path / "x.sql"
    path.write_bytes(script)
    log = Path(source.server.log)
    begins = log.stat().st_size
    assert restored(practice, target, "--file", str(path))["rows"] == 2
    with log.open("rb") as stream:
        stream.seek(begins)
        who = {line.partition(b"as ")[2] for line in stream.read().splitlines() if b"WARNING:  as " in line}
    assert who, "the counting plans over the index"
    assert all(one.startswith(b"mtn_load_") for one in who), who


def test_nothing_but_the_proof_is_written_beside_it(practice):
    path = practice.legacy_backup()
    practice.here("verify", path.name)
    assert {one.name for one in practice.backups.iterdir()} == {path.name, path.name + PROOF}
    proof = json.loads((practice.backups / (path.name + PROOF)).read_text())
    assert proof["sha256"] == f"size:{path.stat().st_size}"
