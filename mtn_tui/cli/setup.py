"""``mtn init``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import click

from mtn_tui.archive.keys import read_key, with_its_key
from mtn_tui.cli import diagnostics, output, planning
from mtn_tui.cli.session import Session
from mtn_tui.cli.setup_questions import Questions
from mtn_tui.core import operator, paths
from mtn_tui.core.clock import SystemClock
from mtn_tui.core.errors import MtnError, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.settings import KEYS, Settings
from mtn_tui.operations.audit.record import unrecorded
from mtn_tui.operations.audit.trail import Entry, append
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.inventory.key_check import compare, doubt
from mtn_tui.operations.inventory.owners import whose_backups
from mtn_tui.operations.inventory.scan import take_inventory
from mtn_tui.operations.setup import init as installer
from mtn_tui.operations.setup import key, system
from mtn_tui.operations.setup.init import Answers, AwsBucket, MinioBucket

_ANSWERED = {
    *("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "BACKUP_DIR"),
    *("USE_MINIO", "MINIO_ENDPOINT", "MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "MINIO_BUCKET"),
    *("S3_BUCKET", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
}
"""Keys that have their own field in Answers."""

_NO = ("false", "no", "off", "0", "f", "n")
"""As in the configuration."""


@click.command(
    short_help=_("Write a configuration, and a key for the first backup."),
    help=_(
        "Write a configuration and, for the very first backup only, an encryption key. With "
        "--no-input the answers are taken from the environment: DB_NAME, DB_USER, DB_PASSWORD, "
        "MINIO_ENDPOINT and so on."
    ),
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    metavar=_("FOLDER"),
    help=_("Where config/, backups/ and logs/ go; the current folder by default."),
)
@click.option(
    "--system",
    "for_all",
    is_flag=True,
    help=_("For all operators of this machine, the group mtn: in /etc/mtn, /var/lib/mtn and so on."),
)
@click.pass_obj
def init(session: Session, folder: Path, for_all: bool) -> int:
    session.must_not_only_read()
    if for_all:
        system.must_be_root()
    path = system.Places().configuration if for_all else session.config
    path = path or installer.configuration_in(folder.absolute())
    if os.path.lexists(path):
        return _there_already(path)
    given = {name: os.environ[name] for name in KEYS if os.environ.get(name)}
    questions = Questions(given, path, _from)
    while True:
        answers = _from(given) if session.no_input else questions.ask(here=not for_all)
        try:
            if for_all:
                made = system.set_up_system(answers, os.environ, whose_backups)
            else:
                made = installer.set_up(path, answers, os.environ, whose_backups)
            break
        except MtnError as error:
            if session.no_input:
                raise
            diagnostics.error(error)
            if not planning.yes(_("Change the answers?")):
                return error.exit_code
    output.line(str(made.configuration))
    if made.key_is_new:
        notice = key.keep_elsewhere(made.settings.encryption_key_file)
        diagnostics.warning(notice.title, notice.hint)
        _record_key(made.settings)
    else:
        _say_whose(made.settings)
    if for_all:
        diagnostics.say(_("Let an operator in: usermod -aG mtn NAME; it holds from their next login."))
    diagnostics.say(_("Next: mtn backup full"))
    return 0


def _there_already(path: Path) -> int:
    """Write the people that a configuration lacks. Raises Refused if nothing is to be written."""
    contacts = installer.write_missing_contacts(path, os.environ)
    if contacts is None:
        raise installer.there_already(path)
    output.line(str(contacts))
    diagnostics.say(installer.there_already(path).title)
    diagnostics.say(_("The people to call were missing: fill them in."))
    return 0


def _record_key(settings: Settings) -> None:
    path = settings.encryption_key_file
    made = {"fingerprint": read_key(path).fingerprint}
    who, here = operator.operator(os.environ), operator.host_name()
    try:
        state = paths.state_dir(settings.state_dir, os.environ)
        append(state, Entry(SystemClock().now(), who, here, "key-made", str(path), made))
    except StorageError as error:
        diagnostics.warning(unrecorded(error), error.hint)


def _say_whose(settings: Settings) -> None:
    """With an existing key: print whose backups are in the stores, and whether the key matches."""
    try:
        told = whose_backups(settings)
        if not told:
            return
        diagnostics.say(_("Backups that are there already:"))
        for line in told.splitlines():
            diagnostics.say("  " + line)
        key, stores = read_key(settings.encryption_key_file), open_stores(settings)
    except MtnError as error:
        diagnostics.error(error)  # what was made is still fine
        return
    compared = compare(take_inventory(stores, key), key, settings.db_name)
    if compared.other and not compared.same:
        diagnostics.warning(doubt(compared, key), with_its_key())


def _from(said: Mapping[str, str]) -> Answers:
    """Build the answers. Raises UsageError if a required one is missing."""
    missing = [name for name in ("DB_NAME", "DB_USER") if not said.get(name)]
    if missing:
        raise click.UsageError(
            _("These are needed in the environment: {names}").format(names=", ".join(missing))
        )
    return Answers(
        db_name=said["DB_NAME"],
        db_user=said["DB_USER"],
        db_password=said.get("DB_PASSWORD", ""),
        db_host=said.get("DB_HOST", "localhost"),
        db_port=_port(said.get("DB_PORT", "5432")),
        backup_dir=said.get("BACKUP_DIR", "./backups"),
        bucket=_bucket(said),
        others={name: value for name, value in said.items() if name not in _ANSWERED},
    )


def _port(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise click.UsageError(_("{text!r} is no port number.").format(text=text)) from None


def _bucket(said: Mapping[str, str]) -> MinioBucket | AwsBucket | None:
    if said.get("USE_MINIO", "true").strip().lower() in _NO:
        return AwsBucket(
            said.get("S3_BUCKET", AwsBucket.bucket),
            said.get("AWS_PROFILE", ""),
            said.get("AWS_ACCESS_KEY_ID", ""),
            said.get("AWS_SECRET_ACCESS_KEY", ""),
        )
    if not said.get("MINIO_ENDPOINT"):
        return None
    return MinioBucket(
        said["MINIO_ENDPOINT"],
        said.get("MINIO_ACCESS_KEY", ""),
        said.get("MINIO_SECRET_KEY", ""),
        said.get("MINIO_BUCKET", MinioBucket.bucket),
    )
