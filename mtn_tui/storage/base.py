"""The contract of a store.

A store holds objects under flat or one-folder keys (``full/name.sql.gz.gpg``).
What every implementation keeps to, and ``tests/contract`` checks:

- ``put`` is all or nothing: until it returns, no reader sees the key, and after
  it fails nothing is left that looks like an object. Once it has returned, the
  bytes survive a crash of the machine (a folder fsyncs file and directory).
- ``put`` with ``exclusive`` raises AlreadyThere instead of replacing.
- ``open`` reads from ``start`` to ``start + length`` (to the end without
  ``length``); the stream yields exactly those bytes or raises: Truncated never
  looks like an end of file. It is a context manager.
- ``list`` yields what is there, in key order, never a ``.part``, a folder, a
  symlink that leaves the store or a key that could not be ``put``.
- ``delete`` of what is not there is no error.
- Every key is checked by ``checked_key`` before it is used, also those that
  came from a listing.

Errors: NotFound, AlreadyThere, NoSpace and other StorageErrors are permanent;
StorageUnavailable is worth a retry. Nothing else escapes, save what the given
stream or callback raised. No method retries by itself for longer than its
timeouts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _


class Readable(Protocol):
    """What ``put`` sends: read(n) blocks for up to n bytes; b"" is the end."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True)
class Entry:
    """One object: its key, its size in bytes, when it was last written (UTC)."""

    key: str
    size: int
    modified: datetime


class Storage(Protocol):
    name: str
    """``disk`` or ``bucket``: the word in JSON and in messages."""

    place: str
    """Where it is, for people: a folder's path or ``bucket at host``."""

    def check(self) -> None:
        """Raise what would stop a put: unreachable, missing, denied, full."""

    def put(self, key: str, source: Readable, size: int | None = None, *, exclusive: bool = False) -> Entry:
        """Store all that ``source`` yields. ``size`` in bytes where it is known beforehand."""

    def open(self, key: str, start: int = 0, length: int | None = None) -> AbstractContextManager[BinaryIO]:
        """Read bytes of an object."""

    def stat(self, key: str) -> Entry:
        """Raise NotFound where there is none."""

    def list(self, prefix: str = "") -> Iterator[Entry]: ...

    def delete(self, key: str) -> None: ...

    def free(self) -> int | None:
        """Bytes that still fit; None where it cannot be known."""


def checked_key(key: str) -> str:
    """Return ``key`` unchanged, or raise StorageError where it could leave the store."""
    parts = key.split("/")
    bad = (
        not key
        or len(key.encode("utf-8", "surrogatepass")) > 900
        or any(part in ("", ".", "..") for part in parts)
        or any(ord(char) < 32 or char in "\\\x7f" for char in key)
    )
    if bad:
        raise StorageError(
            _("The name {name!r} is not one a backup can have.").format(name=key),
            _("Use a plain file name, without folders above it or control characters."),
        )
    return key
