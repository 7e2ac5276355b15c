"""Moves what the demo has made into the past, as if nothing had run since."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive import proof as proofs
from mtn_tui.core.errors import NotFound
from mtn_tui.core.models import KEYS, MANIFEST, PROOF, ROLES, BackupName
from mtn_tui.operations.backup import publish
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory import known_stores
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.inventory.scan import take_inventory

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
_STAMP = re.compile(r"(?<!\d)\d{8}_\d{6}(?!\d)")


def move_back(context: Context, by: timedelta) -> dict[str, str]:
    """Give all backups, and the records of the runs that made them, moments that are so much earlier.

    The backups are signed anew with their key; nothing else of them changes. Returns their new
    names by the old ones.
    """
    renamed = {}
    for backup in take_inventory(context.stores, context.key).backups:
        name = replace(backup.name, stamp=backup.name.stamp - by)
        renamed[str(backup.name)] = str(name)
        for copy in backup.copies:
            _move_copy(context, backup, copy, name, by)
    for store in context.stores:
        known_stores.accept(context, store)
    shutil.rmtree(context.state / "health", ignore_errors=True)  # what was seen just now was not seen then
    for folder in (context.jobs, context.settings.log_dir, context.settings.metrics_dir):
        for path in [one for one in folder.iterdir() if one.is_file()]:
            _move_record(path, by)
    return renamed


def _move_copy(context: Context, backup: Backup, copy: Copy, name: BackupName, by: timedelta) -> None:
    key, store = context.key, copy.store
    found: dict[str, bytes] = {}
    for suffix in (ROLES, KEYS, "", PROOF, MANIFEST):
        try:
            with store.open(copy.key + suffix) as stream:
                found[suffix] = stream.read()
        except NotFound:
            continue
    manifest = manifests.decode(found[MANIFEST], key, str(backup.name))
    moved = replace(
        manifest,
        payload=str(name),
        snapshot_at=manifest.snapshot_at - by,
        started_at=manifest.started_at - by,
        ended_at=manifest.ended_at - by,
    )
    found[MANIFEST] = publish.signed(moved, key).data
    proof = proofs.of(manifest.sha256, copy.proof)
    rungs = {rung: at - by for rung, at in proof.rungs.items()}
    found[PROOF] = proofs.encode(replace(proof, rungs=rungs))
    for suffix, data in found.items():
        publish.put_beside(store, name, suffix, data)
    for suffix in found:
        store.delete(copy.key + suffix)


def _move_record(path: Path, by: timedelta) -> None:
    text = path.read_text("utf-8")
    text = _MOMENT.sub(lambda found: _earlier(found[0], by), text)
    text = _STAMP.sub(lambda found: _stamp(found[0], by), text)
    changed = path.stat().st_mtime - by.total_seconds()
    path.unlink()
    moved = path.with_name(_STAMP.sub(lambda found: _stamp(found[0], by), path.name))
    moved.touch(mode=0o600)
    moved.write_text(text, "utf-8")
    os.utime(moved, (changed, changed))


def _earlier(moment: str, by: timedelta) -> str:
    separator = moment[10]
    moved = datetime.fromisoformat(moment) - by
    return moved.isoformat(sep=separator, timespec="auto" if "." in moment else "seconds")


def _stamp(stamp: str, by: timedelta) -> str:
    return f"{datetime.strptime(stamp, '%Y%m%d_%H%M%S') - by:%Y%m%d_%H%M%S}"
