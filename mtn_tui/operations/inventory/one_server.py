"""Tells apart the backups of several servers that share a bucket and have databases of the same name.

Those of the server count on which this installation has last seen the database.
Where it has seen none of them (a new machine), the newest server's do, as long
as the others' are all older than its oldest: so it looks after a move. Where
they lie among each other, nothing tells.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.production import last_seen
from mtn_tui.operations.inventory.anomalies import source
from mtn_tui.operations.inventory.model import Backup, Inventory


@dataclass(frozen=True)
class OfOneServer:
    """An inventory that holds the backups of one server, as far as that can be told."""

    inventory: Inventory
    """Without the backups of other servers that are at work too."""
    other: Backup | None = None
    """The newest of such a server, where it is newer than ours."""
    unclear: tuple[Backup, ...] = ()
    """The newest of each server, where nothing tells which is meant; nothing is left out then."""

    @property
    def doubt(self) -> str:
        """A warning before the newest is taken; empty if there is none."""
        if self.other is not None:
            return _("{name}, of {moment}, is of another server ({server}) and is skipped.").format(
                name=self.other.name, moment=labels.moment(self.other.moment), server=_server(self.other)
            )
        if self.unclear:
            of = [f"{one.name} ({labels.moment(one.moment)}, {_server(one)})" for one in self.unclear]
            return _("Several servers keep backups of this database here: {names}.").format(
                names=", ".join(of)
            )
        return ""

    def must_be_clear(self) -> None:
        """Raise UsageError if nothing tells which server is meant."""
        if self.unclear:
            raise UsageError(self.doubt, _("Say which backup: its ID or name instead of --latest."))


def of_one_server(context: Context, inventory: Inventory) -> OfOneServer:
    """Leave out the backups of other servers that are at work too, as the module says."""
    database = context.settings.db_name
    by_server: dict[int, list[Backup]] = {}
    for one in inventory.backups:
        if one.kind is Kind.FULL and one.manifest is not None and one.manifest.database == database:
            by_server.setdefault(one.manifest.server.system_identifier, []).append(one)
    if len(by_server) < 2:
        return OfOneServer(inventory)
    seen = last_seen(context)
    known = seen is not None and seen.system_identifier in by_server
    ours = seen.system_identifier if seen is not None and known else next(iter(by_server))
    oldest, newest = by_server[ours][-1], by_server[ours][0]
    others = [backups for server, backups in by_server.items() if server != ours]
    at_work = [backups for backups in others if backups[0].moment > oldest.moment]
    if not known:
        unclear = (newest, *(backups[0] for backups in at_work)) if at_work else ()
        return OfOneServer(inventory, unclear=unclear)
    left_out = {source(backups[0].manifest)[1:] for backups in at_work if backups[0].manifest}
    rest = tuple(
        one for one in inventory.backups if one.manifest is None or source(one.manifest)[1:] not in left_out
    )
    newer = [backups[0] for backups in at_work if backups[0].moment > newest.moment]
    return OfOneServer(replace(inventory, backups=rest), next(iter(newer), None))


def _server(backup: Backup) -> str:
    assert backup.manifest is not None  # noqa: S101 - others are not told apart
    return f"{backup.manifest.host}, {backup.manifest.server.system_identifier}"
