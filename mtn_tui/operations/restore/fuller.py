"""Which backup to take in place of a chosen one that has fewer rows than another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.restore.main_tables import MAIN_TABLES, has_shrunk


@dataclass(frozen=True)
class Fuller:
    """A backup that has more rows than the chosen one, and the table that differs most."""

    backup: Backup
    table: str
    there: int
    """Its rows in that backup."""
    here: int
    """Its rows in the chosen one."""
    later: bool
    """Whether that backup is later than the chosen one."""

    @property
    def lacks(self) -> int:
        """How many rows the chosen one has fewer."""
        return self.there - self.here


def fuller(offered: Sequence[Backup], chosen: Backup, until: datetime | None) -> Fuller | None:
    """The backup to take in place of the chosen one, of those ``offered``, the newest first; None for none.

    An earlier one comes first: the newest where a table has many more rows, for the chosen one was made after
    a loss. Else a later one, up to ``until``: the newest trusted one that has more rows, and is short of no
    table. Where ``until`` is None, no later one is looked for.
    """
    rows, place = _rows(chosen), offered.index(chosen)
    for one in offered[place + 1 :]:
        then = _rows(one)
        table = _most(then, rows, {name for name in rows if has_shrunk(rows[name], then.get(name, 0))})
        if table:
            return Fuller(one, table, then[table], rows[table], later=False)
    if until is None or not rows:
        return None
    found, most = None, dict(rows)
    for one in reversed(offered[:place]):
        then = _rows(one)
        table = _most(then, rows, rows.keys() & then.keys())
        whole = not any(_is_short(name, then.get(name, 0), most[name]) for name in most)
        if one.moment <= until and one.trusted and whole and table and then[table] > rows[table]:
            found = Fuller(one, table, then[table], rows[table], later=True)
        most |= {name: max(then.get(name, 0), most[name]) for name in most}
    return found


def _rows(one: Backup) -> Mapping[str, int]:
    return one.manifest.rows() if one.manifest else {}


def _most(then: Mapping[str, int], rows: Mapping[str, int], tables: set[str]) -> str:
    """The table of which ``then`` has most more than ``rows``; of several the first by name."""
    return max(sorted(tables), key=lambda name: then[name] - rows[name], default="")


def _is_short(table: str, now: int, most: int) -> bool:
    """Whether rows are missing: of a main table any, of another so many that it is no cleaning up."""
    return now < most if table.rpartition(".")[2] in MAIN_TABLES else has_shrunk(now, most)
