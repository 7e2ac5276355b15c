"""The file of keys beside a full: which rows it has, of the tables where it pays to know.

Without it a table that lost rows is written whole into the next differential. It pays for
large tables whose rows are deleted and updated; so the server's statistics choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from mtn_tui.archive.manifest import KeyFile, rows_in
from mtn_tui.archive.reader import Keys
from mtn_tui.archive.sections import keys as key_blocks
from mtn_tui.core.errors import MtnError, PostgresError, StorageError
from mtn_tui.core.models import KEYS
from mtn_tui.operations.backup.contents import Inputs
from mtn_tui.operations.backup.payload import write_blocks
from mtn_tui.operations.inventory.model import Copy
from mtn_tui.postgres import bulk, leaf_tables
from mtn_tui.postgres.connection import Connection
from mtn_tui.postgres.giving_way import Lookout
from mtn_tui.postgres.leaf_tables import Table
from mtn_tui.postgres.snapshot import Snapshot, in_snapshot
from mtn_tui.postgres.statement_kind import parts
from mtn_tui.postgres.tools import beside
from mtn_tui.storage.part import PartFile

_ROWS = 10_000
"""Smaller tables are written whole."""


def keys_beside(
    inputs: Inputs,
    connection: Connection,
    moment: Snapshot,
    rows: Mapping[str, int],
    payload: Path,
    held: ExitStack,
) -> tuple[PartFile, KeyFile] | None:
    """Write the file of keys beside a payload and leave it open in ``held``; None if there are none.

    What keeps it from being written is only noted: a differential can do without.
    """
    try:
        with ExitStack() as trying:
            part = trying.enter_context(PartFile(payload.with_name(payload.name + KEYS)))
            file = _write_keys(inputs, connection, moment, rows, part)
            if file is None:
                return None
            held.push(trying.pop_all())
            return part, file
    except StorageError as error:
        inputs.job.note("warn", "no-keys", reason=error.title)
        return None


def _write_keys(
    inputs: Inputs, connection: Connection, moment: Snapshot, rows: Mapping[str, int], part: PartFile
) -> KeyFile | None:
    """Write the keys of the tables where it pays; None if there are none.

    ``rows`` are those that the full has of each table. A table whose keys can't be
    read, or are not as many, is left out; so is one for which somebody waits meanwhile.
    """
    job, context = inputs.job, inputs.context
    large = {parts(label): label for label, count in rows.items() if count > _ROWS}
    if not large:
        return None
    database = context.settings.db_name
    with in_snapshot(connection, moment):
        found = leaf_tables.tables(connection, [(schema, name) for schema, name in large])
    wanted = leaf_tables.changing(connection, [one for one in found if one.comparable])
    if not wanted:
        return None
    psql = beside(inputs.tool, "psql")
    failed: set[str] = set()

    def lines(table: Table, label: str) -> Iterator[bytes]:
        key = ", ".join(table.key)
        query = f"SELECT {key} FROM {table.rows_of} ORDER BY {key}"  # noqa: S608 - quoted
        read = bulk.read(psql, context.server, database, inputs.application, moment.name, table, query)
        try:
            with read as child, job.token.calling(child.kill):
                yield from child
        except PostgresError as error:
            job.token.check()
            failed.add(label)
            job.note("info", "no-keys", table=label, reason=error.title)

    labelled = [(table, large[table.schema, table.name]) for table in wanted]
    blocks = key_blocks((label, lines(table, label)) for table, label in labelled)
    with Lookout(context.server, database, inputs.application, job.note, most=len(labelled)):
        payload = write_blocks(job, blocks, part, inputs.key, context.settings.deflate_level)
    whole = {
        label
        for label, count in rows_in(payload.sections).items()
        if count == rows[label] and label not in failed
    }
    sections = tuple(section for section in payload.sections if section.table in whole)
    return KeyFile(payload.size, payload.sha256, payload.salt, sections) if sections else None


def open_keys(copies: tuple[Copy, ...], file: KeyFile | None, inputs: Inputs) -> Keys | None:
    """Open the file of keys in the first store that has it; None without one."""
    if file is None or not file.sections:
        return None
    for copy in copies:
        try:
            if copy.store.stat(copy.key + KEYS).size == file.size:
                return Keys(partial(copy.store.open, copy.key + KEYS), inputs.key, file)
        except MtnError as error:
            inputs.job.note("info", "no-keys", store=copy.store.name, reason=error.title)
    return None
