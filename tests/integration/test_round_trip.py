"""What is backed up comes back equal: by our own restore, and by openssl, gunzip and psql alone."""

from __future__ import annotations

import pytest

from mtn_tui.core.models import Rung
from mtn_tui.operations.inventory.model import CopyStatus


@pytest.fixture
def rich(any_pg, new_rich):
    """A database with every feature that a dump can hold."""
    return new_rich(any_pg)


def test_openssl_gunzip_and_psql_restore_every_feature(rich, practise, new_database):
    practice = practise(rich)
    made = practice.back_up()
    script = practice.script(practice.payload(made.manifest))
    restored = new_database(rich.server)
    restored.psql(script)
    assert restored.dump() == rich.dump()


def test_our_own_restore_brings_every_feature_back(rich, practise):
    practice = practise(rich)
    practice.back_up()
    assert practice.restore().dump() == rich.dump()


def test_a_file_made_by_the_scripts_commands_restores(rich, practise):
    practice = practise(rich)
    practice.legacy_backup()
    backup = practice.inventory.backups[0]
    assert [copy.standing for copy in backup.copies] == [CopyStatus.LEGACY]
    assert practice.restore(backup=backup, legacy=True, as_operator=True).dump() == rich.dump()


def test_the_bucket_alone_is_enough(rich, practise, s3):
    practice = practise(rich, s3)
    made = practice.back_up()
    assert made.in_bucket
    for path in practice.backups.iterdir():
        path.unlink()
    backup = practice.inventory.latest()
    assert [copy.store.name for copy in backup.copies] == ["bucket"]
    assert practice.restore(backup=backup).dump() == rich.dump()
    assert practice.inventory.latest().rung is Rung.RESTORED


def test_every_table_of_the_source_is_counted_in_the_manifest(rich, practise):
    manifest = practise(rich).back_up().manifest
    said = rich.psql(
        "SELECT count(*) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace"
        " WHERE relkind = 'r' AND relpersistence <> 't' AND nspname !~ '^(pg_|information_schema)'"
    )
    assert len(manifest.rows()) == int(said)
