"""The doctor's look at what killed jobs have left on the server."""

from __future__ import annotations

from collections.abc import Iterator

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.leftovers import left
from mtn_tui.postgres.connection import MAINTENANCE, connect

_NAME = "leftovers"


def leftovers(context: Context) -> Iterator[Check]:
    """Whether databases and logins of jobs that do not run are on the server, and how to remove them."""
    try:
        with connect(context.server, MAINTENANCE, "mtn doctor") as server:
            found = left(context, server)
    except PostgresError as error:
        said = _("Not looked at: {reason}").format(reason=error.title)
        yield Check(_NAME, Status.UNKNOWN, said, error.hint)
        return
    if found.over:
        yield Check(
            _NAME,
            Status.WARN,
            _("Left on the server by killed jobs: {names}").format(names=", ".join(found.over)),
            _("The next restore removes them. Or at once: mtn kept"),
        )
    if found.unknown:
        yield Check(
            _NAME,
            Status.WARN,
            _("On the server there are databases or logins of jobs not known here: {names}").format(
                names=", ".join(found.unknown)
            ),
            _("If no other machine restores there, remove them as a superuser: {statements}").format(
                statements=found.removal
            ),
        )
    if not found.over and not found.unknown:
        yield Check(_NAME, Status.OK, _("No killed job has left anything on the server."))
