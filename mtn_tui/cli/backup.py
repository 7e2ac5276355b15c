"""``mtn backup``."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, outcomes, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.operations.backup import full_backup


@click.group(help=_("Make a backup."))
def backup() -> None:
    pass


@backup.command(help=_("Back the whole database up: to disk, to the bucket, and read it back."))
@click.option("--verbose", is_flag=True, help=_("Let pg_dump tell the log all that it does."))
@click.option("--detach", is_flag=True, help=_("Start it, say its job's ID, and do not wait."))
@as_json
@click.pass_obj
def full(session: Session, verbose: bool, detach: bool, as_json: bool) -> int:
    session.must_not_only_read()
    context = session.context
    session.say_database(context.settings.db_name)
    arguments = ["backup", "full", *(["--verbose"] if verbose else [])]
    if detach:
        job_id = session.begin(arguments)
        output.line(job_id)
        diagnostics.say(_("It runs without this terminal. See it: mtn job follow {id}").format(id=job_id))
        return 0
    facts, code = session.run(
        "backup-full",
        context.settings.db_name,
        arguments,
        lambda job: full_backup(job, context, verbose=verbose),
    )
    if as_json:
        output.as_json(facts)
    else:
        output.lines(outcomes.lines("backup-full", facts))
    return code
