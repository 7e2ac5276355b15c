"""``mtn backup diff``: what has changed since the last full, or a new full where that can't be told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace

from mtn_tui.archive import mark
from mtn_tui.archive.gone_keys import gone_keys
from mtn_tui.archive.rows import CopyRows
from mtn_tui.archive.schema import SchemaHash
from mtn_tui.archive.sections import END
from mtn_tui.core.errors import ArchiveError, Locked, PostgresError, ServerLost, StorageError
from mtn_tui.core.i18n import _
from mtn_tui.core.models import Kind
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.locks import lease
from mtn_tui.operations.backup.base import Base, BaseLost, choose_base, require_still_there
from mtn_tui.operations.backup.contents import Inputs, Written
from mtn_tui.operations.backup.full import full_backup
from mtn_tui.operations.backup.key_file import open_keys
from mtn_tui.operations.backup.make import LOG, MadeBackup, about, begin, make
from mtn_tui.operations.backup.payload import write_changes
from mtn_tui.operations.common.context import Context
from mtn_tui.operations.common.metrics import write_metrics
from mtn_tui.postgres import (
    base_check,
    bulk,
    change_script,
    changes,
    large_objects,
    layout,
    leaf_tables,
    sequences_and_views,
)
from mtn_tui.postgres.blockers import Blocker, stayed_locked
from mtn_tui.postgres.changes import Broken, Change, Mode, Moved, Reader
from mtn_tui.postgres.connection import Connection, connect
from mtn_tui.postgres.dump import Dumper, gone_meanwhile
from mtn_tui.postgres.giving_way import Lookout
from mtn_tui.postgres.leaf_tables import Table
from mtn_tui.postgres.search_path import with_catalog
from mtn_tui.postgres.snapshot import Snapshot, exported
from mtn_tui.postgres.statement_kind import parts
from mtn_tui.postgres.tools import Child, beside
from mtn_tui.storage.part import PartFile

_TRIES = 5
"""After so many a full is made: tables are truncated or altered each time between snapshot and lock."""

_PAUSE = 1.0
"""Seconds between two tries."""


def differential_backup(job: Job, context: Context, *, key_is_meant: bool = False) -> MadeBackup:
    """Make a differential or, where no full can be its base, a full. Problems are warnings of the job.

    ``key_is_meant``: the operator knows that the key is another than before.
    """
    started = context.clock.now()
    begin(job, context, Kind.DIFF, started)
    try:
        made = _made(job, context, key_is_meant)
    except BaseLost as lost:
        reason = str(lost)
        job.note("warn", "full-instead", reason=reason)
        made = full_backup(job, context, key_is_meant=key_is_meant, instead=reason)
        figures = about(job, context, Kind.DIFF, started) | {
            "status": "full-instead",
            "reason": reason,
            "backup_file": made.manifest.payload,
            "total_duration_seconds": round(made.seconds["total"], 3),
        }
        write_metrics(job, context, LOG[Kind.DIFF], started, figures)
    job.result(made.facts())
    return made


def _made(job: Job, context: Context, key_is_meant: bool) -> MadeBackup:
    began = context.clock.monotonic()
    for left in reversed(range(_TRIES)):
        contents = DifferentialContents(gives_way=left > 0)
        try:
            return make(job, context, contents, context.clock.now(), key_is_meant=key_is_meant)
        except Moved as moved:
            job.token.check()
            job.note("info", "begun-anew", reason=str(moved))
            if left:
                job.token.wait(_PAUSE)
                job.token.check()
                continue
            if contents.blocker is not None:
                seconds = round(context.clock.monotonic() - began)
                raise stayed_locked(contents.blocker, seconds) from None
            reason = _("its tables were emptied or altered each of the {tries} times that they were read")
            raise BaseLost(f"{reason.format(tries=_TRIES)}: {moved}") from None
    raise AssertionError("unreachable")


@dataclass
class DifferentialContents:
    """The changes since a full, as a script."""

    gives_way: bool = True
    """Whether it lets the application through that waits for a table which it reads."""
    blocker: Blocker | None = field(default=None, init=False)
    """Who kept a table locked until it was given up."""
    _base: Base | None = field(default=None, init=False)

    @property
    def kind(self) -> Kind:
        """The kind of backup."""
        return Kind.DIFF

    def prepare(self, inputs: Inputs) -> int:
        """Choose the full; the differential takes at most about as much. Raises BaseLost if there is none."""
        self._base = choose_base(inputs)
        inputs.job.note("info", "base", name=self._base.manifest.payload, id=self._base.manifest.id)
        return 2 * self._base.manifest.size

    def write(self, inputs: Inputs, part: PartFile, held: ExitStack, watch: Stopwatch) -> Written:
        """Compare and write. Raises BaseLost, and Moved if a table changed its file meanwhile."""
        assert self._base is not None  # noqa: S101 - it was chosen before the name was claimed
        context, database = inputs.context, inputs.context.settings.db_name
        try:
            held.enter_context(lease(context.locks, self._base.manifest.payload))
        except Locked as error:
            raise BaseLost(error.title) from error
        most = None if self.gives_way else 0
        lookout = Lookout(context.server, database, inputs.application, inputs.job.note, most=most)
        with (
            watch.timing("dump"),
            lookout,
            self._noting_the_blocker(lookout),
            exported(context.server, database, inputs.application) as moment,
            closing(
                connect(
                    context.server, database, inputs.application, own_session=True, token=inputs.job.token
                )
            ) as connection,
        ):
            written = _Writing(inputs, self._base, moment, connection, lookout).written(part, watch)
        require_still_there(self._base)
        return written

    @contextmanager
    def _noting_the_blocker(self, lookout: Lookout) -> Iterator[None]:
        try:
            yield
        except Moved:
            self.blocker = lookout.blocker
            raise


@dataclass
class _Writing:
    """One differential being written, in one snapshot."""

    inputs: Inputs
    base: Base
    moment: Snapshot
    connection: Connection
    lookout: Lookout

    def __post_init__(self) -> None:
        inputs, manifest = self.inputs, self.base.manifest
        psql, context = beside(inputs.tool, "psql"), inputs.context
        self.keys = open_keys(self.base.copies, self.base.baseline.keys, inputs)

        def bulk_reader(table: Table, query: str, path: str) -> Child:
            at = (context.server, context.settings.db_name, inputs.application, self.moment.name)
            return bulk.read(psql, *at, table, query, path)

        self.reader = Reader(
            self.connection,
            self.moment.name,
            manifest.horizon,
            inputs.job.token,
            bulk_reader,
            with_catalog(inputs.source.search_path),
        )

    def written(self, part: PartFile, watch: Stopwatch) -> Written:
        manifest, baseline = self.base.manifest, self.base.baseline
        why = base_check.another_history(
            self.connection, manifest.lsn, manifest.horizon, baseline.xmax, baseline.watermark, self.moment
        )
        if why:
            raise BaseLost(why)
        with watch.timing("schema"):
            self._compare_schema()
        with watch.timing("scan"):
            found = self._find()
        self._tell(found)
        job, settings = self.inputs.job, self.inputs.context.settings
        job.phase("dump", total=None)
        payload = write_changes(job, self._script(found), part, self.inputs.key, settings.deflate_level)
        now = {change.label: change.now for change in found}
        return Written(
            self.moment,
            payload,
            manifest.schema_hash,
            base=manifest.id,
            counted=tuple((label, now[label]) for label in manifest.rows()),
        )

    def _compare_schema(self) -> None:
        inputs = self.inputs
        dumper = Dumper(
            inputs.tool, inputs.context.server, inputs.context.settings.db_name, inputs.application
        )
        schema = SchemaHash()
        child = dumper.schema(self.moment.name, bulk.LOCK_SECONDS)
        try:
            with child, inputs.job.token.calling(child.kill):
                for piece in child:
                    schema.add(piece)
        except ServerLost:
            raise
        except PostgresError as error:
            inputs.job.token.check()
            if self.lookout.cancelled or self.lookout.blocker or gone_meanwhile(error):
                raise Moved(error.title) from error
            raise
        if schema.hexdigest() != self.base.manifest.schema_hash:
            raise BaseLost(_("the schema was changed since the full"))

    def _find(self) -> list[Change]:
        job, rows, oids = self.inputs.job, self.base.manifest.rows(), self.base.baseline.oids
        file = self.base.baseline.keys
        with_keys = {section.table for section in file.sections} if file and self.keys else set()
        base = {}
        for label, count in rows.items():
            schema, name = parts(label)
            base[schema, name] = changes.Base(label, count, oids[label], label in with_keys)
        with self.reader.at_the_moment():
            if layout.layout(self.connection) != self.base.baseline.layout:
                raise BaseLost(_("columns were dropped and added again since the full"))
            tables = leaf_tables.tables(self.connection, base.keys())
        if missing := base.keys() - {(table.schema, table.name) for table in tables}:
            raise BaseLost(
                _("tables of the full are gone: {tables}").format(
                    tables=", ".join(base[one].label for one in sorted(missing))
                )
            )
        job.phase("scan", total=len(tables), unit="items")
        try:
            found = changes.find(self.reader, tables, base, job.advance)
        except Broken as broken:
            raise BaseLost(str(broken)) from None
        return [self._with_keys(one) if one.mode is Mode.MERGED else one for one in found]

    def _with_keys(self, change: Change) -> Change:
        """The change with the keys of the rows that went; with all rows, where the keys don't tell."""
        assert self.keys is not None  # noqa: S101 - else nothing is merged
        gone = None
        try:
            left = self.reader.old_keys(change.table)
            gone = gone_keys(self.keys.of(change.label), left, change.base_rows - (change.now - change.new))
        except (ArchiveError, StorageError) as error:
            self.inputs.job.note("info", "no-keys", table=change.label, reason=error.title)
        return replace(change, mode=Mode.REPLACED) if gone is None else replace(change, gone=gone)

    def _tell(self, found: list[Change]) -> None:
        for change in found:
            if change.mode is not Mode.SAME:
                self.inputs.job.note(
                    "info",
                    "changed",
                    table=change.label,
                    mode=change.mode.value,
                    rows=change.shipped,
                    was=change.base_rows,
                    now=change.now,
                )

    def _script(self, found: list[Change]) -> Iterator[bytes | CopyRows]:
        """The whole script but its first line. The rows are read as it is written."""
        manifest = self.base.manifest
        changed = [change for change in found if change.mode is not Mode.SAME]
        changed.sort(key=lambda change: change.table.calls)  # after those that their functions look into
        yield change_script.opening(
            manifest.database, manifest.id, self.moment.at.isoformat(timespec="seconds"), changed
        )
        for change in changed:
            if change.mode is Mode.MERGED:
                yield change_script.before_gone(change)
                for key in change.gone:
                    yield CopyRows(key + b"\n")
                yield change_script.ROWS_END
            yield change_script.before_rows(change)
            for row in self.reader.rows(change):
                yield CopyRows(row)
            yield change_script.ROWS_END
            yield change_script.after_rows(change)
        with self.reader.at_the_moment():
            yield b"\n"
            yield from large_objects.changes(self.connection, self.base.baseline.objects)
            yield from sequences_and_views.sequences(self.connection)
            refreshes = sequences_and_views.refreshes(self.connection)
        yield change_script.closing(
            mark.statement(self.inputs.job.id.encode()), refreshes, END, put_back=bool(changed)
        )
