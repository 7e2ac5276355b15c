"""A stream that yields exactly its bytes or raises: a short read never looks like the end."""

from __future__ import annotations

import io
from collections.abc import Callable

from mtn_tui.core.errors import MtnError, StorageError, Truncated
from mtn_tui.core.i18n import _
from mtn_tui.storage.base import Readable


class Span(io.RawIOBase):
    """The next ``length`` bytes of ``source``; raises ``early()`` if it ends before that.

    After an error every further read raises it again.
    """

    def __init__(self, source: Readable, length: int, early: Callable[[], MtnError]) -> None:
        super().__init__()
        self._source = source
        self._left = length
        self._early = early
        self._error: MtnError | None = None

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # a memoryview is all it gets
        """Fill ``buffer`` as far as one read of the source does; return the number of bytes, 0 at the end."""
        if self._error is not None:
            raise self._error
        try:
            piece = self._source.read(min(len(buffer), self._left)) if self._left else b""
            if not piece and self._left and len(buffer):
                raise self._early()
        except MtnError as error:
            self._error = error
            raise
        buffer[: len(piece)] = piece
        self._left -= len(piece)
        return len(piece)


def ends_early(key: str, size: int) -> Truncated:
    """Return the error for an object that ends after ``size`` bytes, before the range does."""
    return Truncated(
        _("{key} ends after {size} bytes, before the part that was asked for.").format(key=key, size=size),
        _("This copy is cut short. Use the other store's copy, or an older backup."),
    )


def wrong_size(key: str, expected: int, got: int) -> StorageError:
    """Return the error for a source that yielded ``got`` bytes where ``expected`` were announced."""
    return StorageError(
        _("{key} was to have {expected} bytes, but at least {got} came; nothing was stored.").format(
            key=key, expected=expected, got=got
        )
        if got > expected
        else _("{key} was to have {expected} bytes, but only {got} came; nothing was stored.").format(
            key=key, expected=expected, got=got
        ),
        _("What it is copied from has changed or is cut short; check that first."),
    )
