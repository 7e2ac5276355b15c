"""Which backup a restore is from: one that is named, the newest, or the one of a moment."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.core.moments import is_future
from mtn_tui.core.suggested import command
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.fallback import earlier_proven, newer_broken, passed_over
from mtn_tui.operations.inventory.key_check import newer_of_another_key
from mtn_tui.operations.inventory.model import Backup, Inventory, best
from mtn_tui.operations.inventory.one_server import of_one_server
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.inventory.select import Chosen, choose
from mtn_tui.operations.restore.point_in_time import in_minute, no_point, out_of_order, point_at, points
from mtn_tui.storage.local import LocalStorage


@dataclass(frozen=True)
class Wanted:
    """What a restore was asked for, as far as the backup goes."""

    wanted: str = ""
    """An id or a file's name."""
    file: str = ""
    """A path, or a name in either store."""
    latest: bool = False
    kind: Kind | None = None
    """FULL: exactly a full. DIFF: a full's newest differential, or its last before ``at``."""
    at: datetime | None = None

    @property
    def named(self) -> bool:
        """Whether one file is meant."""
        return bool(self.wanted or self.file)


def choose_point(context: Context, wanted: Wanted) -> Chosen:
    """Find the backup to restore. A differential comes with its full.

    Raises UsageError if there is none, and if the newest may be another server's;
    NotABackup if what was named is none.
    """
    given = wanted.latest + bool(wanted.wanted) + bool(wanted.file)
    if given > 1 or (given == 0 and wanted.at is None):
        raise UsageError(
            _("Say which backup: an ID, --file FILE, --latest or --at TIME."),
            _("mtn list shows what there is."),
        )
    if not wanted.named:
        return _newest(context, wanted)
    named = choose(context, wanted=wanted.wanted, file=wanted.file)
    backup = named.backup
    _must_not_be_after(backup, wanted.at)
    if backup.kind is Kind.DIFF and not backup.legacy and wanted.kind is Kind.FULL:
        raise UsageError(
            _("{name} is a differential.").format(name=backup.name),
            _("Leave out --type full, or name a full."),
        )
    if backup.kind is Kind.FULL and (wanted.kind is Kind.DIFF or (wanted.at and wanted.kind is None)):
        return _on_full(context, named, wanted)
    return named


def _newest(context: Context, wanted: Wanted) -> Chosen:
    inventory, database = take_inventory(context.stores, context.key, context.cache), context.settings.db_name
    found = of_one_server(context, inventory)
    found.must_be_clear()
    inventory = found.inventory
    kind = Kind.FULL if wanted.kind is Kind.FULL else None
    if wanted.at is None:
        backup = inventory.latest(kind, database)
    else:
        backup = _before(inventory, kind, database, wanted.at)
    unread = newer_of_another_key(inventory, backup, database)
    return Chosen(
        backup,
        inventory.unreachable,
        inventory,
        earlier=earlier_proven(inventory, backup, database),
        newer_broken=newer_broken(inventory, backup, kind=kind, until=wanted.at),
        another_key=unread if unread and (wanted.at is None or unread.moment <= wanted.at) else None,
        another_server=found.doubt,
        passed_over=passed_over(inventory, backup, database, kind=kind, until=wanted.at),
        notes=(
            *_of_the_future(backup, context.clock.now()),
            *_out_of_order(points(inventory, database), backup),
            *(from_when(backup, wanted.at) if wanted.at else ()),
            *(_in_minute(inventory, kind, database, wanted.at) if wanted.at else ()),
        ),
    )


def _before(inventory: Inventory, kind: Kind | None, database: str, at: datetime) -> Backup:
    told = [one for one in points(inventory, database) if kind in (None, one.kind)]
    found = point_at(told, at)
    if found is not None:
        return found
    if not told:
        inventory.latest(kind, database)  # raises why there is none
    error = no_point(told, at)
    if inventory.unreachable:
        stores = labels.stores(inventory.unreachable)
        error.hint += " " + _("No answer, so not looked into: {stores}").format(stores=stores)
    raise error


def _on_full(context: Context, named: Chosen, wanted: Wanted) -> Chosen:
    """The newest differential on a full that was named, or the last before a moment."""
    full, folder = named.backup, Path(named.path).absolute().parent if named.path else None
    if folder is not None:
        named = _listed(context, named, folder)
        full = named.backup
    every = [one for one in named.inventory.backups if _builds_on(one, full)]
    before = [one for one in every if wanted.at is None or one.moment <= wanted.at]
    usable = [one for one in before if one.usable]
    if not usable:
        if wanted.kind is None:
            return replace(named, notes=from_when(full, wanted.at))
        raise _none_on(full, every, before, wanted.at)
    taken = best(usable)
    return replace(
        named,
        backup=taken,
        path=str(folder / str(taken.name)) if named.path and folder else "",
        earlier=earlier_proven(named.inventory, taken, context.settings.db_name),
        newer_broken=newer_broken(Inventory(tuple(before)), taken, kind=Kind.DIFF),
        passed_over=passed_over(Inventory(tuple(before)), taken, context.settings.db_name, kind=Kind.DIFF),
        notes=(*_alone(full, taken), *from_when(taken, wanted.at)),
    )


def _listed(context: Context, named: Chosen, folder: Path) -> Chosen:
    """A full that a path named, among the backups of the stores or, if it is in none, of its folder."""
    for stores in (context.stores, [LocalStorage(folder)]):
        inventory = take_inventory(stores, context.key, context.cache if stores is context.stores else None)
        for one in inventory.backups:
            if one.handle == named.backup.handle and one.kind is Kind.FULL:
                path = "" if stores is context.stores else named.path
                return replace(
                    named, backup=one, inventory=inventory, unreachable=inventory.unreachable, path=path
                )
    return named


def _builds_on(one: Backup, full: Backup) -> bool:
    if one.kind is not Kind.DIFF:
        return False
    if full.manifest is not None:
        return one.manifest is not None and one.manifest.base == full.id
    same = (one.name.prefix, one.name.host) == (full.name.prefix, full.name.host)
    return one.legacy and same and one.name.stamp > full.name.stamp


def _must_not_be_after(backup: Backup, at: datetime | None) -> None:
    if at is not None and backup.moment > at:
        raise UsageError(
            _("{name} is of {moment}, after {asked}.").format(
                name=backup.name, moment=labels.moment(backup.moment), asked=labels.moment(at)
            ),
            _("Leave it out, and --at alone finds the last point before that."),
        )


def _none_on(
    full: Backup, every: Sequence[Backup], before: Sequence[Backup], at: datetime | None
) -> UsageError:
    hint = _("The full alone: mtn restore {name} --target TARGET").format(name=shlex.quote(full.handle))
    if before:
        text = _("No differential on {name} can be restored; the newest is {other}.")
        return UsageError(text.format(name=full.name, other=before[0].name), hint, "5.3")
    if every and at is not None:
        text = _("No differential on {name} is of {asked} or before; the first is of {moment}.")
        moment = labels.moment(min(one.moment for one in every))
        return UsageError(text.format(name=full.name, asked=labels.moment(at), moment=moment), hint, "5.2")
    return UsageError(_("There is no differential on {name}.").format(name=full.name), hint, "5.2")


def _alone(full: Backup, taken: Backup) -> tuple[str, ...]:
    if not taken.legacy:
        return ()
    text = _("{name} is a whole dump, as the scripts made them: it is restored alone, without {full}.")
    return (text.format(name=taken.name, full=full.name),)


def _in_minute(inventory: Inventory, kind: Kind | None, database: str, at: datetime) -> tuple[str, ...]:
    """The point within the minute or second asked for: after its beginning, and perhaps what was meant."""
    told = [one for one in points(inventory, database) if kind in (None, one.kind)]
    if (one := in_minute(told, at)) is None:
        return ()
    text = _("{asked} was taken to the second. Within that minute there is {name}, of {moment}: {command}")
    if at.second:
        text = _(
            "{asked} was taken as its beginning. Within that second there is {name}, of {moment}: {command}"
        )
    return (
        text.format(
            asked=labels.moment(at, seconds=bool(at.second)),
            name=one.name,
            moment=labels.moment(one.moment, seconds=True),
            command=command("restore", one.handle),
        ),
    )


def _of_the_future(backup: Backup, now: datetime) -> tuple[str, ...]:
    """That nobody knows whether it is the newest, if a wrong clock has dated it."""
    if not is_future(backup.moment, now):
        return ()
    text = _("{name} is of {moment}, in the future: a clock was wrong, and others may be newer (mtn list).")
    return (text.format(name=backup.name, moment=labels.moment(backup.moment)),)


def _out_of_order(told: Sequence[Backup], backup: Backup) -> tuple[str, ...]:
    """That its moment is not to be relied upon, if the server's log contradicts the clock."""
    if (other := out_of_order(told, backup)) is None:
        return ()
    text = _(
        "{name} is dated {moment}, but by the server's log {other}, of {when}, was made before it: a"
        " clock, or the server, was set back between the two. Look at both before one is relied upon"
        " (mtn list)."
    )
    if other.moment < backup.moment:
        text = _(
            "{name} is dated {moment}, but by the server's log {other}, of {when}, was made after it: a"
            " clock, or the server, was set back between the two. Look at both before one is relied upon"
            " (mtn list)."
        )
    return (
        text.format(
            name=backup.name,
            moment=labels.moment(backup.moment),
            other=other.name,
            when=labels.moment(other.moment),
        ),
    )


def from_when(backup: Backup, at: datetime | None) -> tuple[str, ...]:
    """Which moment is restored, where it was not named."""
    if at is None:
        text = _("No time was given (--at): {name} is the newest, of {moment}.")
        return (text.format(name=backup.name, moment=labels.moment(backup.moment)),)
    text = _("{name} is the last point up to {asked}: of {moment}, {time} earlier.")
    return (
        text.format(
            name=backup.name,
            asked=labels.moment(at),
            moment=labels.moment(backup.moment),
            time=labels.between(backup.moment, at),
        ),
    )
