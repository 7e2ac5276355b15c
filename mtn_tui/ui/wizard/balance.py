"""What production has beside a chosen backup, in sentences whose parts add up.

Two counts are told apart: rows created since, which are lost with it whatever else was deleted, and
the balance of each table, where what was deleted since is taken off what was created.
"""

from __future__ import annotations

from collections.abc import Sequence

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.restore.lost_rows import RowsNow, TableRows
from mtn_tui.operations.restore.plan import Target

_NAMED = 2
"""Tables that are named; one more is as well, where it is the last."""

_PUBLIC = "public."


def created_text(production: Target | None) -> str:
    """How many rows were created since and are still there, by table; empty where none or not known."""
    newer = production.newer if production else None
    if newer is None or not newer.rows:
        return ""
    text = ngettext(
        "{rows:,} row created since is still there", "{rows:,} rows created since are still there", newer.rows
    )
    parts = _parts([(table, rows, True) for table, rows in newer.created])
    return text.format(rows=Figure(newer.rows)) + (f" ({parts})" if parts else "")


def balance_text(rows: RowsNow | None) -> str:
    """How many rows the tables have more by now, and others fewer; empty where none has."""
    differ = rows.different if rows else ()
    more, fewer = ([one for one in differ if _change(one) * sign > 0] for sign in (1, -1))
    said = []
    if more:
        total = sum(map(_change, more))
        text = ngettext("{rows} row more than then", "{rows} rows more than then", total)
        said.append(text.format(rows=_figure(total, _exact(more))) + f" ({_changes(more)})")
    if fewer:
        total = -sum(map(_change, fewer))
        text = ngettext("{rows} row fewer than then", "{rows} rows fewer than then", total)
        text = _("{rows} fewer") if more else text
        said.append(text.format(rows=_figure(total, _exact(fewer))) + f" ({_changes(fewer)})")
    return ", ".join(said)


def _change(one: TableRows) -> int:
    return (one.now or 0) - one.then


def _exact(tables: Sequence[TableRows]) -> bool:
    return all(one.exact for one in tables)


def _changes(tables: Sequence[TableRows]) -> str:
    return _parts([(one.table, abs(_change(one)), one.exact) for one in tables])


def _parts(counts: Sequence[tuple[str, int, bool]]) -> str:
    """The tables with their rows, those with most first, and the rest in one: they add up to the sum."""
    shown = counts if len(counts) <= _NAMED + 1 else counts[:_NAMED]
    said = [f"{_figure(rows, exact)} {table.removeprefix(_PUBLIC)}" for table, rows, exact in shown]
    if rest := counts[len(shown) :]:
        total = _figure(sum(rows for _table, rows, _exact in rest), all(exact for *_rest, exact in rest))
        said.append(_("{rows} in {count} other tables").format(rows=total, count=len(rest)))
    return ", ".join(said)


def _figure(rows: int, exact: bool) -> str:
    return f"{'' if exact else '≈'}{Figure(rows):,}"
