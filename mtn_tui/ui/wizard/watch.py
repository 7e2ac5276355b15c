"""Sees what anybody writes about an incident. A look is one ``stat`` for each that there ever was."""

from __future__ import annotations

from pathlib import Path

from mtn_tui.core.errors import MtnError
from mtn_tui.operations.incident_file import FOLDER, Found, look_through


class Watch:
    """For one thread: ``look`` returns all incidents whenever a file of them has changed, else None."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._seen: frozenset[tuple[str, int, int]] | None = None

    def look(self) -> Found | MtnError | None:
        now = self._signature()
        if now == self._seen:
            return None
        self._seen = now
        try:
            return look_through(self._state)
        except MtnError as error:
            return error

    def _signature(self) -> frozenset[tuple[str, int, int]]:
        found = set()
        try:
            for path in (self._state / FOLDER).iterdir():
                about = path.lstat()
                found.add((path.name, about.st_size, about.st_ctime_ns))
        except FileNotFoundError:
            return frozenset()
        except OSError as error:
            return frozenset({(str(error), 0, 0)})
        return frozenset(found)
