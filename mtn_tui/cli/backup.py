"""``mtn backup``."""

from __future__ import annotations

import click

from mtn_tui.cli import output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.i18n import _
from mtn_tui.operations import words
from mtn_tui.operations.backup import FullBackup, full_backup


@click.group(help=_("Make a backup."))
def backup() -> None:
    pass


@backup.command(help=_("Back the whole database up: to disk, to the bucket, and read it back."))
@click.option("--verbose", is_flag=True, help=_("Let pg_dump tell the log all that it does."))
@as_json
@click.pass_obj
def full(session: Session, verbose: bool, as_json: bool) -> int:
    context = session.context
    done, code = session.run(
        "backup-full",
        context.settings.db_name,
        _("full backup"),
        lambda job: full_backup(job, context, verbose=verbose),
    )
    if as_json:
        output.as_json(_facts(done))
    else:
        output.line(f"{done.manifest.id}  {done.manifest.payload}")
        output.line(_said(done))
    return code


def _facts(done: FullBackup) -> dict[str, object]:
    manifest = done.manifest
    return {
        "id": manifest.id,
        "name": manifest.payload,
        "snapshot_at": manifest.snapshot_at,
        "size": manifest.size,
        "raw_size": manifest.raw,
        "rung": done.rung,
        "in_bucket": done.in_bucket,
        "suspect": done.suspect,
        "seconds": done.seconds,
    }


def _said(done: FullBackup) -> str:
    manifest = done.manifest
    return _("{size} for {raw} of SQL, {seconds}, proven to: {rung}").format(
        size=words.size(manifest.size),
        raw=words.size(manifest.raw),
        seconds=words.seconds(done.seconds["total"]),
        rung=words.rung(done.rung),
    )
