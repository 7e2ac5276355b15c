"""Which full a differential is made on."""

from __future__ import annotations

from dataclasses import dataclass

from mtn_tui.archive.manifest import Baseline, Manifest
from mtn_tui.core.errors import ArchiveError, NotFound, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import MANIFEST, Kind
from mtn_tui.operations.backup.contents import Inputs
from mtn_tui.operations.inventory.anomalies import source
from mtn_tui.operations.inventory.model import Backup, Copy
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.verify.read_through import archive_of
from mtn_tui.postgres.base_check import another_server


class BaseLost(Exception):
    """No full can be the base of a differential, so a full has to be made. The text says why."""


@dataclass(frozen=True)
class Base:
    """A full, with what a differential needs to know of it."""

    manifest: Manifest
    baseline: Baseline
    copies: tuple[Copy, ...]
    """Those that can be read, the best first."""


def choose_base(inputs: Inputs) -> Base:
    """The newest full of this database that is whole, from either store. Raises BaseLost if there is none."""
    context, here = inputs.context, inputs.source.server
    inventory = take_inventory(inputs.quick.stores, inputs.key, context.cache)
    wanted = (Kind.FULL, context.settings.db_name, here.system_identifier)
    fulls = [
        one for one in inventory.backups if one.manifest and source(one.manifest) == wanted and one.sound
    ]
    if not fulls:
        reason = _("there is no full backup of this database on this server")
        if inventory.unreachable:
            reason += " " + _("(no answer, so not looked into: {stores})").format(
                stores=", ".join(inventory.unreachable)
            )
        raise BaseLost(reason)
    proven = [one for one in fulls if one.proven]
    full = (proven or fulls)[0]
    manifest = _read(inputs, full)
    if manifest.baseline is None or not manifest.baseline.layout:
        raise BaseLost(_("the full lacks what a base needs"))
    if why := another_server(manifest.server, here):
        raise BaseLost(why)
    return Base(manifest, manifest.baseline, full.sound)


def require_still_there(base: Base) -> None:
    """Raise BaseLost if no store has the full any more; one that does not answer may have it."""
    for copy in base.copies:
        try:
            for suffix in (MANIFEST, ""):
                copy.store.stat(copy.key + suffix)
        except NotFound:
            continue
        except StorageError:
            return
        return
    raise BaseLost(_("the full {name} was removed meanwhile").format(name=base.manifest.payload))


def _read(inputs: Inputs, full: Backup) -> Manifest:
    reason = ""
    for copy in full.sound:
        try:
            return archive_of(copy, inputs.key).manifest
        except (ArchiveError, StorageError) as error:
            reason = error.title
    raise BaseLost(_("the full {name} can't be read: {reason}").format(name=full.name, reason=reason))
