"""Manifests and proofs that were fetched before, so that a store is only asked for what has changed.

A file in the user's cache folder that may be thrown away at any time; one that
is damaged, foreign or can't be used is as none. A content is known by its
store, key, size and the store's tag (an etag; a file's inode and times), and
checked by its SHA-256. Of a manifest its summary is kept, and nothing is
believed: the MAC is checked with the key each time it is read, and a proof is
worth what the one beside the copy is worth, which has no MAC either.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from mtn_tui.archive.keys import Key
from mtn_tui.archive.summary import Summary
from mtn_tui.core.clock import Clock, SystemClock
from mtn_tui.storage.base import Entry, Storage

if TYPE_CHECKING:
    import sqlite3

FILE = "inventory.sqlite"
_APPLICATION = 0x4D544E33
_FORGET_AFTER = timedelta(days=60)
"""For stores that nobody lists any more."""

_BUSY = 2.0
"""Seconds that another process's writing is waited for."""

_TABLES = f"""
    CREATE TABLE stores (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, seen REAL NOT NULL);
    CREATE TABLE contents (id INTEGER PRIMARY KEY, digest BLOB UNIQUE NOT NULL, data BLOB NOT NULL);
    CREATE TABLE files (
        store INTEGER NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, tag TEXT NOT NULL,
        content INTEGER NOT NULL, PRIMARY KEY (store, key)) WITHOUT ROWID;
    PRAGMA application_id = {_APPLICATION};
"""

_Decoded = dict[tuple[bytes, str], Summary]
_Known = dict[str, tuple[int, str, bytes]]
"""Size, tag and content by key."""


class Cache:
    """One process's view of the file. Safe from several threads; read once, written where something is new.

    Without a folder it only remembers for as long as it lives.
    """

    def __init__(self, folder: Path | None = None, clock: Clock | None = None) -> None:
        self._path = folder / FILE if folder else None
        self._clock = clock or SystemClock()
        self._lock = threading.Lock()
        self._is_read = False
        self._known: dict[str, _Known] = {}
        self._same: dict[bytes, bytes] = {}
        self._decoded: _Decoded = {}
        self._key: Key | None = None

    def decoded(self, key: Key | None) -> _Decoded:
        """Manifests that ``key`` vouched for in this process, by their bytes and name; to be added to."""
        with self._lock:
            if key != self._key:
                self._key, self._decoded = key, {}
            return self._decoded

    def known(self, store: Storage, entries: Iterable[Entry]) -> dict[str, bytes]:
        """The contents, by key, of those of ``entries`` that have not changed since they were kept."""
        with self._lock:
            if not self._is_read:
                self._is_read = True
                self._read()
            known = self._known.setdefault(store.identity, {})
        return {
            entry.key: found[2]
            for entry in entries
            if entry.tag and (found := known.get(entry.key)) and found[:2] == (entry.size, entry.tag)
        }

    def keep(self, store: Storage, entries: Iterable[Entry], fetched: Mapping[str, bytes]) -> None:
        """Remember what was ``fetched``, and of all else of this store only what is among ``entries``."""
        there = {entry.key: entry for entry in entries}
        with self._lock:
            known = self._known.setdefault(store.identity, {})
            gone = known.keys() - there.keys()
            for key in gone:
                del known[key]
            new = {
                key: (there[key].size, there[key].tag, self._one(data))
                for key, data in fetched.items()
                if there[key].tag
            }
            known.update(new)
            if gone or new:
                self._write(store.identity, gone, new)
            if len(self._same) > 2 * sum(map(len, self._known.values())) + 1000:
                self._same, self._decoded = {}, {}  # most is of files that were replaced since

    def _one(self, data: bytes) -> bytes:
        """The same bytes of both stores as one object: half the memory, and decoded once."""
        return self._same.setdefault(data, data)

    def _read(self) -> None:
        with self._opened() as database:
            if database is None:
                return
            contents: dict[int, bytes] = {}
            database.execute("BEGIN")  # as it was at one moment, whoever writes meanwhile
            for number, digest, data in database.execute(
                "SELECT id, digest, data FROM contents WHERE typeof(data) = 'blob'"
            ):
                if hashlib.sha256(data).digest() == digest:
                    contents[number] = data
            for store, name in database.execute("SELECT id, name FROM stores").fetchall():
                known = self._known.setdefault(name, {})
                rows = database.execute("SELECT key, size, tag, content FROM files WHERE store = ?", [store])
                for key, size, tag, number in rows:
                    content = contents.get(number)
                    if content is not None:
                        known[key] = (size, tag, content)

    def _write(self, store: str, gone: Iterable[str], new: Mapping[str, tuple[int, str, bytes]]) -> None:
        now = self._clock.now().timestamp()
        with self._opened() as database:
            if database is None:
                return
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "INSERT INTO stores (name, seen) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET seen = excluded.seen",
                [store, now],
            )
            (number,) = database.execute("SELECT id FROM stores WHERE name = ?", [store]).fetchone()
            database.executemany(
                "DELETE FROM files WHERE store = ? AND key = ?", [(number, key) for key in gone]
            )
            for key, (size, tag, data) in new.items():
                digest = hashlib.sha256(data).digest()
                database.execute(
                    "INSERT INTO contents (digest, data) VALUES (?, ?) ON CONFLICT (digest) DO UPDATE"
                    " SET data = excluded.data",
                    [digest, data],
                )
                database.execute(
                    "INSERT OR REPLACE INTO files SELECT ?, ?, ?, ?, id FROM contents WHERE digest = ?",
                    [number, key, size, tag, digest],
                )
            database.execute("DELETE FROM stores WHERE seen < ?", [now - _FORGET_AFTER.total_seconds()])
            database.execute("DELETE FROM files WHERE store NOT IN (SELECT id FROM stores)")
            database.execute("DELETE FROM contents WHERE id NOT IN (SELECT content FROM files)")
            database.execute("COMMIT")

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection | None]:
        """The database, or None. Whatever is wrong with it ends the block without a word: it is a cache."""
        if self._path is None:
            yield None
            return
        try:
            import sqlite3  # some ms of a command's start, and not every Python was built with it
        except ImportError:
            yield None
            return
        database: sqlite3.Connection | None = None
        try:
            database = _connect(self._path)
        except (OSError, sqlite3.Error):
            yield None
            return
        try:
            yield database
        except sqlite3.OperationalError:
            return  # busy, or its disk is full
        except sqlite3.Error:
            with suppress(OSError):
                self._path.unlink()  # damaged
        finally:
            database.close()


def _connect(path: Path) -> sqlite3.Connection:
    import sqlite3

    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return _ours(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError:
        path.unlink()
        return _ours(path)


def _ours(path: Path) -> sqlite3.Connection:
    """Raises sqlite3.DatabaseError where the file is none of ours."""
    import sqlite3

    path.touch(mode=0o600)
    database = sqlite3.connect(path, timeout=_BUSY, isolation_level=None)
    try:
        (application,) = database.execute("PRAGMA application_id").fetchone()
        if application != _APPLICATION:
            (tables,) = database.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            if tables:
                raise sqlite3.DatabaseError
            database.executescript(f"BEGIN IMMEDIATE; {_TABLES} COMMIT;")
    except BaseException:
        database.close()
        raise
    return database
