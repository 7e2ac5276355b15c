"""What is backed up comes back equal: by our own restore, and by openssl, gunzip and psql alone."""

from __future__ import annotations

from dataclasses import fields

import pytest

from mtn_tui.core.models import Rung
from mtn_tui.operations.inventory.model import CopyStatus

TABLES = """
    SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE relkind = 'r' AND relpersistence <> 't' AND nspname !~ '^(pg_|information_schema)'
"""


@pytest.fixture
def rich(any_pg, new_rich):
    """A database with every feature that a dump can hold."""
    return new_rich(any_pg)


def test_openssl_gunzip_and_psql_restore_every_feature_as_we_do(rich, practise, new_database):
    practice = practise(rich)
    made = practice.back_up()
    assert len(made.manifest.rows()) == int(rich.psql(TABLES))
    script = practice.script(practice.payload(made.manifest))
    restored = new_database(rich.server)
    restored.psql(script)
    wanted = rich.dump()
    assert restored.dump() == wanted
    assert practice.restore().dump() == wanted


def test_a_file_made_by_the_scripts_commands_restores(rich, practise):
    practice = practise(rich)
    practice.legacy_backup()
    backup = practice.inventory.backups[0]
    assert [copy.standing for copy in backup.copies] == [CopyStatus.LEGACY]
    assert practice.restore(backup=backup, legacy=True, as_operator=True).dump() == rich.dump()


def test_the_bucket_alone_is_enough(pg18, new_school, practise, s3):
    source = new_school(pg18)
    practice = practise(source, s3)
    made = practice.back_up()
    assert made.in_bucket
    for path in practice.backups.iterdir():
        path.unlink()
    backup = practice.inventory.latest()
    assert [copy.store.name for copy in backup.copies] == ["bucket"]
    assert practice.restore(backup=backup).dump() == source.dump()
    assert practice.inventory.latest().rung is Rung.RESTORED


def test_a_ready_made_backup_is_as_a_made_one_but_carries_no_differential(pg18, new_school, practise, s3):
    """What tests do with one, they would do with the other."""
    practice = practise(new_school(pg18), s3)
    ready, made = practice.ready_made(), practice.back_up().manifest
    apart = {"id", "payload", "snapshot_at", "started_at", "ended_at", "lsn", "horizon"}
    apart |= {"size", "sha256", "salt", "roles_sha256", "sections", "baseline"}
    same = {one.name for one in fields(ready)} - apart
    assert {name: getattr(ready, name) for name in same} == {name: getattr(made, name) for name in same}
    assert ready.rows() == made.rows()
    newest, older = practice.inventory.backups
    assert (older.id, older.rung, older.suspect) == (ready.id, newest.rung, newest.suspect)
    assert [copy.standing for copy in older.copies] == [copy.standing for copy in newest.copies]
    assert practice.here("verify", ready.id).stdout.count("✔") == len(older.copies) == 2
    assert practice.restore(backup=older).dump() == practice.source.dump()
