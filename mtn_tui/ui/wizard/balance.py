"""What production has beside a chosen backup, in sentences whose parts add up.

Rows that are gone are told from rows that are new since, so that nobody has to add or take off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from mtn_tui.core.i18n import Figure, _, ngettext
from mtn_tui.operations.restore.lost_rows import RowsNow
from mtn_tui.operations.restore.plan import Target
from mtn_tui.postgres.newest import Newer

_NAMED = 2
"""Tables that are named; one more is as well, where it is the last."""

_PUBLIC = "public."

_Count: TypeAlias = tuple[str, int, bool]
"""A table, rows of it, and whether these were counted."""


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


def balance_text(rows: RowsNow | None, newer: Newer | None = None) -> str:
    """How many rows that were there are gone, and how many are new since, by table; empty where none is.

    Of a table whose rows have no date only the difference is known: it is the least of either.
    """
    created = dict(newer.created) if newer else {}
    dated = newer.dated if newer else frozenset()
    gone, new, least = list[_Count](), list[_Count](), False
    for one in rows.tables if rows else ():
        if one.now is None:
            continue
        more = one.now - one.then
        since = created.get(one.table, 0) if one.table in dated else max(more, 0)
        lost = max(since - more, 0)
        least = least or (one.table not in dated and more != 0)
        gone += [(one.table, lost, one.exact)] if lost else []
        new += [(one.table, since, one.exact)] if since else []
    if not gone and not new:
        return ""
    text = ngettext(
        "{gone} row that was there is gone{of}", "{gone} rows that were there are gone{of}", _sum(gone)
    )
    said = text.format(gone=_figure(_sum(gone), _exact(gone)), of=_of(gone))
    said += ", " + _("{new} new since{of}").format(new=_figure(_sum(new), _exact(new)), of=_of(new))
    return _("at least: {what}").format(what=said) if least else said


def _sum(counts: Sequence[_Count]) -> int:
    return sum(rows for _table, rows, _exact in counts)


def _exact(counts: Sequence[_Count]) -> bool:
    return all(exact for *_rest, exact in counts)


def _of(counts: Sequence[_Count]) -> str:
    most = sorted(counts, key=lambda one: -one[1])
    return f" ({_parts(most)})" if counts else ""


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
