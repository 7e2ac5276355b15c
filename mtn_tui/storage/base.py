"""The contract of a store.

A store holds objects under flat or one-folder keys (``full/name.sql.gz.gpg``).
What every implementation keeps to, and ``tests/contract`` checks:

- ``put`` is all or nothing: until it returns, no reader sees the key, and after
  it fails nothing is left that looks like an object. Once it has returned, the
  bytes survive a crash of the machine (a folder fsyncs file and directory). The
  one case no client can close: when a bucket's last answer is lost on the way,
  put raises StorageUnavailable though the object is there, whole.
- ``put`` with ``exclusive`` raises AlreadyThere instead of replacing. On disk
  exactly one of several writers wins. In a bucket the server decides
  (``If-None-Match: *``): AWS and MinIO let one through. A server that ignores
  the header, or looks before it acts (SeaweedFS 4.48 with uploads in parts), may
  let two through that began before either had ended; what is there then is
  one of them, whole.
- ``put`` with ``size`` refuses a source that yields more or less, or raises
  NoSpace at once where so much cannot fit.
- ``open`` reads from ``start`` to ``start + length`` (to the end without
  ``length``); the stream yields exactly those bytes or raises, so a broken
  connection never looks like an end of file: StorageUnavailable for that,
  ``Truncated`` where the object itself ends before the range does. It is a
  context manager.
- ``list`` yields what is there, in key order, never a ``.part``, a folder, a
  symlink that leaves the store or a key that could not be ``put``.
- ``delete`` of a missing key is no error.
- Every key is checked by ``checked_key`` before it is used, also those that
  came from a listing.

Errors: NotFound, AlreadyThere, NoSpace and other StorageErrors are permanent;
StorageUnavailable is worth a retry. Nothing else escapes, save Truncated as
said above and what the given stream, token or callback raised. No method
retries by itself, or waits longer for one answer than its timeouts. Every
method may be called from several threads at once.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple, Protocol

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import PART

NEVER = datetime.fromtimestamp(0, UTC)
"""Stands for the time of the last change where the server reports none."""

BUCKETS = "5.4"
"""The runbook's section on failing buckets."""


class Readable(Protocol):
    """What ``put`` sends: read(n) blocks for up to n bytes; b"" is the end."""

    def read(self, size: int = -1, /) -> bytes:
        """Return up to ``size`` bytes; all that is left if negative."""


class Entry(NamedTuple):
    """One object: its key, its size in bytes, when it was last written (UTC)."""

    key: str
    size: int
    modified: datetime
    tag: str = ""
    """Given by ``list``: changes when the object is written again, even within a second and at the same
    size. Empty if the store can't tell."""


class Storage(Protocol):
    """A store of backups: the contract is in this module's docstring."""

    @property
    def name(self) -> str:
        """``disk`` or ``bucket``: the word in JSON and in messages."""

    @property
    def identity(self) -> str:
        """Identifies the store in our own files; not translated."""

    @property
    def place(self) -> str:
        """Where it is, for messages: a folder's path or ``bucket at host``."""

    def check(self) -> None:
        """Raise the error that would stop a put: unreachable, missing, denied, full."""

    def put(
        self,
        key: str,
        source: Readable,
        size: int | None = None,
        *,
        size_hint: int | None = None,
        exclusive: bool = False,
        cancel: CancelToken | None = None,
    ) -> Entry:
        """Store all that ``source`` yields, and return its entry.

        ``size`` is the number of bytes, if known beforehand; ``size_hint`` an
        upper estimate, by which a bucket fixes its part size. ``cancel`` stops
        the transfer between two pieces.
        """

    def open(self, key: str, start: int = 0, length: int | None = None) -> AbstractContextManager[BinaryIO]:
        """Open ``length`` bytes of an object from ``start`` on, or all from there. Raises NotFound."""

    def stat(self, key: str) -> Entry:
        """Return an object's entry. Raises NotFound."""

    def list(self, prefix: str = "") -> Iterator[Entry]:
        """Yield the objects whose key begins with ``prefix``, in key order."""

    def delete(self, key: str) -> None:
        """Remove an object; a missing one is no error."""

    def free(self) -> int | None:
        """Bytes that still fit; None if unknown."""


_LIMIT = 900
"""Bytes of UTF-8 in a key: S3 allows 1,024."""

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)?")
"""Nearly every key matches this: a listing of thousands need not check each character."""


def _is_plain(key: str) -> bool:
    return _PLAIN.fullmatch(key) is not None and len(key) <= _LIMIT and not key.endswith(PART)


def checked_key(key: str) -> str:
    """Return ``key`` unchanged, or raise StorageError if it could leave the store.

    Also refused: names that one of the stores could not hold or a terminal would
    obey (control characters, bytes that are not UTF-8), and ``.part``, which
    marks unfinished files.
    """
    if _is_plain(key):
        return key
    parts = key.split("/")
    bad = (
        len(parts) > 2
        or any(not part.strip() or part in (".", "..") for part in parts)
        or key.endswith(PART)
        or any(
            unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") or char in "\\\ufffe\uffff" for char in key
        )
        or len(key.encode()) > _LIMIT
    )
    if bad:
        raise StorageError(
            _("The name {name!r} is not one a backup can have.").format(name=key),
            _("Use a plain file name, under one folder at most, without control characters."),
        )
    return key


def storable(key: str) -> bool:
    """Whether ``checked_key`` accepts it."""
    if _is_plain(key):
        return True
    try:
        checked_key(key)
    except StorageError:
        return False
    return True
