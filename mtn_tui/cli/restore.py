"""``mtn restore``; it takes the words of the scripts' restore.sh too."""

from __future__ import annotations

import click

from mtn_tui.cli import diagnostics, outcomes, output
from mtn_tui.cli.options import as_json
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.printable import printable
from mtn_tui.operations import words
from mtn_tui.operations.choose import choose
from mtn_tui.operations.inventory import Backup
from mtn_tui.operations.restore import Request
from mtn_tui.operations.restore import restore as restore_backup

_YES = ("y", "yes", "s", "si", "sí")


@click.command(
    help=_(
        "Restore a full backup into a database that is not production. It is loaded beside, "
        "verified, and only then gets the name."
    )
)
@click.argument("wanted", metavar=f"[{_('BACKUP')}]", required=False)
@click.option("-f", "--file", "file", metavar=_("FILE"), help=_("A file, anywhere, or a name in a store."))
@click.option("--latest", is_flag=True, help=_("The newest full that is proven and not suspect."))
@click.option("-t", "--target", required=True, metavar=_("DATABASE"), help=_("The database to restore into."))
@click.option("-d", "--drop", is_flag=True, help=_("Replace it if it exists, once the new one is verified."))
@click.option("-s", "--skip-verify", is_flag=True, help=_("Do not count rows afterwards."))
@click.option("-r", "--type", "kind", type=click.Choice(["full", "differential"]), default="full")
@click.option("--at", "moment", metavar=_("TIME"), help=_("Not in this version."))
@click.option("--legacy", is_flag=True, help=_("Load a file of the scripts, which nothing vouches for."))
@as_json
@click.pass_obj
def restore(
    session: Session,
    wanted: str | None,
    file: str | None,
    latest: bool,
    target: str,
    drop: bool,
    skip_verify: bool,
    kind: str,
    moment: str | None,
    legacy: bool,
    as_json: bool,
) -> int:
    if kind != "full" or moment:
        raise Refused(
            _("Restoring to a point in time is not part of this version: it restores fulls."),
            _("Leave out --type differential and --at."),
            "5.2",
        )
    context = session.context
    chosen = choose(context, wanted=wanted or "", file=file or "", latest=latest)
    for name, error in chosen.silent.items():
        text = _("The {store} was not looked at: {reason}").format(
            store=words.store(name), reason=error.title
        )
        diagnostics.warning(text, error.hint)
    backup = chosen.backup
    legacy = legacy or _asks_for_legacy(session, backup)
    counted = context.settings.enable_post_restore_verify and not skip_verify
    request = Request(backup, target, drop, legacy, counted)
    arguments = ["restore", *_naming(backup, file or ""), "--target", target]
    arguments += ["--drop"] if drop else []
    arguments += ["--legacy"] if legacy else []
    arguments += [] if counted else ["--skip-verify"]
    facts, code = session.run("restore", target, arguments, lambda job: restore_backup(job, context, request))
    if as_json:
        output.as_json(facts)
    else:
        output.lines(outcomes.lines("restore", facts))
    return 1 if chosen.silent else code


def _asks_for_legacy(session: Session, backup: Backup) -> bool:
    """On a terminal, ask; elsewhere the option has to say it."""
    if not backup.legacy or session.no_input or not diagnostics.is_terminal():
        return False
    question = _("{name} was made by the scripts: nothing vouches for its contents. Load it?")
    # Not click.confirm, which knows "y" alone. Nothing but a clear yes, in either language, is one.
    asked = question.format(name=printable(str(backup.name))) + _(" [y/N]")
    return click.prompt(asked, default="", show_default=False, err=True).strip().lower() in _YES


def _naming(backup: Backup, file: str) -> list[str]:
    """The backup that was chosen here, and not whatever is the newest by then."""
    return ["--file", file] if file else [backup.handle]
