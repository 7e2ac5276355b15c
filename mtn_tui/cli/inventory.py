"""``mtn list`` and ``mtn show``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import click

from mtn_tui.archive.keys import Key
from mtn_tui.archive.proof import Mark, Tried
from mtn_tui.cli import diagnostics, options, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import KeyFileError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.core.models import Kind, Rung
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory import filters
from mtn_tui.operations.inventory import labels as copy_labels
from mtn_tui.operations.inventory.chains import chains
from mtn_tui.operations.inventory.labels import Presence
from mtn_tui.operations.inventory.model import Backup, Copy, CopyStatus, Inventory
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.inventory.select import backup_at, path_meant


@click.command(
    "list",
    short_help=_("List the backups in both stores, newest first."),
    help=_("List the backups in both stores, newest first, each differential below its full."),
)
@click.option("--kind", type=click.Choice([kind.value for kind in Kind]), help=_("Only this kind."))
@click.option(
    "--filter",
    "wanted",
    default="",
    metavar=_("TEXT"),
    help=_(
        "Only those that match all these words: kind:full age:<7d proof:complete "
        "size:>1GB where:both is:suspect !is:pinned, or a part of the name."
    ),
)
@as_json
@click.pass_obj
def list_backups(session: Session, kind: str | None, wanted: str, as_json: bool) -> int:
    fits = filters.parse(wanted, datetime.now(UTC))
    inventory, code = _inventory(session.context)
    backups = [one for one in inventory.backups if kind in (None, one.kind.value) and fits(one)]
    if as_json:
        output.as_json([facts(one) for one in backups])
    elif not backups and inventory.unreachable:
        diagnostics.say(_("No backup can be seen."))
    elif not backups and inventory.backups:
        diagnostics.say(_("No backups match (of {count}).").format(count=len(inventory.backups)))
    elif not backups:
        diagnostics.say(_("There is no backup yet. Make one: mtn backup full"))
    else:
        _print_list(backups, inventory.unreachable)
    return code


@click.command(
    short_help=_("Show all that is known of one backup."),
    help=_("Show all that is known of one backup: BACKUP is an id or a file name."),
)
@click.argument("wanted", metavar="[" + _("BACKUP") + "]", required=False)
@options.file
@as_json
@click.pass_obj
def show(session: Session, wanted: str | None, file: str | None, as_json: bool) -> int:
    context = session.context
    if path := path_meant(wanted or "", file or ""):
        key = _key(context)
        backup, code = backup_at(path, key), 0 if key else 1
    else:
        inventory, code = _inventory(context)
        backup = inventory.find(wanted or file or "")
    if as_json:
        output.as_json(facts(backup) | _more_facts(backup))
    else:
        _print_one(backup)
    return code


def _inventory(context: Context) -> tuple[Inventory, int]:
    """Return the inventory of both stores, and an exit code: 1 if a store or the key is unavailable.

    Without the key the list is shown all the same, with an explanation.
    """
    key = _key(context)
    inventory = _taken(context, key)
    for name, silence in inventory.unreachable.items():
        text = _("The {store} is not in this list: {reason}").format(
            store=labels.store(name), reason=silence.title
        )
        diagnostics.warning(text, silence.hint)
    return inventory, 1 if inventory.unreachable or key is None else 0


def _key(context: Context) -> Key | None:
    """The key, or None once it was told why there is none."""
    try:
        return context.key
    except KeyFileError as error:
        diagnostics.error(error)
        return None


def _taken(context: Context, key: Key | None) -> Inventory:
    """Take the inventory; on a terminal, show which stores have not answered yet."""
    if not diagnostics.is_terminal():
        return take_inventory(context.stores, key, context.cache)

    def waiting(so_far: Inventory) -> None:
        diagnostics.replace_line(_("Waiting for: {stores} …").format(stores=labels.stores(so_far.pending)))

    try:
        return take_inventory(context.stores, key, context.cache, waiting)
    finally:
        diagnostics.end_line()


def facts(backup: Backup) -> dict[str, object]:
    """Return a backup and its copies as a mapping, for JSON."""
    return {
        "id": backup.short,
        "kind": backup.kind.value,
        "database": backup.database,
        "name": str(backup.name),
        "moment": backup.moment,
        "size": backup.size,
        "rung": backup.rung,
        "base": _base_facts(backup),
        "unusable": backup.unusable,
        "trusted": backup.trusted,
        "suspect": backup.suspect,
        "accepted": _mark_facts(backup.accepted),
        "pinned": _mark_facts(backup.pinned),
        "refused": _tried_facts(backup.refused),
        "loads": _tried_facts(backup.loads),
        "copies": [_copy_facts(copy) for copy in backup.copies],
    }


def _base_facts(backup: Backup) -> dict[str, object] | None:
    """Of a differential, the full that it is applied to; without a name if that is not there."""
    if backup.manifest is None or not backup.manifest.base:
        return None
    return {"id": backup.manifest.base, "name": str(backup.base.name) if backup.base else None}


def _mark_facts(mark: Mark | None) -> dict[str, object] | None:
    return {"at": mark.at, "operator": mark.operator, "note": mark.note} if mark else None


def _tried_facts(tried: Tried | None) -> dict[str, object] | None:
    return {"at": tried.at, "where": tried.where, "reason": tried.reason} if tried else None


def _copy_facts(copy: Copy) -> dict[str, object]:
    return {
        "store": copy.store.name,
        "key": copy.key,
        "size": copy.size,
        "standing": copy.standing.value,
        "rung": copy.rung,
        "rungs": {rung.word: at for rung, at in sorted(copy.proof.rungs.items())},
        "trouble": copy.trouble.title if copy.trouble else copy.proof.failed,
    }


def _more_facts(backup: Backup) -> dict[str, object]:
    manifest = backup.manifest
    if manifest is None:
        return {}
    return {
        "host": manifest.host,
        "server_version": manifest.server.version,
        "system_identifier": str(manifest.server.system_identifier),
        "lsn": manifest.lsn,
        "raw_size": manifest.raw,
        "sha256": manifest.sha256,
        "key": manifest.key,
        "tools": manifest.tools,
        "roles": list(manifest.roles),
        "extensions": [extension.name for extension in manifest.extensions],
        "rows": manifest.rows(),
    }


def _print_list(backups: list[Backup], unreachable: Collection[str]) -> None:
    """Print a table, in which differentials are indented below their full.

    Where it holds backups of several databases, a column names them.
    """
    now = datetime.now(UTC)
    shared = labels.shared_minutes(one.moment for one in backups)
    lines = [
        (indent, one)
        for chain in chains(backups)
        for indent, one in (("", chain.head), *(("  ", one) for one in chain.differentials))
    ]
    rows = [
        [
            one.short,
            indent + labels.kind(one.kind),
            labels.moment(one.moment, seconds=labels.minute(one.moment) in shared),
            labels.age(one.moment, now),
            labels.size(one.size),
            _presence(one, "disk", unreachable),
            _presence(one, "bucket", unreachable),
            _proof(one),
        ]
        for indent, one in lines
    ]
    head = [_("ID"), _("Kind"), _("Moment"), _("Age"), _("Size"), _("Disk"), _("Bucket"), _("Proven to")]
    of = [one.database for _indent, one in lines]
    if len({*of} - {""}) > 1:
        for cells, database in zip([head, *rows], [_("Database"), *of], strict=True):
            cells.insert(-1, database or "—")
    output.table(head, rows, right=frozenset([3, 4]))


def _presence(backup: Backup, store: str, unreachable: Collection[str]) -> str:
    seen = copy_labels.presence(backup, store, unreachable=store in unreachable)
    return _("BROKEN") if seen is Presence.BROKEN else seen.value


def _proof(backup: Backup) -> str:
    parts = []
    status = copy_labels.status(backup)
    if status is not None:
        parts.append(copy_labels.standing(status))
    if backup.broken and not backup.sound:
        parts = [copy_labels.standing(CopyStatus.BROKEN)]
    elif status in (None, CopyStatus.LEGACY):
        parts.append(labels.rung(backup.told_rung))
    if backup.unusable:
        parts.append(_("UNUSABLE: {reason}").format(reason=backup.unusable))
    if backup.refused:
        parts.append(_("RESTORE FAILED"))
    if backup.loads and backup.loads.reason:
        parts.append(_("DOES NOT LOAD HERE"))
    if backup.suspect:
        parts.append(_("SUSPECT"))
    if backup.accepted:
        parts.append(_("accepted"))
    if backup.pinned:
        parts.append(_("pinned"))
    return ", ".join(parts)


def _print_one(backup: Backup) -> None:
    manifest = backup.manifest
    lines = [
        (_("ID"), backup.short),
        (_("Name"), str(backup.name)),
        (_("Kind"), labels.kind(backup.kind)),
        (_("Moment"), labels.moment(backup.moment)),
        (_("Size"), labels.size(backup.size)),
    ]
    if manifest:
        lines += labels.made_of(manifest)
    if backup.base:
        of = labels.moment(backup.base.moment)
        lines.append((_("On the full"), f"{backup.base.id} {backup.base.name}, {of}"))
    if backup.unusable:
        lines.append((_("Unusable"), backup.unusable))
    if backup.suspect:
        lines.append((_("Suspect"), backup.suspect))
    if backup.accepted:
        lines.append((_("Accepted"), _mark(backup.accepted)))
    if backup.pinned:
        lines.append((_("Pinned"), _mark(backup.pinned)))
    if backup.refused:
        lines.append((_("Restore failed"), labels.tried(backup.refused)))
    if backup.loads:
        lines.append((_("Loads here"), labels.tried(backup.loads)))
    for copy in backup.copies:
        lines.append((labels.store(copy.store.name), f"{copy.store.place}: {_state_of(copy)}"))
    width = max(len(name) for name, _value in lines)
    for name, value in lines:
        output.line(f"{name.ljust(width)}  {value}")
    if manifest:
        output.line()
        rows = [[table, f"{Figure(count):,}"] for table, count in manifest.rows().items()]
        output.table([_("Table"), _("Rows")], rows, right=frozenset([1]))


def _mark(mark: Mark) -> str:
    return ", ".join(part for part in (mark.operator, labels.moment(mark.at), mark.note) if part)


def _state_of(copy: Copy) -> str:
    trouble = copy.trouble.title if copy.trouble else copy.proof.failed
    if trouble:
        return f"{copy_labels.standing(copy.condition)}: {trouble}"
    return (
        f"{copy_labels.standing(copy.standing)}, {copy_labels.proven_to(copy) or labels.rung(Rung.PRESENT)}"
    )
