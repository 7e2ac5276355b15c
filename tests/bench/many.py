"""Backups by the thousand, whole by their manifests and proofs; their payloads are only of the right size."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Manifest, Section
from mtn_tui.archive.proof import Proof
from mtn_tui.archive.sections import Part
from mtn_tui.core.identity import DatabaseProperties, ServerIdentity
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName, Kind, Rung
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.production import last_seen

_TABLES = 31
_FULL_EVERY = 24
_EVERY = timedelta(hours=1)
_AT_ONCE = 8


def fill(context: Context, count: int) -> None:
    """Put so many backups of this installation into each of its stores, up to an hour ago.

    It has seen its server: a backup was made.
    """
    server, now = last_seen(context), context.clock.now().replace(microsecond=0)
    assert server is not None
    place = context.settings.backup_prefix, context.host, server.system_identifier

    def put(number: int) -> None:
        manifest = made_up(number, now - _EVERY * (count - number), *place)
        if manifest.kind is Kind.DIFF:
            manifest = replace(manifest, base=f"{number - number % _FULL_EVERY:08}")
        for suffix, data in files_of(manifest, context.key).items():
            for store in context.stores:
                name = manifest.name.key if store.name == "bucket" else manifest.payload
                store.put(name + suffix, BytesIO(data), len(data))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        list(pool.map(put, range(count)))


def files_of(manifest: Manifest, key: Key) -> dict[str, bytes]:
    """A backup's files by their suffix; the payload is only of the right size."""
    proof = Proof(manifest.sha256).climbed(Rung.COMPLETE, manifest.ended_at)
    return {
        "": bytes(manifest.size),
        ROLES: b"roles",
        MANIFEST: manifests.encode(replace(manifest, key=key.fingerprint), key),
        PROOF: proofs.encode(proof),
    }


def made_up(
    number: int,
    at: datetime | None = None,
    prefix: str = "admision_mtn",
    host: str = "db-1",
    system_identifier: int = 1,
) -> Manifest:
    """The manifest of the backup of that number, of a school of 31 tables; of no full, if a differential.

    ``at`` is in UTC; without it, they are of every hour.
    """
    at = at or datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    kind = Kind.DIFF if number % _FULL_EVERY else Kind.FULL
    name = BackupName(at.astimezone().replace(tzinfo=None), prefix, kind, host)
    sections = [
        Section(Part.PRE_DATA, 0, 3000, 20000, 0, "ab" * 32),
        *(
            Section(
                Part.TABLE,
                table << 20,
                9000,
                50000,
                1500 + number,
                "ab" * 32,
                f"public.t_{table}",
                _COPY % table,
            )
            for table in range(_TABLES)
        ),
        Section(Part.POST_DATA, _TABLES << 20, 3000, 20000, 0, "ab" * 32),
    ]
    return Manifest(
        id=f"{number:08}",
        kind=kind,
        database="Admisión_MTN_DB",
        host=host,
        payload=str(name),
        snapshot_at=at,
        started_at=at,
        ended_at=at,
        lsn="0/1",
        horizon=number,
        server=ServerIdentity(system_identifier, 2, 1, "18.1", 180001, "UTF8", "c", "C", "C", ""),
        properties=DatabaseProperties("admin"),
        tools={"mtn": "1", "pg_dump": "18.1"},
        roles=("admin",),
        extensions=(),
        schema_hash="ab" * 32,
        size=64,
        sha256=f"{number:064x}",
        salt="ab" * 8,
        key="",
        sections=tuple(sections),
    )


_COPY = "COPY public.t_%d (id, name, email, created_at, updated_at, status, school_id, notes) FROM stdin;"
