"""Reads the configuration: a file like ``backup.conf``, and the environment.

The value of a key is that of the environment variable of the same name, else
that of the file, else the default. Databases that the file names as production
stay production whatever the environment contains, also in variables that the
file refers to. Empty means unset, except that an empty MINIO_ENDPOINT,
MINIO_BUCKET or S3_BUCKET in the file means: no bucket.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import TypeAdapter, ValidationError

from mtn_tui.core import outside, paths
from mtn_tui.core.advice import Notice, Problems, doubts, explained
from mtn_tui.core.errors import ConfigError
from mtn_tui.core.i18n import _
from mtn_tui.core.outside import Outside
from mtn_tui.core.ownership import file_changeable, how_to_own
from mtn_tui.core.redact import redact
from mtn_tui.core.settings import KEYS, SECRET_KEYS, Settings
from mtn_tui.core.shell_value import Assigned
from mtn_tui.core.shellconf import parse
from mtn_tui.core.values import (
    is_connection_string,
    named_url,
    words,
)

_SHORT_PATH = 8
"""Characters; shorter paths are no secrets, and masking them would mangle other paths."""
_LARGEST = 1 << 20
"""Bytes; a larger file is not a configuration."""

_PATH_KEYS = tuple(
    name.upper() for name, known in Settings.model_fields.items() if known.annotation in (Path, Path | None)
)
_TOOLS = ("PG_DUMP", "PSQL")
_NAMES_PRODUCTION = ("DB_NAME", "PRODUCTION_DATABASES")
_OF_A_SESSION = ("HOME", "USER", "LOGNAME", "HOSTNAME")
_EMPTY_MEANS_NONE = ("MINIO_ENDPOINT", "MINIO_BUCKET", "S3_BUCKET")


@dataclass(frozen=True)
class Loaded:
    """A configuration that was read and checked."""

    settings: Settings
    path: Path
    warnings: tuple[Notice, ...] = ()
    origins: Mapping[str, str] = field(default_factory=dict)
    """Origin of each value that was set, by key: ``file:line``, or the environment."""
    outside: tuple[Outside, ...] = ()
    """The keys that the environment has changed."""


def load(path: Path, environment: Mapping[str, str], *, own_only: bool = False) -> Loaded:
    """Read and check the configuration at ``path``, and register its secrets with the redactor.

    Paths are relative to ``paths.base_folder``. Raises ConfigError listing every
    wrong value by key, line, reason and fix, but never the value itself. With
    ``own_only``, also raises if others than root and the current user could change
    the file that was opened.
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
    """Interpret ``text`` as the configuration at ``path``, as ``load`` does; touches no file."""
    assigned = parse(text, environment, str(path))
    problems = Problems(path)
    given = _given(assigned, environment, problems)
    bare = {name: value for name, value in environment.items() if name not in KEYS}
    # Which databases are production must not depend on any variable: DB_NAME="${POSTGRES_DB:-school}".
    strictly = parse(text, {name: bare[name] for name in _OF_A_SESSION if name in bare}, str(path))
    named = {key: strictly[key] for key in _NAMES_PRODUCTION if key in strictly}
    alone = {**parse(text, bare, str(path)), **named}
    values = _arguments(given, path, environment, problems)
    production = _production(given, alone)
    if production:
        values["production_databases"] = production
    settings = _checked(values, problems)
    for url in settings.service_health_urls:
        redact.add(urlsplit(named_url(url)[1]).password or "")
    for secret in (settings.webhook_url, settings.ping_url):
        if secret is not None:
            _hide_webhook(secret.get_secret_value())
    notices = (*doubts(assigned, KEYS, SECRET_KEYS), *_without_effect(settings, given))
    return Loaded(settings, path, notices, problems.origins, outside.taken(given, alone, environment))


def wrong_value(key: str, value: str) -> str:
    """What is wrong with the value of one key, by itself, as a sentence; empty if it can be used."""
    known = Settings.model_fields[key.lower()]
    if not value:
        if not known.is_required():
            return ""
        kind, cause = "missing", None
    else:
        try:
            # A type that is known only when it runs; without constraints Annotated takes none.
            kept: Any = Annotated[known.annotation, known, *known.metadata]
            TypeAdapter(kept).validate_python(value)
        except ValidationError as error:
            detail = error.errors(include_url=False, include_input=False)[0]
            kind, cause = detail["type"], detail.get("ctx", {}).get("error")
        else:
            return ""
    reason, _fix_in_a_file = explained(key, known, kind, cause)
    return _("{key} {reason}.").format(key=key, reason=reason)


def _production(given: Mapping[str, str], alone: Mapping[str, Assigned]) -> tuple[str, ...]:
    """Return the databases that are production besides ``db_name``, including those named in the file."""
    if is_connection_string(given.get("PRODUCTION_DATABASES", "")):
        return ()  # refused later
    own = {key: alone[key].value for key in ("DB_NAME", "PRODUCTION_DATABASES") if key in alone}
    names = [*words(own.get("PRODUCTION_DATABASES", "")), *words(given.get("PRODUCTION_DATABASES", ""))]
    if own.get("DB_NAME") and own["DB_NAME"] != given.get("DB_NAME"):
        names.append(own["DB_NAME"])
    return tuple(dict.fromkeys(names))


def _hide_webhook(url: str) -> None:
    """Register the path by itself, since it is the secret part and libraries may show it alone."""
    parts = urlsplit(url)
    redact.add(parts.password or "")
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    if len(path) > _SHORT_PATH:
        redact.add(path)


def _given(
    assigned: Mapping[str, Assigned], environment: Mapping[str, str], problems: Problems
) -> dict[str, str]:
    """Return the value of each known key, the environment first. Registers the secrets."""
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
    """Return the arguments for Settings: paths made absolute, empty values interpreted."""
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
    """Report a staging database that is production: staging is replaced without confirmation."""
    if settings.staging_db_name in (settings.db_name, *settings.production_databases):
        problems.add(
            "STAGING_DB_NAME",
            _("is production itself, by DB_NAME or PRODUCTION_DATABASES"),
            _('Write a name of its own, like STAGING_DB_NAME="Admisión_MTN_DB_staging".'),
        )


def _check_bucket(settings: Settings, values: Mapping[str, Any], problems: Problems) -> None:
    """Report an incomplete bucket: backups that should leave the machine would not."""
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
            standing=True,
        )
    if settings.use_minio and "USE_MINIO" in given and "MINIO_ENDPOINT" not in given:
        yield Notice(
            _("USE_MINIO is true, but there is no MINIO_ENDPOINT: backups stay on this disk only."),
            _('Set MINIO_ENDPOINT and its keys; or write MINIO_ENDPOINT="" where that is meant.'),
            standing=True,
        )


def _read(path: Path, own_only: bool) -> str:
    try:
        with path.open("rb") as file:
            if own_only and (reason := file_changeable(path, os.fstat(file.fileno()))):
                raise ConfigError(
                    _("The configuration {path} is not used: {reason}.").format(path=path, reason=reason),
                    how_to_own(path),
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
            _("Check that it is the right file."),
        )
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            _("{path}, line {line}: this is not text in UTF-8.").format(path=path, line=line),
            _("Save the file as UTF-8, or convert it: iconv -f ISO-8859-1 -t UTF-8"),
        ) from None
