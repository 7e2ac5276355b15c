"""From pg_dump's pipe to an encrypted payload, with several threads between."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from mtn_tui.archive import mark
from mtn_tui.archive.cipher import new_salt
from mtn_tui.archive.keys import Key
from mtn_tui.archive.rows import CopyRows
from mtn_tui.archive.schema import SchemaHash
from mtn_tui.archive.sections import END, Block, changes, split
from mtn_tui.archive.statements import Statement, Text, texts
from mtn_tui.archive.writer import Payload, Writer, compress
from mtn_tui.core.cancel import CancelToken
from mtn_tui.core.errors import NoSpace, PostgresError, Truncated
from mtn_tui.engine.jobs import Job
from mtn_tui.engine.pipeline import ordered_map
from mtn_tui.postgres import statistics
from mtn_tui.postgres.dump import Dump
from mtn_tui.postgres.tools import Child
from mtn_tui.storage.part import PartFile

_PATIENCE = 60.0
"""Seconds that statistics are waited for once all else is written."""

_COMPRESSORS = min(os.cpu_count() or 1, 8)


def tail(backup_id: str) -> bytes:
    """The end of the script, which puts ``[mtn <id>]`` into the database's comment.

    A differential demands that mark of the database it is applied to.
    """
    return b"""
--
-- Marks the database with the backup it was restored from.
--

%b;

--
%b
--
""" % (mark.statement(backup_id.encode()), END)


@dataclass(frozen=True)
class Written:
    """What ``write_payload`` has written."""

    payload: Payload
    schema_hash: str


def write_payload(
    job: Job, dump: Dump, statistics_run: Child | None, part: PartFile, key: Key, backup_id: str, level: int
) -> Written:
    """Write a dump and the statistics that ``statistics_run`` writes into ``part``.

    ``level`` is libdeflate's. The job advances by bytes of SQL.
    """

    def kill() -> None:
        dump.kill()
        if statistics_run is not None:
            statistics_run.kill()

    schema = SchemaHash()
    told = _set_by(statistics_run, job) if statistics_run else ()
    blocks = split(dump.pieces, tail(backup_id), schema.add, told)
    with job.token.calling(kill):
        payload = write_blocks(blocks, part, key, level, job.token, job.advance, kill)
    return Written(payload, schema.hexdigest())


def _set_by(script: Child, job: Job) -> Iterator[bytes]:
    """The statements of a script that set statistics; those before the end where pg_dump fails.

    A restore gathers what lacks.
    """
    if not script.has_output(_PATIENCE):
        script.kill()
    try:
        for text in texts(script):
            if not (isinstance(text, Text) and isinstance(text.event, Statement)):
                continue
            if statistics.are_set(text.event.sql) and not statistics.say_nothing(text.event.sql):
                yield text.data
    except (PostgresError, NoSpace, Truncated) as error:
        job.token.check()
        job.note("warn", "no-statistics", reason=error.title)


def write_changes(
    job: Job, script: Iterable[bytes | CopyRows], part: PartFile, key: Key, level: int
) -> Payload:
    """Write the script of a differential, less its first line, into ``part``."""
    return write_blocks(changes(script), part, key, level, job.token, job.advance)


def write_blocks(
    blocks: Iterator[Block],
    part: PartFile,
    key: Key,
    level: int,
    token: CancelToken,
    advance: Callable[[int], None] = lambda size: None,
    on_stop: Callable[[], None] | None = None,
) -> Payload:
    """Compress, encrypt and write blocks. ``advance`` gets bytes of SQL.

    ``on_stop`` ends what the blocks come from, if writing fails.
    """
    writer = Writer(key, new_salt(), part.write)
    members = ordered_map(
        blocks,
        partial(compress, level=level),
        workers=_COMPRESSORS,
        depth=_COMPRESSORS * 3 + 2,
        token=token,
        on_stop=on_stop,
    )
    with closing(members):
        for member in members:
            writer.append(member)
            advance(member.raw)
    return writer.finish()
