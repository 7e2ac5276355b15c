"""Signing the morning off: who has looked at the checklist, when, and what stood on it.

``<state>/health/<database>-signed.jsonl`` is only appended to. A line that can't
be read is passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mtn_tui.core.errors import StorageError
from mtn_tui.core.moments import read_moment
from mtn_tui.engine.locks import slug
from mtn_tui.engine.statefiles import LineFile, open_found, refusal
from mtn_tui.operations.audit.record import record
from mtn_tui.operations.common.checks import Status
from mtn_tui.operations.common.context import Context


@dataclass(frozen=True)
class SignOff:
    """One line of it."""

    at: datetime
    operator: str
    """The account that signed."""
    name: str
    """The person, as they wrote it."""
    note: str
    statuses: Mapping[str, Status]
    """What each check came to at that moment, by their ids."""

    def holds(self, now: datetime) -> bool:
        """Whether it is of the same day, in local time."""
        return self.at.astimezone().date() == now.astimezone().date()


def sign(
    context: Context, name: str, note: str, statuses: Mapping[str, Status]
) -> tuple[SignOff, StorageError | None]:
    """Sign off what was seen; also returns why the audit trail lacks it, if it does. Raises StorageError."""
    signed = SignOff(context.clock.now(), context.operator, name or context.operator, note, dict(statuses))
    line = {
        "at": signed.at.isoformat(),
        "operator": signed.operator,
        "name": signed.name,
        "note": signed.note,
        "statuses": {check: status.value for check, status in signed.statuses.items()},
    }
    with closing(LineFile(path(context))) as file:
        file.lock()
        file.begin_afresh()
        file.append(json.dumps(line, ensure_ascii=False).encode())
        file.sync()
    told = {"name": signed.name, "note": note}
    return signed, record(context, "signed-off", context.settings.db_name, **told)


def last_sign_off(context: Context) -> SignOff | None:
    """The last one; None if nobody has ever signed off. Raises StorageError if it can't be read."""
    try:
        with os.fdopen(open_found(path(context)), "rb") as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise refusal(error, path(context)) from error
    return next((one for one in map(_read, reversed(lines)) if one is not None), None)


def path(context: Context) -> Path:
    """The file that they are written to."""
    return context.state / "health" / f"{slug(context.settings.db_name)}-signed.jsonl"


def _read(line: bytes) -> SignOff | None:
    try:
        told = json.loads(line)
        return SignOff(
            read_moment(told["at"]),
            str(told["operator"]),
            str(told["name"]),
            str(told["note"]),
            {str(check): Status(status) for check, status in told["statuses"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
