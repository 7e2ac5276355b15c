"""Whether a full can still be the base of a differential: is it of this server, and of its history?"""

from __future__ import annotations

from collections.abc import Sequence

from mtn_tui.core.i18n import _
from mtn_tui.core.identity import ServerIdentity
from mtn_tui.postgres import watermark
from mtn_tui.postgres.changes import WINDOW
from mtn_tui.postgres.connection import Connection, translated
from mtn_tui.postgres.snapshot import Snapshot


def another_server(then: ServerIdentity, now: ServerIdentity) -> str:
    """Why the database is not the one that the full is of; empty if it is."""
    if then.system_identifier != now.system_identifier:
        return _("the full is of another PostgreSQL server (cluster)")
    if then.database_oid != now.database_oid:
        return _("the database was created again, or restored, since the full")
    if then.major != now.major:
        return _("the server was upgraded from PostgreSQL {then} to {now} since the full").format(
            then=then.major, now=now.major
        )
    if then.timeline != now.timeline:
        return _("the server was promoted or recovered since the full (timeline {then}, now {now})").format(
            then=then.timeline, now=now.timeline
        )
    return ""


def another_history(
    connection: Connection,
    lsn: str,
    horizon: int,
    xmax: int,
    transactions: Sequence[tuple[int, bool]],
    now: Snapshot,
) -> str:
    """Why the server has not had what the full is of, or can't tell any more; empty if all is well.

    ``lsn``, ``horizon``, ``xmax`` and ``transactions`` (the watermark) are the full's.
    """
    back = _("the server was put back to an earlier state since the full")
    with translated():
        row = connection.execute(
            "SELECT pg_is_in_recovery(), %s::pg_lsn < %s::pg_lsn", [now.lsn, lsn]
        ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    standby, behind = row
    if standby and transactions:
        return _("the full is of the primary, and this is a standby")
    if not standby and not transactions:
        return _("the full is of a standby, and this is the primary")
    if behind or now.xmax < xmax:
        return back
    if now.xmax - horizon >= WINDOW:
        return _("too many transactions since the full")
    if standby:
        return ""
    match watermark.holds(connection, tuple(transactions)):
        case True:
            return ""
        case False:
            return back
    return _("the server does not remember the transactions of the full any more")
