"""What an operator waits for at the screen. Each function prints its rows; nothing is asserted."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Manifest, Section
from mtn_tui.archive.proof import Proof
from mtn_tui.archive.sections import Part
from mtn_tui.core.identity import DatabaseProperties, ServerIdentity
from mtn_tui.core.models import MANIFEST, PROOF, ROLES, BackupName, Kind, Rung
from mtn_tui.demo.seaweed import SeaweedServer
from mtn_tui.operations.cache import Cache
from mtn_tui.operations.inventory import take_inventory
from mtn_tui.storage.local import LocalStorage
from mtn_tui.storage.s3 import S3Storage
from tests.bench.table import Budget, print_budgets

COUNT = 5000
_TABLES = 31
_FULL_EVERY = 24
_KEY = Key(b"correct horse battery staple")


def run(count: int = COUNT) -> None:
    print_budgets(listing(count))


def listing(count: int) -> list[Budget]:
    """So many backups in a folder and a bucket, listed by a process that has a cache and by one without."""
    with _stores(count) as (disk, bucket, cache):
        cold = _asked(disk, bucket, cache)
        warm = [_asked(disk, bucket, cache) for _ in range(3)]
        kept = Cache()
        take_inventory([disk, bucket], _KEY, kept)
        begun = time.perf_counter()
        take_inventory([disk, bucket], _KEY, kept)
        again = time.perf_counter() - begun
        print(
            f"{count:,} backups in both stores: {cold:.2f} s without a cache,",
            f"{again:.2f} s again in the same process",
        )
        return [Budget(f"{count:,} backups in both stores listed, warm", sorted(warm)[1], "<=", 1, "s")]


def _asked(disk: LocalStorage, bucket: S3Storage, cache: Path) -> float:
    """Seconds of one inventory in a process of its own, its start left out."""
    said = subprocess.run(
        [sys.executable, "-c", _ONCE],
        input=json.dumps([str(disk.root), *bucket_words(bucket), str(cache)]),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return float(said)


def bucket_words(bucket: S3Storage) -> list[str]:
    keys = bucket._provider.retrieve()
    return [bucket._endpoint, bucket.bucket, keys.access_key, keys.secret_key]


_ONCE = """
import json, sys, time
from pathlib import Path
from mtn_tui.archive.keys import Key
from mtn_tui.operations.cache import Cache
from mtn_tui.operations.inventory import take_inventory
from mtn_tui.storage.local import LocalStorage
from mtn_tui.storage.s3 import S3Storage
root, endpoint, bucket, user, secret, cache = json.load(sys.stdin)
bucket = S3Storage(endpoint, bucket, access_key=user, secret_key=secret, secure=False)
stores = [LocalStorage(Path(root)), bucket]
key = Key(b"correct horse battery staple")
key.mac
begun = time.perf_counter()
found = take_inventory(stores, key, Cache(Path(cache)))
print(time.perf_counter() - begun)
assert not found.silent, found.silent
assert all(len(one.copies) == 2 and one.rung.proven for one in found.backups)
"""


@contextmanager
def _stores(count: int) -> Iterator[tuple[LocalStorage, S3Storage, Path]]:
    with tempfile.TemporaryDirectory(prefix="mtn-bench-") as made:
        folder = Path(made)
        for name in ("backups", "seaweed"):
            (folder / name).mkdir()
        disk = LocalStorage(folder / "backups")
        server = SeaweedServer(folder / "seaweed").start()
        try:
            bucket = S3Storage(
                server.endpoint,
                server.bucket,
                access_key=server.access_key,
                secret_key=server.secret_key,
                secure=False,
            )
            print(f"putting {count:,} backups into a folder and a bucket", file=sys.stderr, flush=True)
            client = server.client()

            def put(number: int) -> None:
                manifest = made_up(number)
                for suffix, data in files_of(manifest, _KEY).items():
                    (disk.root / (manifest.payload + suffix)).write_bytes(data)
                    client.put_object(server.bucket, manifest.name.key + suffix, BytesIO(data), len(data))

            with ThreadPoolExecutor(8) as pool:
                list(pool.map(put, range(count)))
            yield disk, bucket, folder / "cache"
        finally:
            server.kill()


def files_of(manifest: Manifest, key: Key) -> dict[str, bytes]:
    """A backup's files by their suffix; the payload is only of the right size."""
    proof = Proof(manifest.sha256).climbed(Rung.COMPLETE, manifest.ended_at)
    return {
        "": bytes(manifest.size),
        ROLES: b"roles",
        MANIFEST: manifests.encode(replace(manifest, key=key.fingerprint), key),
        PROOF: proofs.encode(proof),
    }


def made_up(number: int) -> Manifest:
    """The manifest of the hourly backup of that number, of a school of 31 tables."""
    at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number)
    kind = Kind.DIFF if number % _FULL_EVERY else Kind.FULL
    name = BackupName(at.replace(tzinfo=None), "admision_mtn", kind, "db-1")
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
        host="db-1",
        payload=str(name),
        snapshot_at=at,
        started_at=at,
        ended_at=at,
        lsn="0/1",
        horizon=number,
        server=ServerIdentity(1, 2, 1, "18.1", 180001, "UTF8", "c", "C", "C", ""),
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
