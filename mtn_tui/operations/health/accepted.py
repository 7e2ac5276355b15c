"""What somebody has said that no check can see: that the key is kept elsewhere, that a disk is watched.

``<state>/accepted.json``: by what was said and of what (a key's fingerprint, a
server's address), so that another key or server asks again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from mtn_tui.archive.proof import Mark
from mtn_tui.core.moments import read_moment
from mtn_tui.engine.locks import turn
from mtn_tui.engine.statefiles import open_found, refusal, write_whole
from mtn_tui.operations.common.context import Context

KEY_ELSEWHERE = "key-elsewhere"
"""That a copy of the key is kept in another place; of its fingerprint."""
SERVER_DISK = "server-disk"
"""That the database server's disk is watched by other means; of its host and port."""
ROWS = "rows"
"""That rows were deleted on purpose; of the database, the main table, and how many rows it has since."""

_FILE = "accepted.json"


def accept(context: Context, what: str, of: str, note: str = "") -> None:
    """Write down that the operator has said so, now. Raises StorageError."""
    path = _path(context)
    with turn(context.locks, _FILE):
        records = _load(context)
        mark = {"at": context.clock.now().isoformat(), "operator": context.operator, "note": note}
        records.setdefault(what, {})[of] = mark
        try:
            write_whole(path, json.dumps(records, ensure_ascii=False, indent=1).encode() + b"\n")
        except OSError as error:
            raise refusal(error, path) from error


def accepted(context: Context, what: str, of: str) -> Mark | None:
    """Who has said so, and when; None if nobody has, or it can't be read."""
    return all_accepted(context, what).get(of)


def all_accepted(context: Context, what: str) -> dict[str, Mark]:
    """Every acceptance of ``what``, by what it is of; without those that can't be read."""
    told = _load(context).get(what)
    known = {of: _read(mark) for of, mark in told.items()} if isinstance(told, dict) else {}
    return {of: mark for of, mark in known.items() if mark is not None}


def _read(found: Mapping[str, str]) -> Mark | None:
    try:
        return Mark(read_moment(found["at"]), found["operator"], found["note"])
    except (ValueError, KeyError, TypeError):
        return None


def _load(context: Context) -> dict[str, dict[str, dict[str, str]]]:
    try:
        with os.fdopen(open_found(_path(context)), encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _path(context: Context) -> Path:
    return context.state / _FILE
