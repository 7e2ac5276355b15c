"""What an incident knows of lost rows: of which main tables, and whether they are back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields

from mtn_tui.core.i18n import Figure, _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.state import LOST, WHOLE, Incident, Step
from mtn_tui.operations.recover.found import Recovery
from mtn_tui.operations.restore import main_tables
from mtn_tui.operations.restore.gone import gone_and_new, were_gone_and_new
from mtn_tui.operations.restore.main_tables import Table, has_shrunk
from mtn_tui.postgres.connection import connect

_APPLICATION = "mtn recount"


@dataclass(frozen=True)
class Loss:
    """A main table that was short of rows when step 1 looked."""

    table: str
    before: int
    """Rows in the last backup that is not short of them."""
    now: int
    """Rows in production when step 1 looked."""
    new: int | None = None
    """How many of these were created since that backup; None where that is not known."""

    @property
    def _gone(self) -> int:
        return self.before - self.now + (self.new or 0)

    @property
    def what(self) -> str:
        """How many rows were gone when step 1 looked, and how many new, in words."""
        return gone_and_new(self._gone, self.new)

    @property
    def what_was(self) -> str:
        """The same, once the rows are back."""
        return were_gone_and_new(self._gone, self.new)

    def is_back(self, rows: int) -> bool:
        """Whether so many rows are about as many as before."""
        return not has_shrunk(rows, self.before)


_FIELDS = {one.name for one in fields(Loss)}
_ALWAYS = _FIELDS - {"new"}
"""What older incidents have too."""


def recorded(tables: Sequence[Table]) -> dict[str, object]:
    """What step 1's facts keep: the losses, and the handle of the last backup from before all of them."""
    short = [one for one in tables if one.whole and (one.shrunk or one.absent)]
    if not short:
        return {}
    last = min((one.whole for one in short if one.whole), key=lambda one: one.moment)
    lost = [asdict(Loss(one.name, one.before or 0, one.rows or 0, one.new)) for one in short]
    return {LOST: lost, WHOLE: last.handle}


def losses(incident: Incident) -> tuple[Loss, ...]:
    """What step 1 has written down."""
    found = incident.steps[Step.ASSESS].facts.get(LOST)
    kept = [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
    return tuple(Loss(**one) for one in kept if _ALWAYS <= one.keys() <= _FIELDS)


def last_whole(incident: Incident) -> str:
    """The handle of the last backup that is not short of what was lost; empty if nothing was."""
    return str(incident.steps[Step.ASSESS].facts.get(WHOLE) or "")


def in_restored(lost: Sequence[Loss], rows: Mapping[str, int]) -> list[Check]:
    """Whether what was restored has the rows that production lacks; ``rows`` by main table."""
    return [_restored(one, rows[one.table]) for one in lost if one.table in rows]


def _restored(one: Loss, rows: int) -> Check:
    if one.is_back(rows):
        text = _("{table} has {rows:,} rows here. In production, by step 1: {what}.")
        return Check("lost", Status.OK, text.format(table=one.table, rows=Figure(rows), what=one.what))
    text = _("{table} has {rows:,} rows here too, of {before:,}. This backup was made after the loss.")
    return Check(
        "lost",
        Status.WARN,
        text.format(table=one.table, rows=Figure(rows), before=Figure(one.before)),
        _earlier(),
    )


def in_recovery(lost: Sequence[Loss], found: Recovery, rows: Mapping[str, int]) -> list[Check]:
    """The tables that would still be short of rows; ``rows`` are those of ``recount``."""
    back = {one.table: one.written for one in found.tables}
    text = _("{table}: {what}; {back:,} come back from this backup.")
    return [
        Check(
            "lost",
            Status.WARN,
            text.format(table=one.table, what=one.what, back=Figure(back.get(one.table, 0))),
            _earlier(),
        )
        for one in lost
        if one.table in rows and not one.is_back(rows[one.table] + back.get(one.table, 0))
    ]


def _earlier() -> str:
    return _("An earlier one has them: [backspace] to step 3, and [a].")


def recount(context: Context) -> dict[str, int]:
    """Count the main tables of production once more. Raises PostgresError where it can't be asked."""
    with connect(context.server, context.settings.db_name, _APPLICATION) as connection:
        tables = main_tables.count(connection, {}, None)
    return {one.name: one.rows for one in tables if one.rows is not None}


def in_production(lost: Sequence[Loss], rows: Mapping[str, int]) -> list[Check]:
    """Whether each table has its rows again; ``rows`` are those of ``recount``."""
    return [_again(one, rows.get(one.table)) for one in lost]


def _again(one: Loss, rows: int | None) -> Check:
    if rows is None:
        text = _("The rows of {table} could not be counted again.")
        return Check("lost", Status.UNKNOWN, text.format(table=one.table))
    if one.is_back(rows):
        text = _("{table} has {now:,} rows again. When step 1 looked, {what}.")
        return Check("lost", Status.OK, text.format(table=one.table, now=Figure(rows), what=one.what_was))
    text = _("{table} still lacks rows: it has {now:,}. By step 1: {what}.")
    return Check("lost", Status.FAIL, text.format(table=one.table, now=Figure(rows), what=one.what))
