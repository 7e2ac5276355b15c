"""The rows to be copied back, in private files: COPY's text, a line each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mtn_tui.engine.statefiles import refusal

_PIECE = 1 << 18


@dataclass
class Spool:
    """The rows of one table, numbered from 0. Its folder is private."""

    path: Path
    _starts: array[int] = field(default_factory=lambda: array("Q", [0]))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def fill(self, lines: Iterable[bytes]) -> None:
        """Write all rows. Raises StorageError."""
        try:
            with self.path.open("xb") as file:
                for line in lines:
                    file.write(line)
                    self._starts.append(self._starts[-1] + len(line))
        except OSError as error:
            raise refusal(error, self.path) from error

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The rows from ``start`` to before ``end``, in pieces. Raises StorageError."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._starts[start])
                left = self._starts[end] - self._starts[start]
                while left and (piece := file.read(min(_PIECE, left))):
                    left -= len(piece)
                    yield piece
        except OSError as error:
            raise refusal(error, self.path) from error
