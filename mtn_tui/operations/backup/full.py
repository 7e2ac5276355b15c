"""``mtn backup full``: the whole database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace

from mtn_tui.archive.manifest import Baseline, rows_in
from mtn_tui.core.models import Kind
from mtn_tui.core.stopwatch import Stopwatch
from mtn_tui.engine.jobs import Job
from mtn_tui.operations.backup.contents import Inputs, Written
from mtn_tui.operations.backup.key_file import KeysBeside
from mtn_tui.operations.backup.make import MadeBackup, begin, make, make_unrecorded
from mtn_tui.operations.backup.payload import write_payload
from mtn_tui.operations.common.context import Context
from mtn_tui.postgres import large_objects, layout, statistics, watermark
from mtn_tui.postgres.connection import connect
from mtn_tui.postgres.dump import Dump, Dumper, opened
from mtn_tui.postgres.snapshot import in_snapshot
from mtn_tui.postgres.tools import Child
from mtn_tui.storage.part import PartFile


def full_backup(
    job: Job, context: Context, *, verbose: bool = False, key_is_meant: bool = False, instead: str = ""
) -> MadeBackup:
    """Make a full backup. Problems that did not make it fail are warnings of the job.

    ``key_is_meant``: the operator knows that the key is another than before. ``instead``:
    why it is made although a differential was asked for.
    """
    started = context.clock.now()
    if not instead:
        begin(job, context, Kind.FULL, started)
    made = make(job, context, FullContents(verbose), started, key_is_meant=key_is_meant)
    made = replace(made, instead=instead)
    job.result(made.facts())
    return made


def safety_backup(job: Job, context: Context, database: str) -> MadeBackup:
    """Back up any database within another job; always read it back, whatever the configuration says."""
    changed = {"db_name": database, "enable_post_backup_verify": True}
    of_it = replace(context, settings=context.settings.model_copy(update=changed))
    return make_unrecorded(job, of_it, FullContents())


@dataclass(frozen=True)
class FullContents:
    """One run of pg_dump."""

    verbose: bool = False

    @property
    def kind(self) -> Kind:
        """The kind of backup."""
        return Kind.FULL

    def prepare(self, inputs: Inputs) -> int:
        """Nothing keeps a full from being made; it takes at most what the database does."""
        return inputs.source.size

    def write(self, inputs: Inputs, part: PartFile, held: ExitStack, watch: Stopwatch) -> Written:
        """Write pg_dump's script and, beside it, the keys of its rows."""
        job, settings = inputs.job, inputs.context.settings
        dumper = Dumper(
            inputs.tool,
            inputs.context.server,
            settings.db_name,
            inputs.application,
            self.verbose,
            lambda line: job.note("info", "pg_dump", line=line),
        )
        likely = inputs.earlier[0].raw if inputs.earlier else inputs.source.size
        job.phase("dump", total=likely or None)
        opening = opened(dumper, job.token, lambda text: job.note("info", "dump-opening", text=text))
        with watch.timing("dump"), opening as dump:
            at = (inputs.context.server, settings.db_name, inputs.application)
            with closing(connect(*at, token=job.token)) as connection:
                marked = watermark.leave(connection)
            with (
                KeysBeside(inputs, dump.snapshot, part.path) as keys_beside,
                _statistics(dumper, dump, inputs) as set_by,
            ):
                level = settings.deflate_level
                written = write_payload(job, dump, set_by, part, inputs.key, job.id, level)
                rows = rows_in(written.payload.sections)
                with watch.timing("keys"):
                    keys, file = keys_beside.keep(rows, held) or (None, None)
            with closing(connect(*at, token=job.token)) as connection:
                with in_snapshot(connection, dump.snapshot):
                    objects = large_objects.digests(connection)
                    columns = layout.layout(connection)
                kept = watermark.until_flushed(connection, marked)
        baseline = None
        if kept is not None:
            oids = dump.oids(rows)
            baseline = Baseline(dump.snapshot.xmax, kept.transactions, oids, objects, file, columns)
        return Written(
            dump.snapshot,
            written.payload,
            written.schema_hash,
            dump.altered,
            baseline,
            keys=keys if kept else None,
        )


@contextmanager
def _statistics(dumper: Dumper, dump: Dump, inputs: Inputs) -> Iterator[Child | None]:
    """What gives a script that sets the planner's statistics; None where pg_dump or the server is too old."""
    if min(inputs.tool.major, inputs.source.server.version_num // 10_000) < statistics.SINCE:
        yield None
        return
    with dumper.statistics(dump.snapshot.name) as child:
        yield child
