"""``mtn init``: a configuration, its folders, its people and, for the very first backup only, a key.

The text is that of ``config/backup.conf`` (``backup.conf.template`` here, the
same bytes) with the answers in their places. Nothing here asks the operator.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from mtn_tui.archive.keys import read_key
from mtn_tui.core import paths
from mtn_tui.core.errors import ConfigError, KeyFileError, Refused
from mtn_tui.core.i18n import _
from mtn_tui.core.settings import Settings
from mtn_tui.core.settings_file import interpret, load
from mtn_tui.core.shellconf import quote
from mtn_tui.operations.common.folder_guard import require_closed
from mtn_tui.operations.setup.key import as_config_error, make_key
from mtn_tui.storage import durable

_ASSIGNMENT = re.compile(r"#?([A-Z][A-Z0-9_]*)=.*")


@dataclass(frozen=True)
class MinioBucket:
    """A bucket on any S3 server that has an address of its own."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    bucket: str = "mtn-backups"


@dataclass(frozen=True)
class AwsBucket:
    """A bucket at AWS, with the static keys of a profile or keys given here."""

    bucket: str = "mtn-admision-backups"
    profile: str = ""
    access_key: str = ""
    secret_key: str = field(default="", repr=False)


@dataclass(frozen=True)
class Answers:
    """What ``mtn init`` was told. An empty password leaves it to libpq; no bucket means this disk only."""

    db_name: str
    db_user: str
    db_password: str = field(default="", repr=False)
    db_host: str = "localhost"
    db_port: int = 5432
    backup_dir: str = "./backups"
    """Relative to ``paths.base_folder`` of the configuration, or absolute."""
    bucket: MinioBucket | AwsBucket | None = None
    others: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Any further key of the configuration, by its name."""


@dataclass(frozen=True)
class Made:
    """What ``set_up`` has made."""

    configuration: Path
    settings: Settings
    key_is_new: bool


def configuration_in(folder: Path) -> Path:
    """Where the runbook has the configuration of the system that lies in ``folder``."""
    return folder / "config" / paths.CONFIGURATION


def set_up(
    path: Path,
    answers: Answers,
    environment: Mapping[str, str],
    whose: Callable[[Settings], str],
    *,
    replace: bool = False,
) -> Made:
    """Write the configuration at ``path``, make the folders it names, and the key where none is needed yet.

    ``whose`` says whose backups lie in the stores, nothing where there are none;
    it raises where one cannot be asked. Where there are any, a missing key is
    not made. Invalid answers, a key that can't be used and a folder for backups
    that anybody may write to are refused before anything is made: ConfigError,
    KeyFileError, StorageError. Refused when there is a configuration already,
    unless it is to be replaced: then the old one stays beside it with ``.old``
    at its end. All of it is made or nothing: what was made before something
    failed, or before Ctrl-C, is taken away again.
    """
    with ExitStack() as undo:
        made = set_up_within(undo, path, answers, environment, whose, replace=replace)
        undo.pop_all()
    return made


def set_up_within(
    undo: ExitStack,
    path: Path,
    answers: Answers,
    environment: Mapping[str, str],
    whose: Callable[[Settings], str],
    *,
    replace: bool = False,
) -> Made:
    """As ``set_up``; what was made is taken away again when ``undo`` is closed."""
    text = render(answers)
    home = {name: environment[name] for name in ("HOME",) if name in environment}
    settings = interpret(text, path, home).settings
    key = settings.encryption_key_file
    if os.path.lexists(path) and not replace:
        raise there_already(path)
    with as_config_error(key):
        if key.is_dir():
            raise KeyFileError(
                _("{path} is a folder, not an encryption key.").format(path=key),
                _("Move it away, or let ENCRYPTION_KEY_FILE name another place."),
            )
    require_closed(settings.backup_dir)
    if os.path.lexists(key):
        read_key(key)
    elif told := whose(settings):
        raise _whose_key(key, told)
    make_folders(settings, undo)
    contacts = settings.contacts_file
    if contacts is not None and _is_missing(contacts, undo):
        write_contacts(contacts)
        undo.callback(contacts.unlink, missing_ok=True)
    is_new = _is_missing(key, undo)
    if is_new:
        make_key(key)
        undo.callback(key.unlink, missing_ok=True)
    make_folder(path.parent, undo)
    write_configuration(path, text, replace=replace)
    if not replace:
        undo.callback(path.unlink, missing_ok=True)
    return Made(path, settings, is_new)


def _whose_key(path: Path, told: str) -> KeyFileError:
    return KeyFileError(
        _("There is no key at {path}, but there are backups that a new one could not read:").format(path=path)
        + "\n"
        + told,
        _(
            "If they are this installation's, put the key they were made with there, then run this again. If"
            " they are another's, choose a bucket (MINIO_BUCKET) and BACKUP_DIR of its own; or, to share"
            " them, make its key by hand first: (umask 077; openssl rand -base64 32 > {path})"
        ).format(path=shlex.quote(str(path))),
    )


def _is_missing(path: Path, undo: ExitStack) -> bool:
    """Whether nothing is at ``path`` yet; then its folder is made."""
    with as_config_error(path):
        if os.path.lexists(path):
            return False
    make_folder(path.parent, undo)
    return True


def make_folder(folder: Path, undo: ExitStack, mode: int = 0o777) -> None:
    """Make a folder and those above it; ``undo`` removes what was made, unless others use it by then."""
    with as_config_error(folder):
        missing = [one for one in (folder, *folder.parents) if not os.path.lexists(one)]
        for one in reversed(missing):
            one.mkdir(mode=mode if one == folder else 0o777, exist_ok=True)
            undo.callback(_remove_empty, one)
        folder.mkdir(exist_ok=True)  # tells where something else is in its place


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()


def render(answers: Answers) -> str:
    """The text of a configuration, which bash and our reader both read back as the answers."""
    values = _values(answers)
    lines = []
    for line in template().splitlines():
        match = _ASSIGNMENT.fullmatch(line)
        value = values.pop(match[1], None) if match else None
        lines.append(line if match is None or value is None else f"{match[1]}={quote(value)}")
    if values:
        raise ConfigError(
            _("There is no setting {key}.").format(key=next(iter(values))),
            _("config/backup.conf lists them all."),
        )
    return "\n".join(lines) + "\n"


def template() -> str:
    """The commented example, with the scripts' own values."""
    return _shipped("backup.conf.template")


def _shipped(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text("utf-8")


def _values(answers: Answers) -> dict[str, str]:
    values = {
        "DB_HOST": answers.db_host,
        "DB_PORT": str(answers.db_port),
        "DB_NAME": answers.db_name,
        "DB_USER": answers.db_user,
        "DB_PASSWORD": answers.db_password,
        "BACKUP_DIR": answers.backup_dir,
        "MINIO_ENDPOINT": "",
        "MINIO_ACCESS_KEY": "",
        "MINIO_SECRET_KEY": "",
    }
    match answers.bucket:
        case MinioBucket(endpoint, access_key, secret_key, bucket):
            values |= {"MINIO_ENDPOINT": endpoint, "MINIO_BUCKET": bucket}
            values |= {"MINIO_ACCESS_KEY": access_key, "MINIO_SECRET_KEY": secret_key}
        case AwsBucket(bucket, profile, access_key, secret_key):
            values |= {"USE_MINIO": "false", "S3_BUCKET": bucket}
            own = {
                "AWS_PROFILE": profile,
                "AWS_ACCESS_KEY_ID": access_key,
                "AWS_SECRET_ACCESS_KEY": secret_key,
            }
            values |= {key: value for key, value in own.items() if value}
    return values | dict(answers.others)


def write_configuration(path: Path, text: str, *, replace: bool = False) -> None:
    """Write ``text`` at one stroke, readable by its owner alone. Raises Refused, ConfigError."""
    with as_config_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if replace and path.exists():
            durable.write(path.with_name(path.name + ".old"), path.read_bytes(), durable.replace)
            durable.write(path, text.encode(), durable.replace)
            return
        try:
            durable.write(path, text.encode(), durable.publish)
        except FileExistsError:
            raise there_already(path) from None


def there_already(path: Path) -> Refused:
    """The error for a place where a configuration is."""
    return Refused(
        _("There is a configuration already: {path}. It was left as it is.").format(path=path),
        _("Edit it, or move it away first."),
    )


def make_folders(settings: Settings, undo: ExitStack) -> None:
    """Make the folders that the configuration names, for their owner and group. Raises ConfigError."""
    for folder in (settings.backup_dir, settings.log_dir, settings.metrics_dir, settings.temp_dir):
        make_folder(folder, undo, 0o750)


def write_missing_contacts(path: Path, environment: Mapping[str, str]) -> Path | None:
    """Write the people of the configuration at ``path`` if it has none, for whoever may read it; their place.

    None if they are there. Raises ConfigError.
    """
    contacts = load(path, environment).settings.contacts_file
    if contacts is None or os.path.lexists(contacts):
        return None
    write_contacts(contacts)
    with as_config_error(contacts):
        found = path.stat()
        os.chown(contacts, -1, found.st_gid)
        contacts.chmod(found.st_mode & 0o777)
    return contacts


def write_contacts(path: Path | None) -> None:
    """Write the runbook's people, to be filled in, where there is no such file yet. Raises ConfigError."""
    if path is None:
        return
    with as_config_error(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            durable.write(path, _shipped("contacts.toml.template").encode(), durable.publish)
