"""``mtn verify``."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, options, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.operations import job_outcomes
from mtn_tui.operations.common import labels
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.inventory.select import choose
from mtn_tui.operations.verify.verify import verify as verify_backups


@click.command(
    short_help=_("Read backups through, and record how far they hold."),
    help=_("Read backups through, in every store, and record how far they are proven."),
)
@click.argument("wanted", metavar="[" + _("BACKUP") + "]", required=False)
@options.file
@click.option("--all", "every", is_flag=True, help=_("All of them."))
@as_json
@click.pass_obj
def verify(session: Session, wanted: str | None, file: str | None, every: bool, as_json: bool) -> int:
    """Exit code 0: all are good. 1: that was not recorded. 2: one is bad. 3: not all could be read."""
    if bool(wanted) + bool(file) + every != 1:
        raise UsageError(
            _("Say which backup: an ID, --file FILE or --all."), _("mtn list shows what there is.")
        )
    context = session.context
    if every:
        inventory = take_inventory(context.stores, context.key, context.cache)
        backups, unreachable = inventory.backups, inventory.unreachable
    else:
        chosen = choose(context, wanted=wanted or "", file=file or "")
        backups, unreachable = (chosen.backup,), dict(chosen.unreachable)
    for name, error in unreachable.items():
        text = _("The {store} is not verified: {reason}").format(store=labels.store(name), reason=error.title)
        diagnostics.warning(text, error.hint)
    facts, warned = session.run(
        "verify",
        context.settings.db_name,
        ["verify", *(["--all"] if every else ["--file", file] if file else [backups[0].handle])],
        lambda job: verify_backups(job, context, backups),
    )
    code = job_outcomes.exit_code("verify", facts, warned)
    code = 3 if unreachable and code < 2 else code
    if as_json:
        output.as_json(facts["copies"])
        return code
    return session.tell_outcome("verify", facts, code, as_json=False)
