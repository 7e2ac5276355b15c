"""Manifests and proofs that were read before, so that a store is only asked for what has changed.

A file for each key in the user's cache folder, which may be thrown away at any
time. It is signed with the key as a whole, and ignored if it is damaged, foreign, of
another version or can't be read. A content is known by its store, key, size and the
store's tag (an etag; a file's inode and times). Manifests are kept as summaries. A
cached proof is trusted as much as the one beside the copy.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from mtn_tui.archive import proof as proofs
from mtn_tui.archive import summary as summaries
from mtn_tui.archive.keys import Key
from mtn_tui.archive.manifest import canonical, mac, same
from mtn_tui.archive.proof import Proof
from mtn_tui.archive.summary import Summary
from mtn_tui.core.clock import Clock, SystemClock
from mtn_tui.core.json_reader import read_json
from mtn_tui.storage import durable
from mtn_tui.storage.base import Entry, Storage

NAME = "inventory-"
"""How the files begin; the key's fingerprint follows."""
_WORD = b"inventory 1\n"
"""Put before what is signed. No manifest begins so."""

_FORGET_AFTER = timedelta(days=60)
"""Unused for so long, stores, files of other keys and what killed writers left are dropped."""

_LITTLE = 250
"""So small a part of all contents is sooner read again than the file is written."""

Content = Summary | Proof | bytes
"""A manifest's summary or a proof; the raw bytes of one that is invalid."""


@dataclass
class _Store:
    seen: float
    """When it was listed last, in Unix time."""
    files: dict[str, tuple[int, str, Content]] = field(default_factory=dict)
    """Size, tag and content by key."""


class Cache:
    """One process's view of the file. Thread-safe; read once, written if more than a little is new.

    Without a folder or a key it is kept in memory only.
    """

    def __init__(self, folder: Path | None = None, clock: Clock | None = None) -> None:
        self._folder = folder
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._key: Key | None = None
        self._there: dict[str, _Store] | None = None
        """What was read from the file."""
        self._listed: dict[str, _Store] = {}
        """By this process."""
        self._changed = 0
        """Contents that the file does not have yet, or has no longer."""

    def known(self, store: Storage, key: Key | None, entries: Iterable[Entry]) -> dict[str, Content]:
        """The contents, by key, of those of ``entries`` that have not changed since they were kept.

        Contents that were kept under another key are forgotten.
        """
        with self._lock:
            files = self._of(store, key).files
        return {
            entry.key: found[2]
            for entry in entries
            if entry.tag and (found := files.get(entry.key)) and found[:2] == (entry.size, entry.tag)
        }

    def keep(
        self, store: Storage, key: Key | None, entries: Iterable[Entry], read: Mapping[str, Content]
    ) -> None:
        """Add what was ``read``, and drop what is not among ``entries`` any more."""
        there = {entry.key: entry for entry in entries}
        with self._lock:
            kept = self._of(store, key)
            gone = kept.files.keys() - there.keys()
            for one in gone:
                del kept.files[one]
            new = {
                one: (there[one].size, there[one].tag, content)
                for one, content in read.items()
                if there[one].tag
            }
            kept.files.update(new)
            kept.seen = self._clock.now().timestamp()
            self._changed += len(gone) + len(new)

    def save(self) -> None:
        """Write the file if more than a little is new. A failure to write is ignored.

        What the file holds by now of stores that this process has not listed stays.
        """
        with self._lock:
            path = self._path
            known = sum(len(store.files) for store in self._listed.values())
            if path is None or self._key is None or self._changed <= known // _LITTLE:
                return
            self._changed = 0
            oldest = self._clock.now().timestamp() - _FORGET_AFTER.total_seconds()
            stores = {**_read(path, self._key), **self._listed}
            stores = {name: store for name, store in stores.items() if store.seen >= oldest}
            with suppress(OSError):
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                durable.write(path, _encoded(stores, self._key), durable.replace)
                for old in path.parent.glob(f"*{NAME}*"):
                    if old != path and old.stat().st_mtime < oldest:
                        old.unlink()

    @property
    def _path(self) -> Path | None:
        return self._folder / f"{NAME}{self._key.fingerprint}.json" if self._folder and self._key else None

    def _of(self, store: Storage, key: Key | None) -> _Store:
        if self._there is None or key != self._key:
            self._key, self._listed, self._changed = key, {}, 0
            self._there = _read(self._path, key) if self._path and key else {}
        if store.identity not in self._listed:
            self._listed[store.identity] = self._there.pop(store.identity, _Store(0))
        return self._listed[store.identity]


def _read(path: Path, key: Key) -> dict[str, _Store]:
    try:
        signature, _newline, body = (path.read_bytes() if path.is_file() else b"").partition(b"\n")
    except OSError:
        return {}
    if not same(signature.decode(errors="replace"), mac(_WORD + body, key)):
        return {}
    try:
        return _decoded(read_json(body))
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        return {}  # of another version of this program


def _encoded(stores: Mapping[str, _Store], key: Key) -> bytes:
    """Each content once, however many files have it."""
    contents = {id(one): one for store in stores.values() for _size, _tag, one in store.files.values()}
    of_manifests = [one for one in contents.values() if isinstance(one, Summary)]
    of_proofs = [one for one in contents.values() if isinstance(one, Proof)]
    others = [one for one in contents.values() if isinstance(one, bytes)]
    place = {id(one): at for at, one in enumerate((*of_manifests, *of_proofs, *others))}
    body = canonical(
        {
            "stores": {
                name: (
                    store.seen,
                    [(key, size, tag, place[id(one)]) for key, (size, tag, one) in store.files.items()],
                )
                for name, store in stores.items()
            },
            "summaries": summaries.as_json(of_manifests),
            "proofs": [proofs.as_json(one) for one in of_proofs],
            "others": [one.decode("latin-1") for one in others],
        }
    )
    return mac(_WORD + body, key).encode() + b"\n" + body


def _decoded(told: dict[str, Any]) -> dict[str, _Store]:
    contents: list[Content] = [
        *summaries.from_json(told["summaries"]),
        *map(proofs.from_json, told["proofs"]),
        *(one.encode("latin-1") for one in told["others"]),
    ]
    return {
        name: _Store(seen, {key: (size, tag, contents[at]) for key, size, tag, at in files})
        for name, (seen, files) in told["stores"].items()
    }
