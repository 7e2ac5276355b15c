"""``mtn doctor --try``: runbook 8.3, new credentials are proven before they replace the old ones.

The checks are those of the doctor, with the new values in place of the
configured ones. Nothing is written but the few bytes with which a bucket is tried.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from mtn_tui.core.errors import UsageError
from mtn_tui.core.i18n import _
from mtn_tui.core.settings_file import Loaded
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.stores import open_stores
from mtn_tui.operations.health.catalogue import BY_ID
from mtn_tui.operations.health.inspection import Inspection
from mtn_tui.operations.health.registry import LOOKS
from mtn_tui.operations.health.runner import Result, examine

_DATABASE = ("server", "role", "pg_dump")
_BUCKET = ("bucket",)

_CHECKS = {
    **dict.fromkeys(("DB_HOST", "DB_PORT", "DB_NAME", "DB_USER", "DB_PASSWORD", "PG_DUMP"), _DATABASE),
    **dict.fromkeys(("USE_MINIO", "MINIO_ENDPOINT", "MINIO_BUCKET", "S3_BUCKET"), _BUCKET),
    **dict.fromkeys(("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY", "S3_REGION", "S3_CA_FILE"), _BUCKET),
    **dict.fromkeys(("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"), _BUCKET),
    **dict.fromkeys(("AWS_SESSION_TOKEN", "AWS_DEFAULT_REGION"), _BUCKET),
}
"""The checks that tell whether a key's value works."""


def require_known(keys: Iterable[str]) -> None:
    """Raise UsageError for a key that no check here is about."""
    for key in keys:
        if key not in _CHECKS:
            raise UsageError(
                _("{key} is none of the keys that can be tried.").format(key=key),
                _("These can: {keys}").format(keys=" ".join(_CHECKS)),
            )


def attempt(keys: Iterable[str], loaded: Loaded, context: Context) -> list[Result]:
    """What the checks of these keys come to, with ``loaded``, in which they have their new values."""
    wanted = {name for key in keys for name in _CHECKS[key]}
    with TemporaryDirectory(prefix="mtn-try-") as folder:
        # What is remembered of the server and the stores is to stay as it is.
        tried = replace(
            context, settings=loaded.settings, stores=open_stores(loaded.settings), state=Path(folder)
        )
        checks = [one for name, one in BY_ID.items() if name in wanted]
        return examine(Inspection(tried, loaded), checks, LOOKS)
