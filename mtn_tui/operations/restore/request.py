"""What a restore was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from mtn_tui.operations.inventory.model import Backup
from mtn_tui.postgres.search_path import with_catalog


@dataclass(frozen=True)
class Request:
    """What to restore, where to, and how."""

    backup: Backup
    target: str
    drop: bool = False
    """Take the place of a database of that name, once the new one is verified."""
    legacy: bool = False
    """Load a file that nothing vouches for."""
    as_operator: bool = False
    """Load such a file with the operator's own rights, not by a login made for it."""
    verify: bool = True
    """Count rows afterwards."""
    confirm: str = ""
    """For production: ``production.confirmation`` of the target's server."""
    in_place: bool = False
    """Where the disk can't hold both: back the present one up, drop it, and load then."""
    roles: bool = False
    """Make the roles that lie beside the backup and are missing here."""
    no_owner: bool = False
    """Let our user own what belongs to roles that can't be had here."""
    closed: bool = False
    """Read-only until it is promoted."""
    keep_going: bool = False
    """List what can't be made of the backup, and keep the rest beside the target."""
    without: tuple[str, ...] = ()
    """Extensions to do without, with their own rows and what the backup says of what they make."""
    search_path: tuple[str, ...] = ()
    """Schemas for functions that name things without theirs; those of the backup unless given."""
    earlier: tuple[Backup, ...] = ()
    """Earlier proven ones, newest first, to use if it does not hold."""
    fall_back: bool = False
    """Use them without asking."""
    instead_of: Backup | None = None
    """A newer one that was wanted, and is known not to hold."""
    asked: datetime | None = None
    """The moment that was asked for, where the backup was chosen by one. Only a plan tells it."""


def arguments(request: Request, file: str = "") -> list[str]:
    """The command line for the same restore: of the backup that was chosen, not of a newer one."""
    options = {
        "--drop": request.drop,
        "--legacy": request.legacy,
        "--as-operator": request.as_operator,
        "--skip-verify": not request.verify,
        "--in-place": request.in_place,
        "--keep-going": request.keep_going,
        "--closed": request.closed,
        "--roles": request.roles,
        "--no-owner": request.no_owner,
        "--or-earlier": request.fall_back,
    }
    return [
        "restore",
        *(["--file", file] if file else [request.backup.handle]),
        f"--target={request.target}",
        *(["--confirm", request.confirm] if request.confirm else []),
        *(["--search-path", with_catalog(request.search_path)] if request.search_path else []),
        *(f"--without-extension={name}" for name in request.without),
        *(option for option, given in options.items() if given),
    ]
