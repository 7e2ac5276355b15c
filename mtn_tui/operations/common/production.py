"""Which databases are production, on which server that was last seen, and how its replacing is confirmed.

``DB_NAME`` is production wherever there is a database of that name, and so are
those in PRODUCTION_DATABASES. The server on which ``DB_NAME`` was last seen is
remembered in the state folder, so that a restore can say: this is another one.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from mtn_tui.core.errors import Refused, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.moments import read_moment
from mtn_tui.core.settings import Settings
from mtn_tui.engine.statefiles import LineFile, open_found
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context

PHRASE = "CONFIRM DELETE PRODUCTION"
"""What the operator types, in every language; the scripts ask for the same."""

_FILE = "production.jsonl"
_LARGEST = 1 << 20
_TEST = re.compile(r".*_test(?:_[0-9]+)?", re.DOTALL)


@dataclass(frozen=True)
class LastSeen:
    """Where ``DB_NAME`` was when it was last seen."""

    system_identifier: int
    host: str
    port: int
    at: datetime


def is_production(settings: Settings, database: str) -> bool:
    """Whether a database of this name is production."""
    return database == settings.db_name or database in settings.production_databases


def is_practice(settings: Settings, database: str) -> bool:
    """Whether what a restore replaces there is not worth keeping: STAGING_DB_NAME, and names in _test.

    The runbook's monthly test is restored to ``…_test_YYYYMM``.
    """
    if is_production(settings, database):
        return False
    return database == settings.staging_db_name or _TEST.fullmatch(database) is not None


def remember(context: Context, system_identifier: int) -> None:
    """Record that ``DB_NAME`` was seen on that server. A failure to write is ignored.

    The record only decides whether a warning is shown, so no operation fails for it.
    """
    settings = context.settings
    seen = last_seen(context)
    here = (system_identifier, settings.db_host, settings.db_port)
    if seen is not None and (seen.system_identifier, seen.host, seen.port) == here:
        return
    record = {
        "at": context.clock.now().isoformat(),
        "database": settings.db_name,
        "system_identifier": str(system_identifier),
        "host": settings.db_host,
        "port": settings.db_port,
    }
    try:
        with closing(LineFile(context.state / _FILE)) as lines:
            lines.append(json.dumps(record).encode("ascii"))
    except StorageError:
        return


def last_seen(context: Context) -> LastSeen | None:
    """Where ``DB_NAME`` was last seen; None if it never was, or the record can't be read."""
    return next(reversed(every_seen(context)), None)


def every_seen(context: Context) -> list[LastSeen]:
    """Wherever ``DB_NAME`` was ever seen, the last at the end; empty if the record can't be read."""
    found = []
    try:
        with os.fdopen(open_found(context.state / _FILE), "rb") as file:
            lines = file.read(_LARGEST).split(b"\n")
    except OSError:
        return []
    for line in lines:
        try:
            record = json.loads(line)
            if record["database"] == context.settings.db_name:
                seen = LastSeen(
                    int(record["system_identifier"]),
                    str(record["host"]),
                    int(record["port"]),
                    read_moment(record["at"]),
                )
                found.append(seen)
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
    return found


def confirmation(system_identifier: int) -> str:
    """The text for ``--confirm`` that allows production on that server to be replaced."""
    return f"{PHRASE} {system_identifier}"


def check_confirmed(settings: Settings, database: str, given: str, system_identifier: int) -> None:
    """Raise Refused if ``database`` is production and ``given`` is not the text for this very server."""
    if not is_production(settings, database) or given == confirmation(system_identifier):
        return
    hint = _('Look at what would be replaced with --dry-run. Then say --confirm "{words}".').format(
        words=confirmation(system_identifier)
    )
    if not given:
        raise Refused(
            _("{database} is production. Replacing it has to be confirmed.").format(database=database),
            hint,
            "5.1",
        )
    raise Refused(
        _("{database} is production, and the confirmation is not for this server: {given!r}").format(
            database=database, given=given
        ),
        hint,
        "5.1",
    )


def still_to_confirm(check: Check, system_identifier: int) -> Check:
    """Make a missing confirmation a warning, for a plan that is still to be confirmed."""
    if check.id != "production" or check.status is not Status.STOP:
        return check
    hint = _('Without a terminal: --confirm "{words}"').format(words=confirmation(system_identifier))
    return Check(check.id, Status.WARN, check.says, hint, check.runbook)
