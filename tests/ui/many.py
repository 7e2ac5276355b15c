"""Backups by the thousand: whole by their manifests, their payloads as empty as a disk allows."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta

from mtn_tui.archive import manifest as manifests
from mtn_tui.archive.keys import read_key
from mtn_tui.core.models import MANIFEST
from tests.operation_fixtures import Practice


def many_backups(practice: Practice, count: int) -> None:
    """Make as many more of the newest one, an hour apart, into the past."""
    newest = practice.inventory.backups[0].manifest
    assert newest is not None
    key = read_key(practice.key_file)
    # One table's section is enough to be told apart by; thousands of whole ones would only be slow to sign.
    sections = newest.sections[:3]
    for number in range(1, count + 1):
        name = newest.name.later(-3600 * number)
        one = replace(
            newest,
            id=f"{number:08}",
            payload=str(name),
            snapshot_at=newest.snapshot_at - timedelta(hours=number),
            sections=sections,
        )
        path = practice.backups / one.payload
        path.touch()
        os.truncate(path, one.size)
        path.with_name(path.name + MANIFEST).write_bytes(manifests.encode(one, key))
