"""Whether the server's disk is large enough for a restore."""

from __future__ import annotations

from mtn_tui.core.errors import NoSpace
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.server_disk import disk_of
from mtn_tui.operations.restore.place import place_for
from mtn_tui.operations.restore.preflight.server import Site

_LOADED_PER_SQL = 1.3
"""Bytes on the server's disk for each byte of SQL, indexes included; measured on admission data."""

_EMPTY = 8 << 20
"""Bytes that a database takes before anything is in it."""


def disk_space(site: Site) -> Check:
    """Whether the disk holds the new database beside the present one. Raises NoSpace if not.

    Unknown unless the server is this machine.
    """
    raw = site.request.backup.raw
    if raw is None:
        return Check("room", Status.UNKNOWN, _("It is not known how much a file of the scripts will need."))
    needed = int(raw * _LOADED_PER_SQL) + _EMPTY
    present = (site.existing.size or 0) if site.existing else 0
    said = _("The new database needs about {needed}.").format(needed=labels.size(needed))
    if present and not site.request.in_place:
        said += " " + _("The present one, of {size}, stays beside it.").format(size=labels.size(present))
    free = _free(site)
    if free is None:
        return Check(
            "room",
            Status.UNKNOWN,
            said + " " + _("What is free on the server's disk can't be seen from here."),
            _("Look on the server: df -h"),
        )
    gained = present if site.request.in_place else 0
    if free + gained >= needed:
        return Check("room", Status.OK, said + " " + _("{free} are free.").format(free=labels.size(free)))
    hint = _("Make room on the server's disk. Nothing was made.")
    if present and not gained and free + present >= needed:
        hint += " " + _(
            "Or say --in-place: the present one is backed up, the backup proven, and the "
            "database dropped first."
        )
    raise NoSpace(
        _("The server's disk has {free} free; the restored database needs about {needed}.").format(
            free=labels.size(free), needed=labels.size(needed)
        )
        + (
            " " + _("The present one, of {size}, stays beside it.").format(size=labels.size(present))
            if present and not gained
            else ""
        ),
        hint,
    )


def _free(site: Site) -> int | None:
    """Bytes; None if nobody can tell."""
    place = place_for(site.context.settings, site.connection, site.request.target)
    found = disk_of(site.context.server.host, site.connection, place)
    return found[0] if found else None
