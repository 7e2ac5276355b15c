"""mtn pin and mtn accept: what people say of a backup stays, whatever else is written beside it."""

from __future__ import annotations

import json
import threading

import pytest

from mtn_tui.archive import proof as proofs
from mtn_tui.core.errors import Refused
from mtn_tui.core.models import MANIFEST, PROOF, Rung
from mtn_tui.demo.ports import free_port
from mtn_tui.engine.locks import turn
from mtn_tui.operations.inventory import marks
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.inventory.proof_file import amend
from mtn_tui.operations.verify.verify import verify
from tests.operation_fixtures import Practice


@pytest.fixture
def small(pg18, new_database):
    return new_database(pg18, script="CREATE TABLE t AS SELECT g AS id FROM generate_series(1, 5000) g")


def facts_of(practice, wanted):
    return json.loads(practice.here("show", wanted, "--json", check=None).stdout)


def test_a_pin_is_written_in_both_stores_shown_and_taken_back(small, practise, s3):
    practice: Practice = practise(small, s3)
    made = practice.ready_made()
    done = practice.here("pin", made.id, "--note", "before the migration")
    assert f"{made.payload} is pinned." in done.stdout
    assert [copy.proof.pinned.note for copy in practice.inventory.backups[0].copies] == [
        "before the migration",
        "before the migration",
    ]
    assert practice.inventory.backups[0].rung is Rung.COMPLETE
    assert practice.here("list").stdout.splitlines()[1].endswith("complete, pinned")
    assert "before the migration" in practice.here("show", made.id).stdout
    assert facts_of(practice, made.id)["pinned"]["note"] == "before the migration"
    practice.here("pin", made.payload, "--off")
    assert facts_of(practice, made.id)["pinned"] is None


def test_a_pin_keeps_who_set_it_first(small, practise):
    practice: Practice = practise(small)
    practice.ready_made()
    (backup,) = practice.inventory.backups
    marks.pin(practice.context, backup, note="first")
    marks.pin(practice.context, backup, note="second")
    assert practice.inventory.backups[0].pinned.note == "first"


def test_a_pin_set_while_a_verification_runs_stays(small, practise, s3):
    """Verify looked at the proofs before the pin was set, and writes them after."""
    practice: Practice = practise(small, s3)
    practice.ready_made()
    context = practice.context
    looked_at = practice.inventory.backups
    marks.pin(context, looked_at[0])
    practice.run("verify", lambda job: verify(job, context, looked_at))
    (backup,) = practice.inventory.backups
    assert all(copy.proof.pinned for copy in backup.copies)
    assert backup.rung is Rung.COMPLETE


def test_many_who_write_at_once_lose_nothing_of_each_others(small, practise):
    practice: Practice = practise(small)
    practice.ready_made()
    context = practice.context
    (copy,) = practice.inventory.backups[0].copies

    def note(number):
        amend(
            context,
            copy,
            lambda proof: proof.fell(proof.rung, f"{proof.failed} {number}", context.clock.now()),
        )

    writers = [threading.Thread(target=note, args=[number]) for number in range(12)]
    for one in writers:
        one.start()
    for one in writers:
        one.join()
    said = practice.inventory.backups[0].copies[0].proof.failed
    assert sorted(map(int, said.split())) == list(range(12))


def test_a_pin_waits_for_whoever_writes_just_then(small, practise):
    practice: Practice = practise(small)
    practice.ready_made()
    (backup,) = practice.inventory.backups
    with turn(practice.context.locks, "proof-disk"):
        pinning = threading.Thread(target=marks.pin, args=[practice.context, backup])
        pinning.start()
        pinning.join(0.2)
        assert pinning.is_alive()
        assert practice.inventory.backups[0].pinned is None
    pinning.join()
    assert practice.inventory.backups[0].pinned


def test_a_pin_outlives_the_bytes_it_was_set_on_and_an_acceptance_does_not(small, practise):
    practice: Practice = practise(small)
    name = practice.ready_made().payload
    path = practice.backups / (name + PROOF)
    marks.pin(practice.context, practice.inventory.find(name))
    proof = proofs.load(path.read_bytes())
    foreign = proofs.Proof("ab" * 32, proof.rungs, pinned=proof.pinned, accepted=proof.pinned)
    path.write_bytes(proofs.encode(foreign))
    found = practice.inventory.find(name)
    assert (found.rung, bool(found.pinned), found.accepted) == (Rung.PRESENT, True, None)
    practice.here("verify", name)
    found = practice.inventory.find(name)
    assert (found.rung, bool(found.pinned)) == (Rung.COMPLETE, True)


def test_a_broken_backup_can_be_pinned_and_what_was_proven_of_it_stays_for_later(small, practise):
    practice: Practice = practise(small)
    name = practice.ready_made().payload
    manifest = practice.backups / (name + MANIFEST)
    right = manifest.read_bytes()
    manifest.write_bytes(b"{}")
    practice.here("pin", name)
    found = practice.inventory.find(name)
    assert (found.copies[0].standing, bool(found.pinned)) == (CopyStatus.BROKEN, True)
    manifest.write_bytes(right)
    found = practice.inventory.find(name)
    assert (found.rung, bool(found.pinned)) == (Rung.COMPLETE, True)


def test_a_backup_that_was_never_finished_is_not_pinned(small, practise):
    practice: Practice = practise(small)
    name = practice.ready_made().payload
    (practice.backups / (name + MANIFEST)).unlink()
    assert "never finished" in practice.here("pin", name, check=64).stderr


def test_a_legacy_backup_is_pinned(small, practise):
    practice: Practice = practise(small)
    name = practice.legacy_backup().name
    practice.here("pin", name)
    assert practice.inventory.find(name).pinned


def test_a_suspect_backup_is_accepted_and_the_reason_is_kept(small, practise, s3):
    practice: Practice = practise(small, s3)
    practice.ready_made()
    small.psql("DELETE FROM t WHERE id > 10")
    made = practice.back_up().manifest
    assert "SUSPECT" in practice.here("list").stdout
    assert practice.here("accept", made.id).stdout == f"{made.payload} is accepted.\n"
    said = practice.here("list").stdout
    assert "SUSPECT" not in said
    assert "accepted" in said.splitlines()[1]
    facts = facts_of(practice, made.id)
    assert facts["suspect"] == ""
    assert "public.t has 10 rows, had 5,000" in facts["accepted"]["note"]
    practice.here("verify", made.id)
    assert practice.inventory.find(made.id).accepted
    practice.here("accept", made.id)


def test_what_is_not_suspect_is_not_accepted(small, practise):
    practice: Practice = practise(small)
    practice.ready_made()
    with pytest.raises(Refused, match="not suspect"):
        marks.accept(practice.context, practice.inventory.backups[0])


def test_a_bucket_that_does_not_answer_is_told_and_the_disk_is_marked(small, practise, s3):
    practice: Practice = practise(small, s3)
    made = practice.ready_made()
    practice.configure(MINIO_ENDPOINT=f"http://127.0.0.1:{free_port()}")
    done = practice.here("pin", made.id, check=1)
    assert "is pinned" in done.stdout
    assert "Not recorded in the bucket" in done.stderr
    practice.configure(MINIO_ENDPOINT=f"http://{s3.endpoint}")
    found = practice.inventory.find(made.id)
    assert [bool(copy.proof.pinned) for copy in found.copies] == [True, False]
    assert found.pinned


def test_a_disk_that_can_not_be_written_is_told_and_the_bucket_is_marked(small, practise, s3):
    practice: Practice = practise(small, s3)
    name = practice.ready_made().payload
    proof = practice.backups / (name + PROOF)
    proof.unlink()
    proof.mkdir()
    marked = marks.pin(practice.context, practice.inventory.find(name))
    assert (marked.stores, list(marked.failed)) == (("bucket",), ["disk"])
