"""Reads one copy of a backup through, without keeping it, and tells how far it holds."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from functools import partial

from mtn_tui.archive import legacy
from mtn_tui.archive import manifest as manifests
from mtn_tui.archive.keys import Key
from mtn_tui.archive.reader import Archive, Source, Stream, check_complete, check_size
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Changed
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST
from mtn_tui.engine.pipeline import ordered_map
from mtn_tui.operations.inventory.model import Copy
from mtn_tui.operations.inventory.scan import read_small

WORKERS = min(os.cpu_count() or 1, 3)
"""Sections in memory at once, and one more: that bounds it to about 100 MB."""


def source_of(copy: Copy) -> Source:
    """What opens the copy's payload, for ``Archive``."""
    return partial(copy.store.open, copy.key)


class Counted:
    """A stream that tells how much of it has been read."""

    def __init__(self, stream: Stream, advance: Callable[[int], None]) -> None:
        self._stream = stream
        self._advance = advance

    def read(self, size: int = -1, /) -> bytes:
        """Read up to ``size`` bytes, and tell how many came."""
        data = self._stream.read(size)
        self._advance(len(data))
        return data


def archive_of(copy: Copy, key: Key) -> Archive:
    """Open a copy that has a manifest, which is read again with its sections.

    Raises ArchiveError or StorageError.
    """
    assert copy.manifest is not None  # noqa: S101 - the caller looked at its standing
    manifest = manifests.decode(read_small(copy.store, copy.key + MANIFEST), key, copy.manifest.payload)
    if manifest.sha256 != copy.manifest.sha256:
        raise Changed(_("The backup was replaced by another of the same name."), _("Look again: mtn list"))
    return Archive(source_of(copy), key, manifest)


def prove(copy: Copy, key: Key | None, token: CancelToken, advance: Callable[[int], None]) -> None:
    """Read all of ``copy``; raise the ArchiveError that says what is wrong.

    Returns once it is proven to COMPLETE. ``advance`` gets bytes of the payload
    as they are read, in all ``copy.size``.
    """
    if copy.manifest is None:
        _prove_legacy(copy, key, token, advance)
        return
    assert key is not None  # noqa: S101 - without it no manifest is believed
    manifest = copy.manifest
    check_size(copy.store.stat(copy.key).size, manifest)
    archive = archive_of(copy, key)
    checked = []
    with copy.store.open(copy.key) as stream:
        windows = archive.windows(stream)
        with closing(
            ordered_map(windows, archive.check, workers=WORKERS, depth=WORKERS + 1, token=token)
        ) as results:
            for one in results:
                checked.append(one)
                advance(one.section.size)
    advance(max(copy.size - manifest.gzip, 0))
    check_complete(checked, archive.manifest)


def _prove_legacy(copy: Copy, key: Key | None, token: CancelToken, advance: Callable[[int], None]) -> None:
    with copy.store.open(copy.key) as stream:
        for _piece in legacy.sql(Counted(stream, advance), key):
            token.check()
