"""``mtn prune``."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.incident.waiting import reason_to_wait
from mtn_tui.operations.retention import labels as retention_labels
from mtn_tui.operations.retention.policy import Verdict
from mtn_tui.operations.retention.preview import preview
from mtn_tui.operations.retention.prune import KIND, facts, freed
from mtn_tui.operations.retention.prune import prune as delete_old
from mtn_tui.operations.retention.records import Record


@click.command(
    short_help=_("Delete the backups that are past their days."),
    help=_(
        "Delete the backups that are past their days, and logs and records after 90 days. Nothing goes "
        "that another backup needs, or that is pinned, in use, or not of this installation."
    ),
)
@click.option("--dry-run", is_flag=True, help=_("Say of each copy whether it would be kept, and why."))
@as_json
@click.pass_obj
def prune(session: Session, dry_run: bool, as_json: bool) -> int:
    """Exit code 0: done. 1: something stays that should be deleted, or a store does not answer."""
    context = session.context
    if dry_run:
        return _show(context, as_json)
    found, code = session.run(
        KIND,
        context.settings.db_name,
        [KIND],
        lambda job: delete_old(job, context, lambda: reason_to_wait(context)),
    )
    return session.tell_outcome(KIND, found, code, as_json=as_json)


def _show(context: Context, as_json: bool) -> int:
    would = preview(context, lambda: reason_to_wait(context))
    found = would.survey
    for name, error in found.inventory.unreachable.items():
        text = _("The {store} does not answer: {reason}").format(store=labels.store(name), reason=error.title)
        diagnostics.warning(text, error.hint)
    if as_json:
        copies = [facts(one) for one in found.verdicts]
        output.as_json({"copies": copies, "records": [one.facts() for one in would.records]})
    else:
        _print(found.verdicts)
        if would.records:
            _print_records(would.records)
    return 1 if found.inventory.unreachable else 0


def _print_records(records: tuple[Record, ...]) -> None:
    head = [_("Log or record"), _("Size"), _("Why")]
    rows = [[str(one.path), labels.size(one.size), one.why] for one in records]
    output.table(head, rows, right=frozenset([1]))
    output.line(retention_labels.old_records(records))


def _print(verdicts: tuple[Verdict, ...]) -> None:
    if not verdicts:
        output.line(_("There is no backup."))
        return
    head = ["", _("Store"), _("Backup"), _("Kind"), _("Moment"), _("Size"), _("Why")]
    rows = [
        [
            _("kept") if one.kept else _("deleted"),
            labels.store(one.copy.store.name),
            one.backup.handle,
            one.backup.kind.value,
            labels.moment(one.backup.moment),
            labels.size(one.copy.size),
            one.reason.says,
        ]
        for one in verdicts
    ]
    output.table(head, rows, right=frozenset([5]))
    for store, size in freed(tuple(one for one in verdicts if not one.kept)).items():
        output.line(retention_labels.would_free(store, size))
