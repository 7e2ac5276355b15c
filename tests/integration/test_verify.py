"""mtn verify: each copy climbs the ladder, and what does not hold falls; the exit code tells which."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mtn_tui.archive import proof as proofs
from mtn_tui.archive.proof import Mark
from mtn_tui.core.models import PROOF, Rung
from mtn_tui.demo.ports import free_port
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.verify.verify import verify
from tests.operation_fixtures import Practice


@pytest.fixture
def small(pg18, new_database):
    return new_database(
        pg18, script="CREATE TABLE t AS SELECT g AS id, md5(g::text) AS x FROM generate_series(1, 500) g"
    )


def verified(practice: Practice):
    """Verify all there is, here: the verdicts by store and name."""
    context = practice.context
    backups = practice.inventory.backups
    verdicts = practice.run("verify", lambda job: verify(job, context, backups))
    return {(one.copy.store.name, str(one.backup.name)): one for one in verdicts}


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def proof_of(practice: Practice, name: str) -> dict:
    return json.loads((practice.backups / (name + PROOF)).read_text())


def test_every_copy_climbs_to_complete_and_each_rung_is_written_beside_it(small, practise, s3):
    practice: Practice = practise(small, s3, ENABLE_POST_BACKUP_VERIFY="false")
    name = practice.back_up().manifest.payload
    began = datetime.now(UTC)
    done = practice.here("verify", "--all", "--json")
    facts = json.loads(done.stdout)
    assert [(one["store"], one["rung"], one["trouble"]) for one in facts] == [
        ("disk", "complete", ""),
        ("bucket", "complete", ""),
    ]
    with closing(practice.context.stores.bucket) as bucket, bucket.open(f"full/{name}{PROOF}") as stream:
        in_bucket = json.loads(stream.read())
    for proof in (proof_of(practice, name), in_bucket):
        assert list(proof["rungs"]) == ["present", "hashed", "decrypts", "inflates", "complete"]
        moments = {datetime.fromisoformat(at) for at in proof["rungs"].values()}
        assert all(began - timedelta(seconds=5) < at < datetime.now(UTC) for at in moments)
        assert proof["failed"] == ""
    said = practice.here("verify", facts[0]["id"]).stdout
    assert said.count("✔") == 2
    assert name in said
    by_name = practice.here("verify", name, "--json")
    assert [one["id"] for one in json.loads(by_name.stdout)] == [facts[0]["id"]] * 2


def test_a_damaged_copy_falls_and_the_others_stand(small, practise, s3):
    practice: Practice = practise(small, s3)
    bad, good = (practice.ready_made().payload for _ in range(2))
    flip(practice.backups / bad, 2000)
    done = practice.here("verify", "--all", "--json", check=2)
    troubles = {(one["store"], one["name"]): one["trouble"] for one in json.loads(done.stdout)}
    assert troubles == {
        ("disk", bad): "The backup was changed after it was written.",
        ("bucket", bad): "",
        ("disk", good): "",
        ("bucket", good): "",
    }
    assert proof_of(practice, bad)["failed"]
    assert list(proof_of(practice, bad)["rungs"]) == ["present"]
    backup = practice.inventory.find(bad)
    assert [copy.rung for copy in backup.copies] == [Rung.PRESENT, Rung.COMPLETE]
    assert "BROKEN" in practice.here("list").stdout
    flip(practice.backups / bad, 2000)
    practice.here("verify", bad)
    assert proof_of(practice, bad)["failed"] == ""
    assert practice.inventory.find(bad).rung is Rung.COMPLETE


def test_what_can_not_be_read_is_unknown_and_what_was_proven_stays(small, practise, s3, seaweed):
    """The bucket goes away between the look at what there is and the reading."""
    practice: Practice = practise(small, s3)
    practice.ready_made()
    context = practice.context
    backups = practice.inventory.backups
    name = str(backups[0].name)
    for copy in backups[0].copies:
        if copy.store.name == "bucket":
            copy.store.delete(copy.key)
    verdicts = practice.run("verify", lambda job: verify(job, context, backups))
    told = {one.copy.store.name: (one.unknown, bool(one.trouble), one.rung) for one in verdicts}
    assert told == {"disk": (False, False, Rung.COMPLETE), "bucket": (True, True, Rung.COMPLETE)}
    assert proof_of(practice, name)["failed"] == ""


@pytest.mark.parametrize("options", [["--all"], ["{name}"]])
def test_a_bucket_that_does_not_answer_is_unknown_and_never_good(small, practise, s3, options):
    practice: Practice = practise(small, s3)
    name = practice.ready_made().payload
    practice.configure(MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    done = practice.here("verify", *[option.format(name=name) for option in options], check=3)
    assert "The bucket is not verified" in done.stderr
    assert done.stdout.count("✔") == 1


def test_verifying_with_another_key_tells_so_and_unlearns_nothing(small, practise):
    """What was proven, and pins, count again once the right key is back."""
    practice: Practice = practise(small)
    name = practice.ready_made().payload
    practice.restore()
    path = practice.backups / (name + PROOF)
    proof = proofs.decode(path.read_bytes(), practice.inventory.latest().manifest.sha256)
    pinned = proofs.encode(
        type(proof)(proof.sha256, proof.rungs, pinned=Mark(datetime.now(UTC), "ana", "before the audit"))
    )
    path.write_bytes(pinned)
    right = practice.key_file.read_bytes()
    practice.key_file.write_text("not the one\n")
    done = practice.here("verify", "--all", "--json", check=3)
    (facts,) = json.loads(done.stdout)
    assert "another key" in facts["trouble"]
    assert facts["rung"] == "present"
    assert path.read_bytes() == pinned
    practice.key_file.write_bytes(right)
    assert practice.inventory.latest().rung is Rung.RESTORED


def test_the_manifest_of_another_backup_is_told_and_unlearns_nothing(small, practise):
    practice: Practice = practise(small)
    one, other = (practice.ready_made().payload for _ in range(2))
    theirs = (practice.backups / f"{other}.manifest.json").read_bytes()
    before = (practice.backups / (one + PROOF)).read_bytes()
    (practice.backups / f"{one}.manifest.json").write_bytes(theirs)
    verdict = verified(practice)["disk", one]
    assert "belongs to another file" in verdict.trouble
    assert (practice.backups / (one + PROOF)).read_bytes() == before


def test_a_backup_that_was_never_finished_does_not_hold(small, practise):
    practice: Practice = practise(small)
    name = practice.ready_made().payload
    (practice.backups / f"{name}.manifest.json").unlink()
    assert [copy.standing for copy in practice.inventory.backups[0].copies] == [CopyStatus.UNFINISHED]
    done = practice.here("verify", "--all", check=2)
    assert "never finished" in done.stdout


def test_a_legacy_backup_climbs_as_well_and_falls_when_it_is_cut_off(small, practise):
    practice: Practice = practise(small)
    path = practice.legacy_backup()
    verdict = verified(practice)["disk", path.name]
    assert (verdict.rung, verdict.trouble) == (Rung.COMPLETE, "")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 32 * 16])
    verdict = verified(practice)["disk", path.name]
    assert verdict.trouble
    assert practice.inventory.backups[0].rung is Rung.PRESENT


def test_a_copy_that_can_not_be_written_beside_is_verified_all_the_same(small, practise):
    practice: Practice = practise(small)
    name = practice.ready_made().payload
    proof = practice.backups / (name + PROOF)
    proof.unlink()
    proof.mkdir()
    done = practice.here("verify", "--all", check=1)
    assert "✔" in done.stdout
    assert "could not be recorded" in done.stderr


def test_verify_wants_one_backup_or_all(small, practise):
    practice: Practice = practise(small)
    assert "--all" in practice.here("verify", check=64).stderr
    assert "--all" in practice.here("verify", "--all", "aaaaaaaa", check=64).stderr
    assert practice.here("verify", "--all").stdout == ""


def test_nothing_is_written_but_the_proof(small, practise, tmp_path):
    """No temporary files: what is read is never kept."""
    practice: Practice = practise(small)
    practice.ready_made()
    before = {path: path.stat().st_mtime_ns for path in practice.backups.iterdir()}
    temporary = tmp_path / "temporary"
    temporary.mkdir(mode=0o500)
    practice.mtn("verify", "--all", TMPDIR=str(temporary))
    after = {path: path.stat().st_mtime_ns for path in practice.backups.iterdir()}
    assert after.keys() == before.keys()
    assert {path.suffixes[-2] for path in after if after[path] != before[path]} == {".proof"}
    assert list(temporary.iterdir()) == []
