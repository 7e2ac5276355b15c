"""Sizes of others are never trusted: what is too large is one broken copy, and the rest goes on."""

from __future__ import annotations

import io
import os
import tracemalloc
from dataclasses import replace

import pytest

from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import Section, decode, encode
from mtn_tui.archive.sections import Part
from mtn_tui.core.models import MANIFEST, PROOF
from mtn_tui.operations.inventory.model import CopyStatus
from mtn_tui.operations.inventory.scan import _LARGEST, take_inventory
from tests.archive_fixtures import manifest_of


def test_a_manifest_of_a_gigabyte_is_one_broken_copy_on_disk_and_in_the_bucket(
    pg18, new_school, practise, s3
):
    practice = practise(new_school(pg18), s3)
    good, bad = practice.back_up().manifest, practice.back_up().manifest
    context = practice.context
    os.truncate(practice.backups / (bad.payload + MANIFEST), 1 << 30)  # sparse: it takes no room
    os.truncate(practice.backups / (good.payload + PROOF), 1 << 30)
    bucket = context.stores.bucket
    key = f"full/{bad.payload}{MANIFEST}"
    bucket.put(key, io.BytesIO(bytes(_LARGEST + 1)), _LARGEST + 1)
    tracemalloc.start()
    found = take_inventory(context.stores, context.key)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert not found.unreachable
    standing = {one.name: {copy.standing for copy in one.copies} for one in found.backups}
    assert standing[bad.name] == {CopyStatus.BROKEN}
    assert standing[good.name] == {CopyStatus.WHOLE}
    assert peak < 5 * _LARGEST


@pytest.mark.slow
def test_a_real_manifest_of_twenty_thousand_tables_fits():
    key = Key(b"correct horse battery staple")
    table = '"Admisión 2026"."Una tabla de nombre bastante largo, número {:05}"'
    columns = ", ".join(f"una_columna_{number}" for number in range(12))
    sections = tuple(
        Section(
            Part.TABLE,
            number << 20,
            1 << 20,
            32 << 20,
            123_456,
            "a" * 64,
            table.format(number),
            f"COPY {table.format(number)} ({columns}) FROM stdin;",
            False,
            False,
        )
        for number in range(20_000)
    )
    manifest = replace(manifest_of("admision_mtn_full_h_20261124_020000.sql.gz.gpg", key), sections=sections)
    data = encode(manifest, key)
    assert len(data) < _LARGEST
    assert decode(data, key, manifest.payload) == manifest
