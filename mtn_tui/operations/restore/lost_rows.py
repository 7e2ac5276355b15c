"""The rows of each table that a backup has, beside those of the live database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mtn_tui.core.errors import PostgresError
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.postgres.row_counts import RowCount, row_counts


@dataclass(frozen=True)
class TableRows:
    """A table's rows in the backup and now."""

    table: str
    then: int
    now: int | None
    """None where that is not known."""
    exact: bool = True
    """Whether ``now`` was counted; else it is an estimate, as of a large table."""

    @property
    def grown(self) -> int:
        """How many rows more there are by now; 0 where they were not counted."""
        return max(self.now - self.then, 0) if self.now is not None and self.exact else 0

    def facts(self) -> dict[str, object]:
        """For ``--json``."""
        return {"then": self.then, "now": self.now, "exact": self.exact}


@dataclass(frozen=True)
class RowsNow:
    """What the live database holds beside a backup."""

    database: str
    tables: tuple[TableRows, ...]
    """In the order of the backup, then those that it has not got."""

    @property
    def different(self) -> tuple[TableRows, ...]:
        """The tables whose rows are more or fewer by now, what differs most first."""
        differ = [one for one in self.tables if one.now is not None and one.now != one.then]
        return tuple(sorted(differ, key=lambda one: -abs((one.now or 0) - one.then)))

    @property
    def grown(self) -> dict[str, int]:
        """By how many rows each table that was counted has more by now."""
        return {one.table: one.grown for one in self.tables if one.grown}

    @property
    def unknown(self) -> int:
        """Of how many tables nothing is known."""
        return sum(one.now is None for one in self.tables)

    def facts(self) -> dict[str, object]:
        """For ``--json``."""
        return {"database": self.database, "tables": {one.table: one.facts() for one in self.tables}}


def rows_now(context: Context, backup: Backup, application: str) -> RowsNow | None:
    """Compare with production. None where it does not answer, or nothing is known of the backup."""
    database = context.settings.db_name
    if backup.manifest is None or backup.manifest.database != database:
        return None
    then: Mapping[str, int] = backup.manifest.rows()
    try:
        now = row_counts(context.server, database, then.keys(), application, context.clock)
    except PostgresError:
        return None  # it was dropped, or its server is another: there is nothing to compare with
    tables = dict.fromkeys([*then, *now])
    return RowsNow(database, tuple(_beside(table, then.get(table, 0), now) for table in tables))


def _beside(table: str, then: int, now: Mapping[str, RowCount | None]) -> TableRows:
    if table not in now:
        return TableRows(table, then, 0)
    count = now[table]
    return TableRows(table, then, None) if count is None else TableRows(table, then, count.rows, count.exact)
