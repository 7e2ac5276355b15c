"""What holds the server's horizon back: then vacuum cleans nothing, and differentials grow.

Old transactions, prepared ones, replication slots, and how far the oldest row
is from the wraparound of transaction ids.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.postgres import horizon as server
from mtn_tui.postgres.connection import connect
from mtn_tui.postgres.horizon import Held

LIMIT = timedelta(hours=1)
"""Age of a transaction from which it is named."""

_NAME = "horizon"

_WARNED_AGE = 1_000_000_000
_CRITICAL_AGE = 1_800_000_000
"""Transactions; at 2,147 million the server stops, and autovacuum begins at 200 million."""


def horizon(inspection: Inspection) -> Iterator[Check]:
    """Each that holds it back, and how to end it. Raises PostgresError."""
    context = inspection.context
    with connect(context.server, context.settings.db_name, "mtn doctor") as connection:
        held = server.look(connection, LIMIT)
    doubts = list(judged(held))
    yield from doubts
    if not doubts:
        text = _("Nothing holds old rows back; the oldest row is {count} million transactions old.")
        text = text.format(count=held.oldest_row // 1_000_000)
        yield Check(_NAME, Status.OK, text, figures={"oldest_row_transactions": float(held.oldest_row)})


def judged(held: Held) -> Iterator[Check]:
    """A check for each that is not as it should be."""
    for one in held.transactions:
        text = _("{user} ({application}, process {pid}) has a transaction open for {age}: {state}.").format(
            user=one.user,
            application=one.application or "—",
            pid=one.pid,
            age=labels.duration(one.seconds),
            state=one.state,
        )
        hint = _("Have it ended there; or: SELECT pg_terminate_backend({pid});").format(pid=one.pid)
        yield Check(_NAME, Status.WARN, text, hint)
    for prepared in held.prepared:
        text = _("The prepared transaction {name} in {database} is {age} old.").format(
            name=prepared.name, database=prepared.database, age=labels.duration(prepared.seconds)
        )
        hint = _("In {database}: COMMIT PREPARED or ROLLBACK PREPARED {name};").format(
            database=prepared.database, name=prepared.literal
        )
        yield Check(_NAME, Status.WARN, text, hint)
    for slot in held.slots:
        text = _("Nobody reads the replication slot {name}: it keeps {size} of WAL, and old rows.").format(
            name=slot.name, size=labels.size(slot.kept)
        )
        hint = _("Start what reads it; or: SELECT pg_drop_replication_slot({name});").format(
            name=slot.literal
        )
        yield Check(_NAME, Status.WARN, text, hint)
    if held.oldest_row >= _WARNED_AGE:
        text = _("The oldest row is {count} million transactions old; at 2,147 million the server stops.")
        hint = _("See why autovacuum does not get on; then as a superuser: vacuumdb --all --freeze")
        status = Status.FAIL if held.oldest_row >= _CRITICAL_AGE else Status.WARN
        figures = {"oldest_row_transactions": float(held.oldest_row)}
        yield Check(_NAME, status, text.format(count=held.oldest_row // 1_000_000), hint, figures=figures)
    if held.hidden:
        text = ngettext(
            "{count} session of others does not show {user} how old its transaction is.",
            "{count} sessions of others do not show {user} how old their transactions are.",
            held.hidden,
        ).format(count=held.hidden, user=held.user)
        hint = _("As a superuser: GRANT pg_read_all_stats TO {user};").format(user=held.user)
        yield Check(_NAME, Status.UNKNOWN, text, hint)
