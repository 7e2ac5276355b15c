"""What a drill asks of a restored database: Appendix B as far as SQL can tell, and a checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import PostgresError, ServerLost
from mtn_tui.core.i18n import _
from mtn_tui.operations.common import labels
from mtn_tui.operations.common.checks import Check, Status
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.metrics import past_figures
from mtn_tui.operations.inventory.model import Backup
from mtn_tui.operations.restore import validate
from mtn_tui.operations.restore.count_rows import Loaded
from mtn_tui.operations.restore.scratch import Scratch
from mtn_tui.postgres import compare, foreign_keys
from mtn_tui.postgres.connection import Connection, connect

_NOT_LET = "42501"
"""SQLSTATE: a right is missing, or row security would hide rows."""


@dataclass(frozen=True)
class Answers:
    """What was found."""

    checks: tuple[Check, ...]
    checksum: str
    """Of the checksums of all tables, in hex; empty if not every table can be read.

    The drills of one backup must agree in it. It says nothing of the live database, which has gone on since.
    """


def ask(token: CancelToken, context: Context, backup: Backup, scratch: Scratch, counted: Loaded) -> Answers:
    """Ask the restored database. Raises PostgresError where it does not answer."""
    with connect(context.server, scratch.name, scratch.application, token=token) as connection:
        checks = [
            *validate.contents(connection, backup),
            *(one for one in validate.of_rows(counted) if one.id != "not-counted"),  # told when they were
            _keys(connection, applied=backup.base is not None),
        ]
    checksum = ""
    try:
        checksum = _checksum(context, scratch.name, token)
    except PostgresError as error:
        if error.sqlstate != _NOT_LET:
            raise
        text = _("No checksum of its rows, for this user may not read all of them: {reason}")
        checks.append(Check("checksum", Status.UNKNOWN, text.format(reason=error.title)))
    if as_before := _as_before(context, backup, checksum):
        checks.append(as_before)
    return Answers(tuple(checks), checksum)


def _as_before(context: Context, backup: Backup, checksum: str) -> Check | None:
    """Whether the last drill of the same backup on this machine found the same rows; None without one."""
    before = next(_earlier(context, str(backup.name)), None) if checksum else None
    if before is None:
        return None
    when, found = before
    if found == checksum:
        return Check(
            "as-before", Status.OK, _("Its rows are those of the drill of {when}.").format(when=when)
        )
    text = _("Its rows are not those of the drill of {when}, of the same backup.")
    hint = _(
        "Columns that hold oids may differ. Otherwise one of the two was not restored as it was backed up."
    )
    return Check("as-before", Status.WARN, text.format(when=when), hint)


def _earlier(context: Context, name: str) -> Iterator[tuple[str, str]]:
    """When that backup was drilled before and what checksum that found, the last first."""
    for figures in past_figures(context, "drill"):
        if figures.get("backup_file") == name and figures.get("checksum"):
            yield labels.moment(datetime.fromisoformat(figures["timestamp"])), figures["checksum"]


def _keys(connection: Connection, *, applied: bool) -> Check:
    """Whether every foreign key holds. PostgreSQL has seen to it, unless a differential was ``applied``."""
    look: Callable[[Connection], list[str]] = foreign_keys.violated if applied else lambda _connection: []
    try:
        violated, open_ones = look(connection), foreign_keys.not_validated(connection)
    except ServerLost:
        raise
    except PostgresError as error:
        text = _("Foreign keys were not checked: {reason}")
        return Check("foreign-keys", Status.UNKNOWN, text.format(reason=error.title))
    if violated:
        text = _("Rows refer to rows that are not there (foreign keys {names}).")
        return Check("foreign-keys", Status.FAIL, text.format(names=", ".join(violated)))
    if open_ones:
        text = _("Foreign keys that were never validated, as in the source: {names}.")
        hint = _("In the source: ALTER TABLE … VALIDATE CONSTRAINT …")
        return Check("foreign-keys", Status.WARN, text.format(names=", ".join(open_ones)), hint)
    return Check("foreign-keys", Status.OK, _("Every foreign key holds."))


def _checksum(context: Context, database: str, token: CancelToken) -> str:
    digests = compare.table_digests(context.server, database, token)
    told = "".join(f"{name}\t{rows}\t{digest}\n" for name, (rows, digest) in sorted(digests.items()))
    return hashlib.sha256(told.encode(errors="surrogateescape")).hexdigest()
