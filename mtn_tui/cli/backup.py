"""``mtn backup``."""

from __future__ import annotations

from collections.abc import Callable

import click

from mtn_tui.archive.keys import with_its_key
from mtn_tui.cli import diagnostics, output
from mtn_tui.cli.groups import Group
from mtn_tui.cli.options import as_json
from mtn_tui.cli.planning import yes
from mtn_tui.cli.session import Session
from mtn_tui.core.errors import Cancelled, MtnError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.backup.differential import differential_backup
from mtn_tui.operations.backup.full import full_backup
from mtn_tui.operations.backup.make import MadeBackup
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.inventory import key_check
from mtn_tui.operations.restore import trial
from mtn_tui.operations.sync.sync import send_missing


@click.group(cls=Group, help=_("Make a backup."))
def backup() -> None:
    pass


@backup.command(
    short_help=_("Back up the whole database, to disk and bucket."),
    help=_("Back the whole database up: to disk, to the bucket, and read it back."),
)
@click.option("--detach", is_flag=True, help=_("Start it, print its job's ID, and do not wait."))
@click.option("--key-is-meant", is_flag=True, help=_("This is not the key of the last backups."))
@as_json
@click.pass_obj
def full(session: Session, detach: bool, key_is_meant: bool, as_json: bool) -> int:
    def work(job: Job, context: Context, key_is_meant: bool) -> MadeBackup:
        made = full_backup(job, context, verbose=session.verbose, key_is_meant=key_is_meant)
        return _sent(job, context, made)

    return _back_up(session, Kind.FULL, work, detach, key_is_meant, as_json)


@backup.command(
    short_help=_("Back up what has changed since the last full."),
    help=_(
        "Back up what has changed since the last full, rows that are gone included. "
        "Where no full can be its base, a full is made, and it says why."
    ),
)
@click.option("--detach", is_flag=True, help=_("Start it, print its job's ID, and do not wait."))
@click.option("--key-is-meant", is_flag=True, help=_("This is not the key of the last backups."))
@as_json
@click.pass_obj
def diff(session: Session, detach: bool, key_is_meant: bool, as_json: bool) -> int:
    def work(job: Job, context: Context, key_is_meant: bool) -> MadeBackup:
        return _sent(job, context, differential_backup(job, context, key_is_meant=key_is_meant))

    return _back_up(session, Kind.DIFF, work, detach, key_is_meant, as_json)


def _back_up(
    session: Session,
    kind: Kind,
    work: Callable[[Job, Context, bool], MadeBackup],
    detach: bool,
    key_is_meant: bool,
    as_json: bool,
) -> int:
    """Run ``work`` as a job and say what it made; a full is test-loaded after it. Returns the exit code."""
    session.must_not_only_read()
    context, name = session.context, f"backup-{kind}"
    if session.has_run(name):
        return 0
    session.say_database(context.settings.db_name)
    meant = key_is_meant or _agreed_to_key(session)
    arguments = [
        "backup",
        kind.value,
        *(["--verbose"] if session.verbose else []),
        *(["--key-is-meant"] if meant else []),
    ]
    if detach:
        job_id = session.begin(arguments)
        output.line(job_id)
        session.say(_("It runs without this terminal. See it: mtn job follow {id}").format(id=job_id))
        return 0
    here = session.hosts_itself
    facts, code = session.run(
        name, context.settings.db_name, arguments, lambda job: work(job, context, meant)
    )
    session.tell_outcome(name, facts, code, as_json=as_json)
    is_full = here and facts.get("kind") == Kind.FULL
    return max(code, _test_load(session, str(facts["id"]))) if is_full else code


def _sent(job: Job, context: Context, made: MadeBackup) -> MadeBackup:
    """After a backup has reached the bucket, send there what it did not get while it did not answer."""
    if made.in_bucket:
        send_missing(job, context)
    return made


def _test_load(session: Session, backup_id: str) -> int:
    """Test-load a finished backup as a job of its own. Returns 1 if it does not load, else 0."""
    context = session.context
    try:
        backup = trial.due(context, backup_id)
        if backup is None:
            return 0
        return session.host(
            trial.KIND, context.settings.db_name, lambda job: trial.test_load(job, context, backup)
        )[1]
    except Cancelled:
        return 0  # only the test load was cancelled, not the backup
    except MtnError as error:
        diagnostics.warning(_("No test load was made: {reason}").format(reason=error.title), error.hint)
        return 1


def _agreed_to_key(session: Session) -> bool:
    """On a terminal, ask whether to use another key than the last backups'. False if it is the same."""
    told = key_check.before_asking(session.context) if session.may_ask else ""
    if not told:
        return False
    diagnostics.warning(told, with_its_key())
    if not yes(_("Make a backup with this key all the same?")):
        raise Refused(_("No backup was made."), _("Put the other key back, then run this again."), "7.2")
    return True
