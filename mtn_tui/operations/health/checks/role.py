"""The doctor's look at the role: whether it may read all that a backup reads, and restore."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mtn_tui.core.errors import PostgresError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.restore.preflight.permissions import unwritable
from mtn_tui.postgres import readable, recovery_conflicts, standby
from mtn_tui.postgres.connection import MAINTENANCE, connect
from mtn_tui.postgres.source import Source, read_source

_APPLICATION = "mtn doctor"


def role(context: Context) -> Iterator[Check]:
    """Whether the role may read all that a backup reads, and restore; unknown if that can't be asked."""
    settings = context.settings
    try:
        source = read_source(context.server, settings.db_name, _APPLICATION)
        with connect(context.server, settings.db_name, _APPLICATION) as connection:
            found = readable.look(connection)
            cut_short = standby.cuts_short(connection)
        with connect(context.server, MAINTENANCE, _APPLICATION) as connection:
            refusal = unwritable(connection, found.role)
    except PostgresError as error:
        said = _("Not looked at: {reason}").format(reason=error.title)
        yield Check("role", Status.UNKNOWN, said, error.hint)
        return
    doubts = [*_unread(found), *_left_out(found, source)]
    if not found.restores:
        doubts.append(
            Check(
                "role",
                Status.WARN,
                _("The role {name} may not make databases: it can't restore.").format(name=found.role),
                _("As a superuser: ALTER ROLE {name} CREATEDB;").format(name=found.role),
            )
        )
    if refusal is not None:
        doubts.append(Check("role", Status.WARN, refusal.title, refusal.hint))
    if cut_short:
        doubts.append(
            Check(
                "role",
                Status.WARN,
                _("The server is a hot standby, which may cancel a long backup."),
                recovery_conflicts.hint(),
            )
        )
    yield from doubts
    if not doubts:
        yield Check(
            "role", Status.OK, _("The role {name} may read all tables and restore.").format(name=found.role)
        )


def _unread(found: readable.Readable) -> Iterator[Check]:
    name = found.role
    if found.unreadable:
        yield Check(
            "role",
            Status.FAIL,
            _(
                "The role {name} may not read all tables and sequences ({count} not): no backup can be made."
            ).format(name=name, count=found.unreadable),
            readable.mend(name),
        )
    if found.behind_policies:
        yield Check(
            "role",
            Status.FAIL,
            _("Row security hides rows of {tables} from {name}: no backup can be made.").format(
                tables=_few(found.behind_policies),
                name=name,
            ),
            _("As a superuser: ALTER ROLE {name} BYPASSRLS;").format(name=name),
        )
    if found.large_objects:
        yield Check(
            "role",
            Status.FAIL,
            ngettext(
                "The role {name} may not read {count} large object of others: no backup can be made.",
                "The role {name} may not read {count} large objects of others: no backup can be made.",
                found.large_objects,
            ).format(name=name, count=found.large_objects),
            _("As a superuser: ALTER ROLE {name} SET lo_compat_privileges = on;").format(name=name),
        )


def _few(tables: Sequence[str]) -> str:
    return ", ".join(tables[:3]) + ("…" if tables[3:] else "")


def _left_out(found: readable.Readable, source: Source) -> Iterator[Check]:
    if source.without_rows:
        yield Check(
            "role",
            Status.WARN,
            _("A hot standby has no rows of unlogged tables: its backups lack them: {tables}").format(
                tables=_few(source.without_rows)
            ),
            _("Back up the primary; or on the primary: ALTER TABLE … SET LOGGED;"),
        )
    if found.left_out:
        yield Check(
            "role",
            Status.WARN,
            _(
                "Subscriptions and the options of user mappings are shown to superusers only: "
                "what {name} backs up lacks {count} of them."
            ).format(name=found.role, count=found.left_out),
            _("Let a superuser make the backups (DB_USER), or keep elsewhere how to create them."),
        )
