"""``mtn pin`` and ``mtn accept``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from mtn_tui.cli import diagnostics, options, output
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import MtnError, UsageError
from mtn_tui.core.i18n import Figure, _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.health import accepted
from mtn_tui.operations.health.checks.rows import accept_rows
from mtn_tui.operations.inventory import known_stores, marks
from mtn_tui.operations.inventory.marks import Marked
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.inventory.select import choose, path_meant


@click.command(
    short_help=_("Keep a backup whatever retention says."),
    help=_("Keep a backup, whatever retention says: BACKUP is an ID or a file name."),
)
@click.argument("wanted", metavar="[" + _("BACKUP") + "]", required=False)
@options.file
@click.option("--off", is_flag=True, help=_("Unpin it."))
@click.option("--note", default="", metavar=_("TEXT"), help=_("Why, for whoever reads it later."))
@click.pass_obj
def pin(session: Session, wanted: str | None, file: str | None, off: bool, note: str) -> int:
    session.must_not_only_read()
    path_meant(wanted or "", file or "")
    # Only what a store holds is ever deleted, so of a path the name alone tells.
    chosen = choose(session.context, wanted=wanted or Path(file or "").name)
    marked = marks.pin(session.context, chosen.backup, not off, note)
    text = _("{name} is no longer pinned.") if off else _("{name} is pinned.")
    return _tell(text.format(name=chosen.backup.name), marked, chosen.unreachable)


@click.command(
    short_help=_("Say that a suspect backup was looked at and is right."),
    help=_(
        "Say of a suspect backup that you looked and it is right: BACKUP is an id or a file name. "
        "With --store: that a store is meant to be as it is now. "
        "With the other options: what can't be seen from here."
    ),
)
@click.argument("wanted", metavar=_("BACKUP"), required=False, default="")
@click.option(
    "--store",
    type=click.Choice(["disk", "bucket"]),
    help=_("The store whose backups were removed on purpose."),
)
@click.option("--key-elsewhere", is_flag=True, help=_("That a copy of the key is kept elsewhere."))
@click.option("--fewer-rows", is_flag=True, help=_("That rows of main tables were deleted on purpose."))
@click.option("--server-disk", is_flag=True, help=_("That the disk of the database server is watched."))
@click.option("--note", default="", metavar=_("TEXT"), help=_("Why, for whoever reads it later."))
@click.pass_obj
def accept(
    session: Session,
    wanted: str,
    store: str | None,
    key_elsewhere: bool,
    fewer_rows: bool,
    server_disk: bool,
    note: str,
) -> int:
    session.must_not_only_read()
    if sum(map(bool, (wanted, store, key_elsewhere, fewer_rows, server_disk))) != 1:
        raise UsageError(
            _("Name one: a backup, or --store, --key-elsewhere, --fewer-rows or --server-disk."),
            _("mtn list shows what there is."),
        )
    context = session.context
    if key_elsewhere:
        fingerprint = context.key.fingerprint
        accepted.accept(context, accepted.KEY_ELSEWHERE, fingerprint, note)
        text = _("Written down: a copy of the key {fingerprint} is kept elsewhere.")
        output.line(text.format(fingerprint=fingerprint))
        return 0
    if server_disk:
        place = f"{context.server.host}:{context.server.port}"
        accepted.accept(context, accepted.SERVER_DISK, place, note)
        output.line(_("Written down: the disk of {place} is watched there.").format(place=place))
        return 0
    if fewer_rows:
        return _accept_rows(context, note)
    if store:
        return _accept_store(session, store)
    chosen = choose(session.context, wanted=wanted)
    marked = marks.accept(session.context, chosen.backup, note)
    return _tell(_("{name} is accepted.").format(name=chosen.backup.name), marked, chosen.unreachable)


def _accept_rows(context: Context, note: str) -> int:
    short = accept_rows(context, take_inventory(context.stores, context.key, context.cache), note)
    if not short:
        raise UsageError(_("No main table lacks rows: there is nothing to accept."))
    for one in short:
        text = _("Written down: {table} is meant to have {rows:,} rows.")
        output.line(text.format(table=one.name, rows=Figure(one.rows or 0)))
    return 0


def _accept_store(session: Session, wanted: str) -> int:
    found = next((one for one in session.context.stores if one.name == wanted), None)
    if found is None:
        raise UsageError(_("There is no bucket in the configuration."))
    known_stores.accept(session.context, found)
    output.line(known_stores.describe(found))
    return session.record("store-accepted", found.place)


def _tell(text: str, marked: Marked, unreachable: Mapping[str, MtnError]) -> int:
    """Print the result; return 1 if a store was left out, else 0."""
    output.line(text)
    for name, error in {**unreachable, **marked.failed}.items():
        said = _("Not recorded in the {store}: {reason}").format(store=labels.store(name), reason=error.title)
        diagnostics.warning(said, error.hint)
    return 1 if unreachable or marked.failed else 0
