"""``mtn sync``."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _, ngettext
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.retention.survey import circumstances
from mtn_tui.operations.sync.limit import parse_rate
from mtn_tui.operations.sync.sync import KIND, facts, lacking, not_known
from mtn_tui.operations.sync.sync import sync as sync_stores


@click.command(
    short_help=_("Copy the backups that disk or bucket lacks."),
    help=_(
        "Copy the backups that the disk or the bucket lacks from the other, as far as it would keep them."
    ),
)
@click.option("--dry-run", is_flag=True, help=_("Say what would be copied."))
@click.option(
    "--limit", metavar=_("RATE"), help=_("Send at most this many bytes a second, such as 500k or 10M.")
)
@as_json
@click.pass_obj
def sync(session: Session, dry_run: bool, limit: str | None, as_json: bool) -> int:
    """Exit code 0: both have all that they should. 1: something could not be copied."""
    rate = parse_rate(limit) if limit else None
    context = session.context
    if context.stores.bucket is None:
        raise UsageError(_("There is no bucket in the configuration."))
    if dry_run:
        return _show(context, as_json)
    found, code = session.run(
        KIND,
        context.settings.db_name,
        [KIND, *(["--limit", limit] if limit else [])],
        lambda job: sync_stores(job, context, rate),
    )
    return session.tell_outcome(KIND, found, code, as_json=as_json)


def _show(context: Context, as_json: bool) -> int:
    inventory = take_inventory(context.stores, context.key, context.cache)
    for error in inventory.unreachable.values():
        raise error
    known = circumstances(context, inventory)
    for store in known.blind:
        diagnostics.warning(not_known(known, store))
    code = 1 if known.blind else 0
    found = lacking(inventory, known, context.stores)
    if as_json:
        output.as_json([facts(one) for one in found])
        return code
    rows = [
        [
            labels.store(one.store.name),
            one.backup.id,
            one.backup.kind.value,
            labels.moment(one.backup.moment),
            labels.size(one.source.size),
        ]
        for one in found
    ]
    if rows:
        output.table([_("Into"), _("Backup"), _("Kind"), _("Moment"), _("Size")], rows, right=frozenset([4]))
    text = ngettext("{count} copy is missing, {size}", "{count} copies are missing, {size}", len(found))
    total = sum(one.source.size for one in found)
    output.line(text.format(count=len(found), size=labels.size(total)) if found else _("Nothing is missing."))
    return code
