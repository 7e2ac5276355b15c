"""Backups of long ago in a practice installation's stores: whole by their manifests and proofs."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from mtn_tui.archive import proof as proofs
from mtn_tui.archive.manifest import Manifest
from mtn_tui.archive.proof import Proof
from mtn_tui.core.models import KEYS, MANIFEST, PROOF, ROLES, BackupName, Kind, Rung
from mtn_tui.core.operator import host_name
from mtn_tui.operations.common import production
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import key_in
from mtn_tui.storage.s3 import S3Storage
from tests.bench.many import files_of, made_up
from tests.operation_fixtures import Practice

SERVER = made_up(0).server.system_identifier
NOW = datetime.now(UTC).replace(microsecond=0)


def context_of(practice: Practice) -> Context:
    """As the commands have it, on a server where the database was seen."""
    context = replace(practice.context, host=host_name())
    production.remember(context, SERVER)
    return context


def aged(
    practice: Practice,
    days: float,
    on: Manifest | None = None,
    *,
    stores: Iterable[str] = ("disk", "bucket"),
    rung: Rung = Rung.COMPLETE,
    mark: str = "",
    size: int = 64,
    lsn: str = "0/1",
) -> Manifest:
    """Put a full, or a differential on one, of so many days ago into the stores; its payload is made up."""
    context = context_of(practice)
    at, kind = NOW - timedelta(days=days), Kind.DIFF if on else Kind.FULL
    stamp = at.astimezone().replace(tzinfo=None)
    name = BackupName(stamp, context.settings.backup_prefix, kind, context.host)
    number = int(days * 1440)
    payload = random.Random(number).randbytes(size)
    manifest = replace(
        made_up(0),
        id=f"{'d' if on else 'f'}{number:07}",
        kind=kind,
        database=context.settings.db_name,
        host=context.host,
        payload=str(name),
        snapshot_at=at,
        started_at=at,
        ended_at=at,
        lsn=lsn,
        base=on.id if on else "",
        size=size,
        sha256=hashlib.sha256(payload).hexdigest(),
        roles_sha256=hashlib.sha256(b"roles").hexdigest(),
    )
    files = files_of(manifest, context.key) | {"": payload}
    files[PROOF] = proofs.encode(Proof(manifest.sha256).climbed(rung, at))
    if not on:
        files[KEYS] = b"keys"
    for store in context.stores:
        if store.name not in stores:
            continue
        for suffix, data in files.items():
            more = {"mark": mark} if isinstance(store, S3Storage) and mark else {}
            store.put(key_in(store, name, suffix), io.BytesIO(data), len(data), **more)
    return manifest


def names(practice: Practice) -> set[tuple[str, str]]:
    """Store and id of each copy that is whole."""
    return {(copy.store.name, one.id) for one in practice.inventory.backups for copy in one.copies}


def objects(practice: Practice) -> set[tuple[str, str]]:
    """Store and key of everything there is."""
    return {(store.name, entry.key) for store in practice.context.stores for entry in store.list()}


SUFFIXES = ("", ROLES, KEYS, PROOF, MANIFEST)
