"""Made-up fulls and differentials, for what is told without reading any: whose moment, on which full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mtn_tui.archive import summary as summaries
from mtn_tui.archive.proof import Proof, Tried
from mtn_tui.core.models import BackupName, Kind, Rung
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus, Inventory, inventory_of
from mtn_tui.storage.local import LocalStorage
from tests.bench.many import made_up

DISK = LocalStorage(Path("/disk"))
DATABASE = "Admisión_MTN_DB"
BEGIN = datetime(2026, 9, 1, 5, tzinfo=UTC)


def at(minutes: float) -> datetime:
    """A moment, by its minutes after ``BEGIN``."""
    return BEGIN + timedelta(minutes=minutes)


def made(
    minutes: float,
    on: tuple[BackupName, Copy] | None = None,
    *,
    rung: Rung = Rung.COMPLETE,
    standing: CopyStatus = CopyStatus.WHOLE,
    failed: str = "",
    refused: bool = False,
    named: float | None = None,
    database: str = DATABASE,
    server: int = 1,
    rows: int | Mapping[str, int] | None = None,
    size: int = 64,
) -> tuple[BackupName, Copy]:
    """A full or, ``on`` one, a differential, with its snapshot so many minutes after ``BEGIN``.

    ``named`` is when its name says that it was begun, in the same minutes. ``rows`` are those of each
    table, or by table.
    """
    one, kind = made_up(0), Kind.FULL if on is None else Kind.DIFF
    stamp = at(minutes if named is None else named).replace(tzinfo=None, microsecond=0)
    name = BackupName(stamp, "admision_mtn", kind, "db-1")
    full = on[1].manifest if on else None
    summary = summaries.summary(
        replace(
            one,
            id=f"{'f' if full is None else 'd'}{minutes:07.1f}".replace(".", "x")[:8],
            kind=kind,
            payload=str(name),
            snapshot_at=at(minutes),
            database=database,
            server=replace(one.server, system_identifier=server),
            base=full.id if full else "",
            size=size,
        )
    )
    each = dict.fromkeys(one.rows(), rows) if isinstance(rows, int) else rows
    summary = replace(summary, counts=one.rows() if each is None else each)
    proof = replace(Proof("").climbed(rung, at(minutes)), failed=failed)
    if refused:
        proof = replace(proof, refused=Tried(at(minutes), "here", "it can't be loaded"))
    whole = standing is CopyStatus.WHOLE
    return name, Copy(DISK, str(name), size, standing, summary if whole else None, proof)


def inventory(*backups: tuple[BackupName, Copy]) -> Inventory:
    """All of them, joined and marked as if the stores had been asked."""
    found: dict[BackupName, list[Copy]] = {}
    for name, copy in backups:
        found.setdefault(name, []).append(copy)
    return inventory_of(found, {}, frozenset())


def minutes(backup: Backup) -> float:
    """Its moment in minutes after ``BEGIN``."""
    return (backup.moment - BEGIN).total_seconds() / 60
