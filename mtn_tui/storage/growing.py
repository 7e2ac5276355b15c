"""Reads a file while it is still being written.

The file itself is the buffer between writer and reader, so a slow reader never
holds the writer up.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Self

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled, StorageError, StorageUnavailable
from mtn_tui.core.i18n import _

_POLL = 0.25
"""Seconds after which a waiting reader looks at its deadline and its token again."""


class Growth:
    """How far a file has been written: one writer reports it, any number of threads wait for it."""

    def __init__(self) -> None:
        self._moved = threading.Condition()
        self._written = 0
        self._over = False
        self._error: BaseException | None = None

    @property
    def written(self) -> int:
        """Bytes written so far."""
        return self._written

    def advance(self, count: int) -> None:
        """Say that ``count`` more bytes are written."""
        with self._moved:
            self._written += count
            self._moved.notify_all()

    def finish(self) -> None:
        """Say that the file is complete."""
        with self._moved:
            self._over = True
            self._moved.notify_all()

    def fail(self, error: BaseException) -> None:
        """Say that the writer has given up: readers raise ``error``."""
        with self._moved:
            self._error = error
            self._moved.notify_all()

    def wait(self, size: float, seconds: float) -> tuple[int, bool]:
        """Wait up to ``seconds`` for ``size`` bytes; return those written, and whether the file is complete.

        Raises what the writer gave up with.
        """
        with self._moved:
            self._moved.wait_for(
                lambda: self._over or self._error is not None or self._written >= size,
                timeout=max(0.0, seconds),
            )
            if self._error is not None:
                raise self._error
            return self._written, self._over


class GrowingReader:
    """A Readable over a file that grows: ``read(n)`` waits for n bytes, or for the end.

    It has its own file handle, so it survives the file's renaming. ``deadline``
    is a moment of ``monotonic``, or a callable that returns it (called while
    waiting, so it may be set late); past it, a read that would wait raises
    StorageUnavailable. When the writer gives up, read raises what it gave up
    with, else Cancelled.
    """

    def __init__(
        self,
        path: Path,
        growth: Growth,
        *,
        deadline: float | Callable[[], float] = math.inf,
        monotonic: Callable[[], float] = time.monotonic,
        cancel: CancelToken | None = None,
    ) -> None:
        self._path = path
        self._growth = growth
        self._deadline = deadline
        self._monotonic = monotonic
        self._cancel = cancel
        self._position = 0
        self._file = FileIO(path)

    def read(self, size: int = -1, /) -> bytes:
        """Wait for ``size`` bytes and return them, fewer only at the end; if negative, all to the end.

        Raises StorageUnavailable past the deadline, Cancelled, StorageError if the file
        was cut short, and what the writer gave up with.
        """
        written = self._waited_for(self._position + size if size >= 0 else math.inf)
        count = written - self._position
        left = min(count, size) if size >= 0 else count
        pieces = []
        while left:
            piece = self._file.read(left)
            if not piece:
                raise StorageError(
                    _("{path} is shorter than what was written to it.").format(path=self._path),
                    _("Something else changes this file; find out what before the next backup."),
                )
            pieces.append(piece)
            left -= len(piece)
            self._position += len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def _waited_for(self, size: float) -> int:
        """Bytes written so far, once they are ``size`` or final."""
        patience = 0.0
        while True:
            if self._cancel is not None:
                self._cancel.check()
            written, over = self._growth.wait(size, patience)
            if over or written >= size:
                return written
            deadline = self._deadline() if callable(self._deadline) else self._deadline
            left = deadline - self._monotonic()
            if left <= 0:
                raise StorageUnavailable(
                    _("The upload was given up: the file was not finished in time."),
                    _("The copy on disk goes on; send it to the bucket later."),
                )
            patience = min(_POLL, left)

    def tell(self) -> int:
        """Bytes read so far."""
        return self._position

    def close(self) -> None:
        """Close its own handle; the writer is not affected."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def given_up() -> Cancelled:
    """Return the error that readers get if the writer leaves without a reason."""
    return Cancelled(_("The file was given up before it was finished."))
