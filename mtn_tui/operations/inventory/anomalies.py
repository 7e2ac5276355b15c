"""Backups that are whole, and yet should be looked at: did the database shrink, or the dump?"""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from mtn_tui.archive.manifest import About
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.models import Kind

COMPARED = 7
"""Backups before it that one is compared with."""

_SHRUNK = 0.5
_MANY_ROWS = 1000
_LEFT_PERCENT = 10


def source(manifest: About) -> tuple[Kind, str, int]:
    """What two backups have in common that can be compared: kind, database, and the server's identifier."""
    return manifest.kind, manifest.database, manifest.server.system_identifier


def why_suspect(manifest: About, earlier: Iterable[About]) -> str:
    """Say what is odd about a backup; empty if nothing is.

    ``earlier`` holds the backups before it, newest first, of any kind, database
    and server: where installations share a store, the database of that name on
    another server is another. Odd is a table that changed before it could be
    locked, a size under half the median of the last seven like it, and a table of
    over 1,000 rows that lost 90 % since the last. A differential is small or large
    as it happens; its rows are compared with the last of its chain and, so that a
    loss stays odd until somebody has looked, with the first: of ``earlier`` those
    before an accepted one have to be left out.
    """
    if manifest.altered:
        return _("changed while the backup was opened, and may be empty or wrong in it: {tables}").format(
            tables=", ".join(manifest.altered)
        )
    differential = manifest.kind is Kind.DIFF
    like = [one for one in earlier if (_same_chain if differential else _same_kind)(one, manifest)]
    if not like:
        return ""
    rows = manifest.rows()
    for other in (like[0], like[-1]) if differential else like[:1]:
        for table, before in other.rows().items():
            now = rows.get(table, 0)
            if before > _MANY_ROWS and now * 100 <= before * _LEFT_PERCENT:
                return _("{table} has {now:,} rows, had {before:,}").format(
                    table=table, now=Figure(now), before=Figure(before)
                )
    if differential:
        return ""
    usual = median(one.size for one in like[:COMPARED])
    if manifest.size < usual * _SHRUNK:
        return _("{percent} % smaller than the {count} before it").format(
            percent=round(100 - 100 * manifest.size / usual), count=min(len(like), COMPARED)
        )
    return ""


def _same_kind(one: About, other: About) -> bool:
    return source(one) == source(other)


def _same_chain(one: About, differential: About) -> bool:
    return chain_of(one) == differential.base and source(one)[1:] == source(differential)[1:]


def chain_of(manifest: About) -> str:
    """The id of the full that a chain begins with."""
    return manifest.base or manifest.id
