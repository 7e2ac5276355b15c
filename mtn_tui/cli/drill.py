"""``mtn drill``."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, options
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.drill.drill import KIND, check_signed
from mtn_tui.operations.drill.drill import drill as run_drill
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.inventory.select import Chosen, choose


@click.command(
    short_help=_("Try a restore in a database of its own, and time it."),
    help=_(
        "Restore a backup, the newest proven one unless named, into a database of its own; query it, "
        "measure how long that takes, and drop it. No other database is changed."
    ),
)
@click.argument("wanted", metavar="[" + _("BACKUP") + "]", required=False)
@options.file
@as_json
@click.pass_obj
def drill(session: Session, wanted: str | None, file: str | None, as_json: bool) -> int:
    """Exit code 0: it holds, within the RTO. 1: it holds, with a warning. 2: it failed."""
    session.must_not_only_read()
    context = session.context
    if session.has_run(KIND):
        return 0
    named = bool(wanted or file)
    backup = _chosen(choose(context, wanted=wanted or "", file=file or "")) if named else None
    arguments = [KIND, *(["--file", file] if file else [backup.handle] if backup else [])]
    facts, code = session.run(
        KIND, context.settings.db_name, arguments, lambda job: run_drill(job, context, backup)
    )
    return session.tell_outcome(KIND, facts, code, as_json=as_json)


def _chosen(chosen: Chosen) -> Backup:
    """The backup, if it can be drilled; stores that did not answer are told."""
    backup = chosen.backup
    for name, error in chosen.unreachable.items():
        text = _("The {store} was not looked at: {reason}").format(
            store=labels.store(name), reason=error.title
        )
        diagnostics.warning(text, error.hint)
    check_signed(backup)
    return backup
