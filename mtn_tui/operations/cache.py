"""Manifests and proofs that were read before, so that a store is only asked for what has changed.

A file in the user's cache folder that may be thrown away at any time. It is
signed with the key as a whole; one that is damaged, foreign, of another version
or can't be used is as none. A content is known by its store, key, size and the
store's tag (an etag; a file's inode and times). Of a manifest its summary is
kept. A proof is worth what the one beside the copy is worth.
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

FILE = "inventory.json"
_WORD = b"inventory 1\n"
"""Of what is signed: no manifest begins so."""

_FORGET_AFTER = timedelta(days=60)
"""For stores that nobody lists any more."""

Content = Summary | Proof | bytes
"""Of a manifest its summary, and what a proof says; the bytes of one that can't be believed or read."""


@dataclass
class _Store:
    seen: float
    """When something was kept of it, in Unix time."""
    files: dict[str, tuple[int, str, Content]] = field(default_factory=dict)
    """Size, tag and content by key."""


class Cache:
    """One process's view of the file. Safe from several threads; read once, written where something is new.

    Without a folder, and without a key, it only remembers for as long as it lives.
    """

    def __init__(self, folder: Path | None = None, clock: Clock | None = None) -> None:
        self._path = folder / FILE if folder else None
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._stores: dict[str, _Store] | None = None
        self._key: Key | None = None
        self._changed = False

    def known(self, store: Storage, key: Key | None, entries: Iterable[Entry]) -> dict[str, Content]:
        """The contents, by key, of those of ``entries`` that have not changed since they were kept.

        What another key than ``key`` vouched for is forgotten.
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
        """Remember what was ``read``, and of all else of this store only what is among ``entries``."""
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
            if gone or new:
                kept.seen, self._changed = self._clock.now().timestamp(), True

    def save(self) -> None:
        """Write the file, if there is anything new. One that can't be written is done without."""
        with self._lock:
            if not self._changed or not self._path or not self._key or self._stores is None:
                return
            self._changed = False
            oldest = self._clock.now().timestamp() - _FORGET_AFTER.total_seconds()
            stores = {name: store for name, store in self._stores.items() if store.seen >= oldest}
            with suppress(OSError):
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                durable.write(self._path, _encoded(stores, self._key), durable.replace)

    def _of(self, store: Storage, key: Key | None) -> _Store:
        if self._stores is None or key != self._key:
            self._stores, self._key, self._changed = self._read(key), key, False
        return self._stores.setdefault(store.identity, _Store(0))

    def _read(self, key: Key | None) -> dict[str, _Store]:
        if not self._path or not key:
            return {}
        try:
            signature, _newline, body = self._path.read_bytes().partition(b"\n")
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
