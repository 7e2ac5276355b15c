"""Settings for which the environment overrides the configuration's file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mtn_tui.core.advice import Notice
from mtn_tui.core.i18n import _
from mtn_tui.core.shell_value import Assigned

_SHOWN = frozenset(
    (
        *("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "STAGING_DB_NAME", "PRODUCTION_DATABASES"),
        *(
            "PG_DUMP",
            "PSQL",
            "BACKUP_DIR",
            "LOG_DIR",
            "METRICS_DIR",
            "TEMP_DIR",
            "STATE_DIR",
            "BACKUP_PREFIX",
        ),
        *("CONTACTS_FILE", "ENABLE_ENCRYPTION", "ENCRYPTION_KEY_FILE", "ENABLE_POST_BACKUP_VERIFY"),
        *(
            "ENABLE_POST_RESTORE_VERIFY",
            "ENABLE_TEST_LOAD",
            "USE_MINIO",
            "MINIO_ENDPOINT",
            "MINIO_BUCKET",
            "S3_BUCKET",
        ),
        *("DEFLATE_LEVEL", "KEEP_REPLACED_DAYS"),
    )
)
"""Keys whose values may be shown; others may be confidential."""


@dataclass(frozen=True)
class Outside:
    """A key whose value comes from the environment and would differ without it."""

    key: str
    value: str
    in_file: str | None
    """The value in the file alone; None if the file does not set the key."""


def taken(
    given: Mapping[str, str], alone: Mapping[str, Assigned], environment: Mapping[str, str]
) -> tuple[Outside, ...]:
    """Return the keys of ``given`` whose value differs from that of the file by itself (``alone``).

    Includes files that refer to the environment, as in ``DB_NAME="${DB_NAME:-school}"``.
    """
    found = []
    for key, value in given.items():
        of_file = alone[key].value if key in alone else ""
        if value != of_file and (environment.get(key) or key in alone):
            found.append(Outside(key, value, of_file or None))
    return tuple(found)


def notices(outside: tuple[Outside, ...], path: Path) -> Iterator[Notice]:
    """Yield a notice for each value that contradicts the file, showing both where allowed."""
    for one in outside:
        if one.in_file is None:
            continue
        text = _("{key} is taken from the environment; {path} says otherwise.")
        if one.key in _SHOWN:
            text = _("{key} is {value}, taken from the environment; {path} says {in_file}.")
        if one.key == "DB_NAME":
            text += " " + _("Both are treated as production.")
        fix = _("If that is not meant: unset {key}").format(key=one.key)
        yield Notice(text.format(key=one.key, value=one.value, path=path, in_file=one.in_file), fix)


def named(outside: tuple[Outside, ...]) -> str:
    """Return the keys, comma-separated, in the order of the settings."""
    return ", ".join(one.key for one in outside)
