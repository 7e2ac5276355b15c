"""The file of keys beside a full: which rows it has, of the tables where it pays to know.

Without it a table that lost rows is written whole into the next differential. It pays for
large tables whose rows are deleted and updated; so the server's statistics choose.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from mtn_tui.archive.manifest import KeyFile, rows_in
from mtn_tui.archive.reader import Keys
from mtn_tui.archive.sections import keys as key_blocks
from mtn_tui.archive.writer import Payload
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import Cancelled, MtnError, PostgresError, StorageError
from mtn_tui.core.models import KEYS
from mtn_tui.core.values import LONGEST_NAME
from mtn_tui.engine.pipeline import background
from mtn_tui.operations.backup.contents import Inputs
from mtn_tui.operations.backup.payload import write_blocks
from mtn_tui.operations.inventory.model import Copy
from mtn_tui.postgres import bulk, leaf_tables
from mtn_tui.postgres.connection import connect
from mtn_tui.postgres.giving_way import Lookout
from mtn_tui.postgres.leaf_tables import Table
from mtn_tui.postgres.search_path import with_catalog
from mtn_tui.postgres.server import Server
from mtn_tui.postgres.snapshot import Snapshot, in_snapshot
from mtn_tui.postgres.statement_kind import parts
from mtn_tui.postgres.tools import beside
from mtn_tui.storage.part import PartFile

_ROWS = 10_000
"""Smaller tables are written whole."""


class KeysBeside:
    """Writes the file of keys beside a payload, on a thread of its own, while its block writes the payload.

    What keeps it from being written is only noted: a differential can do without. Its sessions have
    another name than pg_dump's: those that are in somebody's way are cancelled.
    """

    def __init__(self, inputs: Inputs, moment: Snapshot, payload: Path) -> None:
        self._inputs = inputs
        self._moment = moment
        self._path = payload.with_name(payload.name + KEYS)
        self._application = inputs.application.replace("@", "@keys@", 1)[:LONGEST_NAME]
        self._held = ExitStack()
        self._token = CancelToken()
        self._failed: set[str] = set()

    def __enter__(self) -> KeysBeside:
        self._stack = ExitStack()
        self._stack.enter_context(self._held)
        self._thread = self._stack.enter_context(background(self._write, "mtn-keys"))
        self._stack.callback(self._token.cancel)
        self._stack.enter_context(self._inputs.job.token.calling(self._token.cancel))
        return self

    def __exit__(self, *_unused: object) -> None:
        self._stack.close()

    def keep(self, rows: Mapping[str, int], held: ExitStack) -> tuple[PartFile, KeyFile] | None:
        """Wait until it is written and leave it open in ``held``; None if there are no keys to keep.

        ``rows`` are those that the payload has of each table: one whose keys are not as many is left out.
        """
        written = self._thread.result()
        self._inputs.job.token.check()
        if written is None:
            return None
        part, payload = written
        names = {parts(label): label for label in rows}
        counted = rows_in(payload.sections)
        sections = tuple(
            replace(section, table=label)
            for section in payload.sections
            for label in [names.get(parts(section.table), "")]
            if label and counted[section.table] == rows[label] and section.table not in self._failed
        )
        if not sections:
            return None
        held.push(self._held.pop_all())
        return part, KeyFile(payload.size, payload.sha256, payload.salt, sections)

    def _write(self) -> tuple[PartFile, Payload] | None:
        try:
            if not (wanted := self._wanted()):
                return None
            part = self._held.enter_context(PartFile(self._path))
            return part, self._read(wanted, part)
        except Cancelled:
            return None
        except (StorageError, PostgresError) as error:
            self._inputs.job.note("warn", "no-keys", reason=error.title)
            return None

    def _wanted(self) -> list[Table]:
        """The tables where it pays."""
        with closing(connect(*self._at, token=self._token)) as connection:
            with in_snapshot(connection, self._moment):
                found = leaf_tables.tables(connection)
            return leaf_tables.changing(connection, [one for one in found if one.comparable], over=_ROWS)

    @property
    def _at(self) -> tuple[Server, str, str]:
        context = self._inputs.context
        return context.server, context.settings.db_name, self._application

    def _read(self, wanted: Sequence[Table], part: PartFile) -> Payload:
        inputs = self._inputs
        psql = beside(inputs.tool, "psql")
        blocks = key_blocks((table.label, self._lines(psql, table)) for table in wanted)
        with Lookout(*self._at, inputs.job.note, most=len(wanted)):
            level = inputs.context.settings.deflate_level
            return write_blocks(blocks, part, inputs.key, level, self._token)

    def _lines(self, psql: Path, table: Table) -> Iterator[bytes]:
        key = ", ".join(table.key)
        query = f"SELECT {key} FROM {table.rows_of} ORDER BY {key}"  # noqa: S608 - quoted
        paths = ["", with_catalog(self._inputs.source.search_path)] if table.calls else [""]
        begun, reason = False, ""
        for path in paths:
            read = bulk.read(psql, *self._at, self._moment.name, table, query, path)
            try:
                with read as child, self._token.calling(child.kill):
                    for piece in child:
                        begun = True
                        yield piece
                return
            except PostgresError as error:
                self._token.check()
                reason = error.title
            if begun:
                break
        self._failed.add(table.label)
        self._inputs.job.note("info", "no-keys", table=table.label, reason=reason)


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
