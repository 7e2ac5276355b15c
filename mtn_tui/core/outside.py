"""What the environment says otherwise than the configuration's file."""

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
"""Keys whose values are told; others may hold what is nobody's business."""


@dataclass(frozen=True)
class Outside:
    """A key whose value comes from the environment, and would be another without it."""

    key: str
    value: str
    in_file: str | None
    """What the file alone says; None where it does not set the key."""


def taken(
    given: Mapping[str, str], alone: Mapping[str, Assigned], environment: Mapping[str, str]
) -> tuple[Outside, ...]:
    """The keys of ``given`` that are not what the file says by itself (``alone``).

    Also where the file itself asks for the environment's value, as in
    ``DB_NAME="${DB_NAME:-school}"``.
    """
    found = []
    for key, value in given.items():
        of_file = alone[key].value if key in alone else ""
        if value != of_file and (environment.get(key) or key in alone):
            found.append(Outside(key, value, of_file or None))
    return tuple(found)


def notices(outside: tuple[Outside, ...], path: Path) -> Iterator[Notice]:
    """What contradicts the file, each with both values where they may be shown."""
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
    """The keys, for a line that says where values come from; DB_NAME and the server's first."""
    return ", ".join(one.key for one in outside)
