"""Notices what any operator writes about incidents. A look costs one ``stat`` for each file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mtn_tui.core.errors import MtnError
from mtn_tui.operations.incident.file import Found, folders, look_through


class Watch:
    """Watches the files of all incidents. Not thread-safe."""

    def __init__(self, state: Path, spares: Sequence[Path] = ()) -> None:
        self._state = state
        self._spares = spares
        self._seen: frozenset[tuple[str, int, int]] | None = None

    def look(self) -> Found | MtnError | None:
        """All incidents if a file has changed since the last look, else None; or why they can't be read."""
        now = self._signature()
        if now == self._seen:
            return None
        self._seen = now
        try:
            return look_through(self._state, self._spares)
        except MtnError as error:
            return error

    def _signature(self) -> frozenset[tuple[str, int, int]]:
        found = set()
        for folder in folders(self._state, self._spares):
            try:
                for path in folder.iterdir():
                    about = path.lstat()
                    found.add((str(path), about.st_size, about.st_ctime_ns))
            except FileNotFoundError:
                continue
            except OSError as error:
                found.add((str(error), 0, 0))
        return frozenset(found)
