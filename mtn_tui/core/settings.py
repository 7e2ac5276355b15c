"""The configuration: every key of ``backup.conf``, and how it is read.

An attribute of ``Settings`` is its key in lower case; the defaults are the
scripts' own. A key's value is that of the environment variable of its name,
else of the file, else the default. What the file names as production stays
production whatever the environment says. Empty means not set, save that an empty
MINIO_ENDPOINT, MINIO_BUCKET or S3_BUCKET in the file means: no bucket.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from mtn_tui.core import outside, paths
from mtn_tui.core.advice import Notice, Problems, doubts, explained
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _
from mtn_tui.core.outside import Outside
from mtn_tui.core.ownership import file_changeable
from mtn_tui.core.redact import redact
from mtn_tui.core.shellconf import Assigned, parse
from mtn_tui.core.values import (
    LONGEST,
    Address,
    Bucket,
    Database,
    Databases,
    Emails,
    Endpoint,
    Host,
    MailServer,
    Number,
    Port,
    Prefix,
    Switch,
    Urls,
    User,
    Webhook,
    Whole,
    is_connection_string,
    parse_endpoint,
    scratch_name,
    words,
)

_AWS = Endpoint("s3.amazonaws.com", secure=True)
_SHORT_PATH = 8
"""Characters; no secret, and it would mask parts of other paths."""
_LARGEST = 1 << 20
"""Bytes; what is larger is no configuration."""


class Settings(BaseModel):
    """Everything that was configured, checked. Paths made from a file are absolute."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    # The database
    db_host: Host = "localhost"
    """A name, an address, or the folder of a Unix socket."""
    db_port: Port = 5432
    db_name: Database
    db_user: User
    db_password: SecretStr | None = None
    """None: libpq finds it (``~/.pgpass``) or needs none."""
    staging_db_name: Database = Field(default_factory=lambda data: scratch_name(data["db_name"], "_staging"))
    production_databases: Databases = ()
    """Databases that are production besides ``db_name``."""
    pg_dump: Path | None = None
    """None: chosen among those installed. Without a slash it is a command to be found on PATH."""
    psql: Path | None = None

    # Where things lie
    backup_dir: Path = Path("backups")
    log_dir: Path = Field(default_factory=lambda data: data["backup_dir"].parent / "logs")
    metrics_dir: Path = Field(default_factory=lambda data: data["log_dir"] / "metrics")
    temp_dir: Path = Field(default_factory=lambda data: data["backup_dir"].parent / "temp")
    state_dir: Path | None = None
    """As it was set; ``paths.state_dir`` says where it is."""
    contacts_file: Path | None = Path("config/contacts.toml")
    """None: others could change it, so it is not used."""
    backup_prefix: Prefix = "admision_mtn"

    # The archive
    deflate_level: Annotated[Whole, Field(ge=1, le=12)] = 5
    """libdeflate's. Measured on a school's dump, one core: 5 is 0.995 times the bytes of gzip -9, 6 is
    0.972 times, at 110 and 89 MB/s."""
    compression_level: Annotated[Whole | None, Field(ge=0, le=9)] = None
    """gzip's, of the scripts; ``deflate_level`` is used instead."""
    enable_encryption: Switch = True
    """False only reads old clear backups: new ones are refused."""
    encryption_key_file: Path = Path("config/.encryption.key")
    enable_post_backup_verify: Switch = True
    enable_post_restore_verify: Switch = True
    enable_test_load: Switch = True

    # The bucket
    use_minio: Switch = True
    """True: any S3 server, at ``minio_endpoint``. False: AWS."""
    minio_endpoint: Address | None = None
    minio_access_key: str | None = None
    minio_secret_key: SecretStr | None = None
    minio_bucket: Bucket = "mtn-backups"
    s3_bucket: Bucket = "mtn-admision-backups"
    s3_region: str | None = None
    """Of a server outside AWS that has one (Garage, Scaleway, OVH); AWS_DEFAULT_REGION there."""
    s3_ca_file: Path | None = None
    """Certificates (PEM) to trust besides the system's."""
    aws_profile: str | None = None
    """The section of ``~/.aws/credentials`` whose static keys are used where none are given here."""
    aws_access_key_id: str | None = None
    aws_secret_access_key: SecretStr | None = None
    aws_session_token: SecretStr | None = None
    aws_default_region: str | None = None
    upload_deadline_minutes: Annotated[Number, Field(gt=0, le=LONGEST)] = 30
    """How long a failed upload is tried again before the backup stays on this disk only."""

    # Keeping
    full_backup_retention_days: Annotated[Whole, Field(ge=1, le=LONGEST)] = 30
    diff_backup_retention_days: Annotated[Whole, Field(ge=1, le=LONGEST)] = 90
    keep_replaced_days: Annotated[Number, Field(ge=0, le=LONGEST)] = 7
    """How long the database that a restore replaced is kept."""

    # Watching
    target_rpo_hours: Annotated[Number, Field(gt=0, le=LONGEST)] = 1
    target_rto_hours: Annotated[Number, Field(gt=0, le=LONGEST)] = 4
    diff_every_minutes: Annotated[Number, Field(gt=0, le=LONGEST)] = 30
    enable_monitoring: Switch = True
    smtp_server: MailServer | None = None
    smtp_port: Port = 587
    smtp_user: str | None = None
    smtp_password: SecretStr | None = None
    alert_email: Emails = ()
    webhook_url: Webhook = None
    """Whoever knows it can post there: all of it is a secret."""
    alert_ca_file: Path | None = None
    """Certificates (PEM) to trust besides the system's, for the mail server, the webhook, the services."""

    # The services that use the database
    services_stop_command: str | None = None
    services_restart_command: str | None = None
    database_start_command: str | None = None
    service_health_urls: Urls = ()

    @property
    def bucket(self) -> str | None:
        """The bucket that copies go to, or None: backups stay on this disk.

        With USE_MINIO it is MINIO_BUCKET, None without MINIO_ENDPOINT. Without
        it, it is S3_BUCKET at AWS: asking for AWS is asking for copies, so
        missing credentials are an error of the storage and never silence. An
        empty bucket name also means none.
        """
        if self.use_minio:
            return (self.minio_bucket or None) if self.minio_endpoint else None
        return self.s3_bucket or None

    @property
    def endpoint(self) -> Endpoint | None:
        """Where the bucket is; None where there is none."""
        if self.bucket is None:
            return None
        if self.use_minio and self.minio_endpoint:
            return parse_endpoint(self.minio_endpoint)
        return _AWS


KEYS = tuple(name.upper() for name in Settings.model_fields)
"""Every key that a configuration may hold."""

SECRET_KEYS = tuple(
    name.upper() for name, known in Settings.model_fields.items() if known.annotation == SecretStr | None
)
_PATH_KEYS = tuple(
    name.upper() for name, known in Settings.model_fields.items() if known.annotation in (Path, Path | None)
)
_TOOLS = ("PG_DUMP", "PSQL")
_EMPTY_MEANS_NONE = ("MINIO_ENDPOINT", "MINIO_BUCKET", "S3_BUCKET")


@dataclass(frozen=True)
class Loaded:
    settings: Settings
    path: Path
    warnings: tuple[Notice, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    """Where each key that was set has its value from: ``file:line``, or the environment."""
    outside: tuple[Outside, ...] = ()
    """The keys that the environment has changed."""


def load(path: Path, environment: Mapping[str, str], *, own_only: bool = False) -> Loaded:
    """Read and check the configuration at ``path``; its secrets are redacted from then on.

    Relative paths count from ``paths.base_folder``. Raises ConfigError, which
    names every wrong value with its key, its line, the reason and a fix, and
    holds none of them; with ``own_only`` also for a file that others than root
    and oneself could change, judged by what was opened.
    """
    loaded = interpret(_read(path, own_only), path, environment)
    if not paths.too_open(path):
        return loaded
    notice = Notice(
        _("Other users of this machine can read {path}, which holds passwords.").format(path=path),
        _(
            "chmod 600 {path} (640 where the group {group} owns it, for operators who share the machine)"
        ).format(path=shlex.quote(str(path)), group=paths.GROUP),
    )
    return replace(loaded, warnings=(notice, *loaded.warnings))


def interpret(text: str, path: Path, environment: Mapping[str, str]) -> Loaded:
    """The same for ``text`` that is, or is to be, at ``path``; touches no file."""
    assigned = parse(text, environment, str(path))
    problems = Problems(path)
    given = _given(assigned, environment, problems)
    bare = {name: value for name, value in environment.items() if name not in KEYS}
    alone = parse(text, bare, str(path))
    values = _arguments(given, path, environment, problems)
    production = _production(given, alone)
    if production:
        values["production_databases"] = production
    settings = _checked(values, problems)
    for url in settings.service_health_urls:
        redact.add(urlsplit(url).password or "")
    if settings.webhook_url is not None:
        _hide_webhook(settings.webhook_url.get_secret_value())
    notices = (*doubts(assigned, KEYS, SECRET_KEYS), *_without_effect(settings, given))
    return Loaded(settings, path, notices, problems.origins, outside.taken(given, alone, environment))


def _production(given: Mapping[str, str], alone: Mapping[str, Assigned]) -> tuple[str, ...]:
    """The databases that are production besides ``db_name``: what the file alone names stays among them."""
    if is_connection_string(given.get("PRODUCTION_DATABASES", "")):
        return ()  # it is refused as it is
    own = {key: alone[key].value for key in ("DB_NAME", "PRODUCTION_DATABASES") if key in alone}
    names = [*words(own.get("PRODUCTION_DATABASES", "")), *words(given.get("PRODUCTION_DATABASES", ""))]
    if own.get("DB_NAME") and own["DB_NAME"] != given.get("DB_NAME"):
        names.append(own["DB_NAME"])
    return tuple(dict.fromkeys(names))


def _hide_webhook(url: str) -> None:
    """Libraries tell the path alone, and it is what makes the address a secret."""
    parts = urlsplit(url)
    redact.add(parts.password or "")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if len(path) > _SHORT_PATH:
        redact.add(path)


def _given(
    assigned: Mapping[str, Assigned], environment: Mapping[str, str], problems: Problems
) -> dict[str, str]:
    """What each known key was set to, the environment over the file. Secrets are registered here."""
    given: dict[str, str] = {}
    for key in KEYS:
        found = assigned.get(key)
        if found and (found.value or key in _EMPTY_MEANS_NONE):
            given[key], problems.origins[key] = found.value, f"{problems.path}:{found.line}"
        if found and key in SECRET_KEYS:
            redact.add(found.value)
        outside = environment.get(key)
        if not outside:
            continue
        given[key], problems.origins[key] = outside, _("the environment")
        problems.outside.add(key)
        if any("\ud800" <= char <= "\udfff" for char in outside):
            problems.add(key, _("is not text in UTF-8"), "")
            del given[key]
        elif key in SECRET_KEYS:
            redact.add(outside)
    return given


def _arguments(
    given: Mapping[str, str], path: Path, environment: Mapping[str, str], problems: Problems
) -> dict[str, Any]:
    """What Settings is made from: paths made absolute, emptiness given its meaning."""
    base = paths.base_folder(path)
    beside = path.absolute().parent
    values: dict[str, Any] = {
        "backup_dir": base / "backups",
        "encryption_key_file": beside / ".encryption.key",
        "contacts_file": beside / "contacts.toml",
    }
    for key, value in given.items():
        name = key.lower()
        if key == "MINIO_ENDPOINT" and not value:
            values[name] = None
        elif key in _TOOLS and "/" not in value:
            # The scripts' own default, the bare command, means whichever is installed.
            values[name] = None if value == name else Path(value)
        elif key in _PATH_KEYS:
            try:
                values[name] = paths.resolved(value, base, environment)
            except ValueError:
                problems.add(
                    key,
                    _("begins with ~ and a user who is not known here"),
                    _("Write the folder out, from the / on."),
                )
        else:
            values[name] = value
    return values


def _checked(values: Mapping[str, Any], problems: Problems) -> Settings:
    try:
        settings = Settings(**values)
    except ValidationError as error:
        # Its own text shows the values, so it must not even be chained to ours.
        wrong = error.errors(include_url=False, include_input=False)
    else:
        _check_staging(settings, problems)
        _check_bucket(settings, values, problems)
        if not problems:
            return settings
        wrong = []
    for detail in wrong:
        if detail["type"] != "default_factory_not_called":
            name = str(detail["loc"][0])
            known = Settings.model_fields[name]
            reason, fix = explained(name.upper(), known, detail["type"], detail.get("ctx", {}).get("error"))
            problems.add(name.upper(), reason, fix)
    raise problems.error()


def _check_staging(settings: Settings, problems: Problems) -> None:
    """What is tried first beside production can't be production: it is not replaced without the phrase."""
    if settings.staging_db_name in (settings.db_name, *settings.production_databases):
        problems.add(
            "STAGING_DB_NAME",
            _("is production itself, by DB_NAME or PRODUCTION_DATABASES"),
            _('Write a name of its own, like STAGING_DB_NAME="Admisión_MTN_DB_staging".'),
        )


def _check_bucket(settings: Settings, values: Mapping[str, Any], problems: Problems) -> None:
    """Half a bucket is an error: backups that were meant to leave the machine would not."""
    needed = ("minio_endpoint", "minio_access_key", "minio_secret_key")
    missing = [name for name in needed if not getattr(settings, name)]
    declined = "minio_endpoint" in values and settings.minio_endpoint is None
    if not settings.use_minio or declined or not settings.minio_bucket or len(missing) == len(needed):
        return
    for name in missing:
        problems.add(
            name.upper(),
            _("is not set, and the bucket needs it"),
            _('Set it; or write MINIO_ENDPOINT="" to keep backups on this disk only.'),
        )


def _without_effect(settings: Settings, given: Mapping[str, str]) -> Iterator[Notice]:
    if "COMPRESSION_LEVEL" in given:
        yield Notice(
            _("COMPRESSION_LEVEL has no effect: DEFLATE_LEVEL has taken its place."),
            _("Remove it. DEFLATE_LEVEL (1 to 12, 5 by default) is as small as gzip -9 at 5, and faster."),
        )
    if settings.use_minio and "USE_MINIO" in given and "MINIO_ENDPOINT" not in given:
        yield Notice(
            _("USE_MINIO is true, but there is no MINIO_ENDPOINT: backups stay on this disk only."),
            _('Set MINIO_ENDPOINT and its keys; or write MINIO_ENDPOINT="" where that is meant.'),
        )


def _read(path: Path, own_only: bool) -> str:
    try:
        with path.open("rb") as file:
            if own_only and (reason := file_changeable(path, os.fstat(file.fileno()))):
                raise ConfigError(
                    _("The configuration {path} is not used: {reason}.").format(path=path, reason=reason),
                    _("If it is meant all the same: mtn --config {path} …").format(
                        path=shlex.quote(str(path))
                    ),
                )
            data = file.read(_LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(
            _("There is no configuration at {path}").format(path=path),
            _("Look at --config and MTN_CONFIG, or make one with: mtn init"),
        ) from None
    except IsADirectoryError:
        raise ConfigError(
            _("{path} is a folder, not a configuration.").format(path=path),
            _("Name the file in it, such as {file}").format(file=path / paths.CONFIGURATION),
        ) from None
    except OSError as error:
        raise ConfigError(
            _("The configuration {path} cannot be read: {reason}.").format(path=path, reason=error.strerror),
            _(
                "It must belong to the user that makes backups, or be mode 640 and of the group {group}."
            ).format(group=paths.GROUP),
        ) from None
    if len(data) > _LARGEST:
        raise ConfigError(
            _("{path} is too large to be a configuration.").format(path=path),
            _("Look whether it is the right file."),
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            _("{path}, line {line}: this is not text in UTF-8.").format(path=path, line=line),
            _("Save the file as UTF-8, or convert it: iconv -f ISO-8859-1 -t UTF-8"),
        ) from None
